"""Bucket policies in Scaleway's dialect `2023-04-17`: validation and evaluation.

Source: Scaleway's bucket-policy documentation. Once a bucket has a policy, what no Allow statement
covers is refused to everybody. A Deny statement that matches wins (it can only narrow).
"""

import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from portal.training.sandbox.conditions import in_range
from portal.training.sandbox.s3_errors import S3Error


VERSION, OLD_VERSION = "2023-04-17", "2012-10-17"
MAX_BYTES = 20_480  # not documented: AWS's limit
_BUCKET_ACTIONS = (
    "DeleteBucketWebsite GetBucketAcl GetBucketCORS GetBucketLocation "
    "GetBucketObjectLockConfiguration GetBucketTagging GetBucketVersioning GetBucketWebsite "
    "GetLifecycleConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions "
    "PutBucketAcl PutBucketCORS PutBucketObjectLockConfiguration PutBucketTagging "
    "PutBucketVersioning PutBucketWebsite PutLifecycleConfiguration"
)
_OBJECT_ACTIONS = (
    "AbortMultipartUpload DeleteObject DeleteObjectTagging DeleteObjectVersion "
    "DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectLegalHold GetObjectRetention "
    "GetObjectTagging GetObjectVersion GetObjectVersionTagging ListMultipartUploadParts PutObject "
    "PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionTagging "
    "RestoreObject"
)
BUCKET_ACTIONS = frozenset(f"s3:{name}" for name in _BUCKET_ACTIONS.split())
OBJECT_ACTIONS = frozenset(f"s3:{name}" for name in _OBJECT_ACTIONS.split())
EVERYTHING = frozenset(("*", "s3:*"))
KEYS = {"aws:sourceip", "aws:referer", "aws:currenttime", "aws:epochtime", "s3:prefix"}
_PRINCIPAL = re.compile(r"^(application_id|user_id|project_id):[0-9a-f-]{36}$")


@dataclass(frozen=True)
class Facts:
    """What a request is judged on; `prefix` only for listings that name one."""

    source_ip: str
    time: datetime  # UTC
    referer: str | None = None
    prefix: str | None = None

    def value(self, key: str) -> str | None:
        return {
            "aws:sourceip": self.source_ip,
            "aws:referer": self.referer,
            "aws:currenttime": self.time.isoformat(),
            "aws:epochtime": str(int(self.time.timestamp())),
            "s3:prefix": self.prefix,
        }.get(key.lower())


@dataclass(frozen=True)
class Statement:
    allow: bool
    everyone: bool
    principals: frozenset[str]
    actions: frozenset[str]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]  # operator, key, values

    def covers(self, *, principal: str | None, action: str, resource: str, facts: Facts) -> bool:
        """`principal` is `application_id:<uuid>`, None for an anonymous request."""
        return (
            (self.everyone or principal in self.principals)
            and bool(self.actions & (EVERYTHING | {action}))
            and any(_like(resource, pattern) for pattern in self.resources)
            and all(_holds(op, key, values, facts) for op, key, values in self.conditions)
        )


def allows(policy: str, *, principal: str | None, action: str, resource: str, facts: Facts) -> bool:
    """Whether the policy lets this request through (IAM is asked separately)."""
    matching = [
        s
        for s in statements(policy)
        if s.covers(principal=principal, action=action, resource=resource, facts=facts)
    ]
    return any(s.allow for s in matching) and all(s.allow for s in matching)


def malformed(message: str) -> S3Error:
    return S3Error(400, "MalformedPolicy", message)


@lru_cache(maxsize=512)
def statements(policy: str) -> tuple[Statement, ...]:
    """The statements of a policy that was accepted."""
    return tuple(_statement(s) for s in _many(json.loads(policy)["Statement"]))


