"""IAM and bucket policies of Scaleway, compiled into users, keys and AWS-dialect policies.

A Scaleway key acts in one project; a Ceph key acts for its user. So an application has one Ceph
user per project where it has rights, holding `AK@project`, and `AK` too in the key's own project.
A bucket belongs to the user of its project. An application has no right but by bucket policies:
IAM and policy together are the actions that both contain.

Not compiled: a rule with an IAM condition grants nothing here (it fails closed); a statement for
everyone lets signed requests through whatever their IAM rights.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.training.sandbox import bucket_policy, operations, permissions
from portal.training.sandbox.bucket_policy import EVERYTHING, Statement
from portal.training.sandbox.operations import Operation
from portal.training.sandbox.resources import ApiKey, Bucket
from portal.training.sandbox.rgw_fences import fences
from portal.training.sandbox.state import View


Rights = dict[tuple[str, str], set[str]]  # (application, project) → IAM permissions
DATE_KEYS = {"aws:currenttime", "aws:epochtime"}


@dataclass(frozen=True)
class Desired:
    """What the gateway must hold: keys by user, and one policy text by bucket (None: none)."""

    users: dict[str, dict[str, str]]  # uid → access key → secret
    policies: dict[str, str | None]


def owner_uid(project_id: str) -> str:
    return f"project-{project_id}"


def application_uid(application_id: str, project_id: str) -> str:
    return f"app-{application_id}.{project_id}"


def _arn(application_id: str, project_id: str) -> str:
    return f"arn:aws:iam:::user/{application_uid(application_id, project_id)}"


def forwarded(operation: Operation) -> bool:
    """Whether the gateway decides on an operation; the rest is the front's."""
    return operation.name not in operations.FRONT and operation.action is not None


ACTION_PERMISSIONS: dict[str, str] = {
    operation.action: operation.permission
    for operation in operations.all_operations()
    if operation.action is not None and forwarded(operation)
}


def compile_rights(
    view: View, buckets: Iterable[Bucket], *, now: datetime, offset: timedelta
) -> Desired:
    """`offset`: how far the sandbox's time is ahead of the gateway's, which is real time."""
    rights = _rights(view)
    keys: dict[str, list[ApiKey]] = defaultdict(list)
    for key in view.api_keys.values():
        if key.expires_at is None or key.expires_at > now:
            keys[key.application_id].append(key)
    users: dict[str, dict[str, str]] = {}
    for application_id, project_id in rights:
        held = users.setdefault(application_uid(application_id, project_id), {})
        for key in keys.get(application_id, ()):
            held[f"{key.access_key}@{project_id}"] = key.secret_key
            if key.default_project_id == project_id:
                held[key.access_key] = key.secret_key
    deadlines = {application: _deadline(held) for application, held in keys.items()}
    policies = {bucket.name: _policy(bucket, rights, deadlines, offset) for bucket in buckets}
    return Desired(users, policies)


def _rights(view: View) -> Rights:
    rights: Rights = defaultdict(set)
    for policy in view.policies.values():
        bearers: tuple[str, ...] = ()
        if policy.application_id is not None:
            bearers = (policy.application_id,)
        elif policy.group_id is not None and policy.group_id in view.groups:
            bearers = view.groups[policy.group_id].application_ids
        for rule in policy.rules:
            storage = {p for p in permissions.permissions_in(rule) if p in permissions.STORAGE}
            if rule.condition.strip() or not storage:
                continue
            whole = rule.organization_id is not None
            projects = view.projects if whole else rule.project_ids or ()
            for application in bearers:
                for project in projects:
                    if project in view.projects:
                        rights[application, project] |= storage
    return rights


def _deadline(keys: list[ApiKey]) -> datetime | None:
    """The end of the last key, a second fence beside its removal; None when one never ends."""
    ends = [key.expires_at for key in keys]
    return None if None in ends else max(end for end in ends if end is not None)


def _policy(
    bucket: Bucket,
    rights: Rights,
    deadlines: dict[str, datetime | None],
    offset: timedelta,
) -> str | None:
    holders = {a: p for (a, project), p in rights.items() if project == bucket.project_id}
    if bucket.policy is None:  # open to every application with IAM rights on the project
        everything = Statement(
            allow=True,
            everyone=False,
            principals=frozenset(f"application_id:{a}" for a in holders),
            actions=EVERYTHING,
            resources=(bucket.name, f"{bucket.name}/*"),
            conditions=(),
        )
        written = _statements(everything, bucket, holders, deadlines, offset)
    else:
        written = [
            statement
            for source in bucket_policy.statements(bucket.policy)
            for statement in _statements(source, bucket, holders, deadlines, offset)
        ]
    users = [_arn(application, bucket.project_id) for application in holders]
    written += fences(bucket.name, written, users)
    if not written:
        return None
    return json.dumps({"Version": "2012-10-17", "Statement": written}, sort_keys=True)


def _statements(
    source: Statement,
    bucket: Bucket,
    holders: dict[str, set[str]],
    deadlines: dict[str, datetime | None],
    offset: timedelta,
) -> list[dict[str, Any]]:
    """One AWS statement per set of applications with the same actions and the same end."""
    if source.everyone:
        return [_write(source, "*", _actions(source, None), None, offset)]
    groups: dict[tuple[frozenset[str], datetime | None], list[str]] = defaultdict(list)
    for application, held in sorted(holders.items()):
        if f"application_id:{application}" in source.principals and application in deadlines:
            actions = _actions(source, held if source.allow else None)
            groups[actions, deadlines[application] if source.allow else None].append(application)
    return [
        _write(
            source,
            [_arn(application, bucket.project_id) for application in applications],
            actions,
            deadline,
            offset,
        )
        for (actions, deadline), applications in groups.items()
        if actions
    ]


def _actions(source: Statement, held: set[str] | None) -> frozenset[str]:
    """The gateway's actions that the statement names and (unless None) IAM grants."""
    named = ACTION_PERMISSIONS if source.actions & EVERYTHING else source.actions
    return frozenset(
        action
        for action in named
        if action in ACTION_PERMISSIONS and (held is None or ACTION_PERMISSIONS[action] in held)
    )


def _write(
    source: Statement,
    principal: str | list[str],
    actions: frozenset[str],
    deadline: datetime | None,
    offset: timedelta,
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow" if source.allow else "Deny",
        "Principal": {"AWS": principal},
        "Action": sorted(actions),
        "Resource": [f"arn:aws:s3:::{resource}" for resource in source.resources],
    }
    condition: dict[str, dict[str, list[str]]] = {}
    for operator, key, values in source.conditions:
        dated = key.lower() in DATE_KEYS and operator.startswith("Date")
        condition.setdefault(operator, {})[key] = [
            _date(bucket_policy.moment(value) - offset) if dated else value for value in values
        ]
    if deadline is not None:
        _tighten(condition, deadline - offset)
    if condition:
        statement["Condition"] = condition
    return statement


def _tighten(condition: dict[str, dict[str, list[str]]], deadline: datetime) -> None:
    """Add an end; values of one operator are alternatives, so the nearest end is the only one."""
    dates = condition.setdefault("DateLessThan", {})
    name = next((key for key in dates if key.lower() == "aws:currenttime"), "aws:CurrentTime")
    given = [bucket_policy.moment(value) for value in dates.get(name, [])]
    dates[name] = [_date(min(deadline, max(given)) if given else deadline)]


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
