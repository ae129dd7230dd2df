"""Refusals that keep an uploader from what no statement allows.

On Ceph an object belongs to the user who wrote it, whose own rights on it come before the silence
of a bucket policy; on Scaleway that silence is a refusal. So what an application may not do is
also said as Deny. Each of them is a necessary condition negated: it never refuses what some Allow
statement lets through.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from portal.training.sandbox.bucket_policy import OBJECT_ACTIONS, moment


Written = dict[str, Any]
Test = tuple[str, str]  # operator, key

NEGATED = {
    "IpAddress": "NotIpAddress",
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "DateLessThan": "DateGreaterThanEquals",
    "DateLessThanEquals": "DateGreaterThan",
    "DateGreaterThan": "DateLessThanEquals",
    "DateGreaterThanEquals": "DateLessThan",
}


def fences(bucket: str, written: list[Written], users: Iterable[str]) -> list[Written]:
    """Deny statements for `users` (ARNs) beside the `written` statements of a bucket."""
    allowing = [statement for statement in written if statement["Effect"] == "Allow"]
    holders: dict[str, list[str]] = defaultdict(list)
    for user in sorted(users):
        for text in _fences_of(user, bucket, allowing):
            holders[text].append(user)
    return [
        {"Effect": "Deny", "Principal": {"AWS": principals}} | json.loads(text)
        for text, principals in holders.items()
    ]


def _fences_of(user: str, bucket: str, allowing: list[Written]) -> list[str]:
    """What is refused to one user, as JSON without its principal."""
    everything = f"arn:aws:s3:::{bucket}/*"
    actions: dict[str, list[str]] = defaultdict(list)
    for action in sorted(OBJECT_ACTIONS):
        covering = [
            statement
            for statement in allowing
            if action in statement["Action"]
            and (statement["Principal"]["AWS"] == "*" or user in statement["Principal"]["AWS"])
        ]
        if not covering:
            actions[json.dumps({"Resource": [everything]})].append(action)
            continue
        resources = sorted({name for statement in covering for name in statement["Resource"]})
        if everything not in resources:
            actions[json.dumps({"NotResource": resources})].append(action)
        for (operator, key), values in _shared(covering).items():
            condition = {NEGATED[operator]: {key: _outside(operator, values)}}
            refused = {"Resource": [everything], "Condition": condition}
            actions[json.dumps(refused, sort_keys=True)].append(action)
    return [
        json.dumps(json.loads(where) | {"Action": named}, sort_keys=True)
        for where, named in actions.items()
    ]


def _shared(covering: list[Written]) -> dict[Test, list[str]]:
    """Tests that every statement makes, with all the values that pass one of them."""
    found = [
        {
            (operator, key): values
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
            if operator in NEGATED
        }
        for statement in covering
    ]
    common = set(found[0]).intersection(*found[1:])
    return {test: sorted({v for tests in found for v in tests[test]}) for test in sorted(common)}


def _outside(operator: str, values: list[str]) -> list[str]:
    """The values beyond which none of `values` passes."""
    if operator.startswith("DateLess"):
        return [max(values, key=moment)]
    if operator.startswith("DateGreater"):
        return [min(values, key=moment)]
    return values