def normalize(text: bytes, *, bucket: str, known: Callable[[str], bool]) -> str:
    """Check a policy sent for `bucket` and give the text that is stored and answered.

    `known(principal)` says whether a principal exists. Raises S3Error 400 MalformedPolicy.
    """
    if len(text) > MAX_BYTES:
        raise malformed("Policy is too large")
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise malformed("Policies must be valid JSON") from error
    if not isinstance(policy, dict) or set(policy) - {"Version", "Id", "Statement"}:
        raise malformed("Policy has an unknown field")
    version = policy.get("Version")
    if version not in (VERSION, OLD_VERSION):
        raise malformed("Policy has invalid version")
    if len(str(policy.get("Id", ""))) > 280:
        raise malformed("Policy id is too long")
    if not policy.get("Statement"):
        raise malformed("Policy has no statement")
    for raw in _many(policy["Statement"]):
        if not isinstance(raw, dict):
            raise malformed("Policy has invalid statement")
        _check(raw, bucket=bucket, version=version, known=known)
        if isinstance(raw["Action"], list):  # the answer has them sorted (recorded)
            raw["Action"] = sorted(raw["Action"])
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check(raw: dict[str, Any], *, bucket: str, version: str, known: Callable[[str], bool]) -> None:
    if set(raw) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}:
        raise malformed("Policy has an unknown field in a statement")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise malformed("Policy has invalid effect")
    everyone, principals = _principals(raw.get("Principal"))
    if not everyone and not principals:
        raise malformed("Policy has invalid principal")
    for principal in principals:
        too_new = version == OLD_VERSION and principal.startswith("application_id:")
        if not _PRINCIPAL.match(principal) or too_new or not known(principal):
            raise malformed("Policy has invalid principal")
    actions = _many(raw.get("Action") or [])
    valid = EVERYTHING | BUCKET_ACTIONS | OBJECT_ACTIONS
    if not actions or any(a not in valid for a in actions):
        raise malformed("Policy has invalid action")
    resources = _many(raw.get("Resource") or [])
    if not resources or any(
        not isinstance(r, str) or (r != bucket and not r.startswith(f"{bucket}/"))
        for r in resources
    ):
        raise malformed("Policy has invalid resource")
    try:
        for op, key, values in _statement(raw).conditions:
            if op not in OPERATORS or key.lower() not in KEYS or not values:
                raise malformed("Policy has invalid condition")
            _check_values(op, values)
    except (TypeError, AttributeError, ValueError) as error:
        raise malformed("Policy has invalid condition") from error


def _check_values(op: str, values: tuple[str, ...]) -> None:
    for value in values:
        if op in ("IpAddress", "NotIpAddress"):
            in_range("127.0.0.1", value)
        elif op.startswith("Date"):
            moment(value)


def _principals(raw: Any) -> tuple[bool, frozenset[str]]:
    if raw == "*":
        return True, frozenset()
    if not isinstance(raw, dict) or set(raw) != {"SCW"}:
        raise malformed("Policy has invalid principal")
    names = [str(name) for name in _many(raw["SCW"])]
    return "*" in names, frozenset(name for name in names if name != "*")


def _statement(raw: dict[str, Any]) -> Statement:
    everyone, principals = _principals(raw["Principal"])
    return Statement(
        allow=raw["Effect"] == "Allow",
        everyone=everyone,
        principals=principals,
        actions=frozenset(_many(raw["Action"])),
        resources=tuple(_many(raw["Resource"])),
        conditions=tuple(
            (op, key, tuple(str(v) for v in _many(values)))
            for op, keys in (raw.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    )


def _like(text: str, pattern: str) -> bool:
    """`*` and `?` only; brackets are ordinary characters in a policy."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def moment(value: str) -> datetime:
    """A policy's date: ISO 8601 (UTC when it has no offset) or seconds since 1970."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return datetime.fromtimestamp(float(value), UTC)
    parsed = datetime.fromisoformat(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


Compare = Callable[[str, str], bool]
# operator: comparison, and whether it is a negation (all values must differ; absent key holds)
OPERATORS: dict[str, tuple[Compare, bool]] = {
    "IpAddress": (in_range, False),
    "NotIpAddress": (in_range, True),
    "StringEquals": (lambda a, b: a == b, False),
    "StringNotEquals": (lambda a, b: a == b, True),
    "StringEqualsIgnoreCase": (lambda a, b: a.lower() == b.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda a, b: a.lower() == b.lower(), True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "DateGreaterThan": (lambda a, b: moment(a) > moment(b), False),
    "DateGreaterThanEquals": (lambda a, b: moment(a) >= moment(b), False),
    "DateLessThan": (lambda a, b: moment(a) < moment(b), False),
    "DateLessThanEquals": (lambda a, b: moment(a) <= moment(b), False),
}


def _holds(op: str, key: str, values: tuple[str, ...], facts: Facts) -> bool:
    compare, negated = OPERATORS[op]
    actual = facts.value(key)
    if actual is None:
        return negated
    return any(compare(actual, value) for value in values) is not negated
