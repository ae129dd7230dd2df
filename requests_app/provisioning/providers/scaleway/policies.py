"""Bucket policies of a study, in Scaleway's words. Pure: no Django, no network, no clock.

**Who is let in where.** IAM cannot tell two buckets of a project apart, so the study's rule holds
read, write and delete, and the bucket policies ("fences") make `…-in` read-only. Once a policy
exists, what it does not allow is denied whatever IAM says; the portal comes first in each, or its
own lists and repairs would be refused.

**Probes under source addresses.** A policy names applications, not keys: the person's key and the
probe key are the same principal. Adding the worker's address to the person's statement would let
that person in from the worker's host. So a person with declared addresses gets a second, narrower
statement for the probe: only from the worker's addresses (GUICHET_WORKER_ADDRESSES), only
`manifest.json` of the input bucket (no personal data) and the `.guichet-probe/` prefix of the
workspace bucket. It opens no data to anybody, and proves everything but the person's own address
rule; that one is read back and compared with what was asked.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from requests_app.provisioning.fences import MANIFEST, PROBE_PREFIX, Fence


POLICY_VERSION = "2023-04-17"  # 2012-10-17 rejects application principals
PERMISSION_SETS = (
    "ObjectStorageBucketsRead",
    "ObjectStorageObjectsDelete",
    "ObjectStorageObjectsRead",
    "ObjectStorageObjectsWrite",
)

READ = ("s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket")
WRITE = (
    *READ,
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_policy(fence: Fence) -> dict[str, Any]:
    """The policy that a fence is; the portal first, then each admission.

    Without worker addresses no probe is let in beside declared addresses: gates keep such a grant
    waiting, and a closing never depends on it.
    """
    bucket, kind, worker_addresses = fence.bucket, fence.kind, fence.worker_addresses
    both = [bucket, f"{bucket}/*"]
    statements: list[dict[str, Any]] = [
        {
            "Sid": "portal",
            "Effect": "Allow",
            "Principal": {"SCW": fence.portal},
            "Action": "*",
            "Resource": both,
        }
    ]
    for admission in sorted(fence.admissions, key=lambda a: a.person):
        until = {"DateLessThan": {"aws:CurrentTime": _instant(admission.until)}}
        principal = {"SCW": f"application_id:{admission.person}"}
        short = admission.person.partition("-")[0]
        condition: dict[str, Any] = dict(until)
        if admission.addresses:
            condition["IpAddress"] = {"aws:SourceIp": sorted(admission.addresses)}
        statements.append(
            {
                "Sid": f"person-{short}",
                "Effect": "Allow",
                "Principal": principal,
                "Action": list(READ if kind == "in" else WRITE),
                "Resource": both,
                "Condition": condition,
            }
        )
        if admission.addresses and worker_addresses:
            statements += _probe_statements(bucket, kind, short, principal, until, worker_addresses)
    return {"Version": POLICY_VERSION, "Id": f"guichet-{kind}", "Statement": statements}


def _probe_statements(
    bucket: str,
    kind: str,
    short: str,
    principal: dict[str, str],
    until: dict[str, Any],
    worker_addresses: Sequence[str],
) -> list[dict[str, Any]]:
    """What a probe may try from the worker's address only: see the module's docstring."""
    condition = until | {"IpAddress": {"aws:SourceIp": sorted(worker_addresses)}}
    name = MANIFEST if kind == "in" else f"{PROBE_PREFIX}*"
    actions = ["s3:GetObject"]
    if kind == "ws":
        actions += ["s3:DeleteObject", "s3:PutObject"]
    listing = condition | {"StringEquals": {"s3:prefix": name.removesuffix("*")}}
    common = {"Effect": "Allow", "Principal": principal}
    return [
        common
        | {
            "Sid": f"probe-{short}",
            "Action": actions,
            "Resource": [f"{bucket}/{name}"],
            "Condition": condition,
        },
        common
        | {
            "Sid": f"probe-list-{short}",
            "Action": ["s3:ListBucket"],
            "Resource": [bucket],
            "Condition": listing,
        },
    ]


def same_policy(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two policies say the same: the provider sorts lists and unwraps one-item ones."""
    if one is None or other is None:
        return one is other
    return bool(_canonical(one) == _canonical(other))


def _canonical(policy: Mapping[str, Any]) -> Any:
    def flat(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: flat(inner) for key, inner in sorted(value.items())}
        items = value if isinstance(value, list | tuple) else [value]
        return sorted(str(item) for item in items)

    statements = policy.get("Statement", [])
    if isinstance(statements, Mapping):
        statements = [statements]
    return policy.get("Version"), sorted(
        (json.dumps(flat(s), sort_keys=True) for s in statements),
    )
