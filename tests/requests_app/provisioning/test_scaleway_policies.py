"""Fences as Scaleway writes them: who is let in where, and what two policies have in common."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from requests_app.provisioning.fences import Admission, Fence
from requests_app.provisioning.providers.scaleway.policies import render_policy, same_policy


UNTIL = datetime(2030, 1, 1, tzinfo=UTC)


def test_the_portal_comes_first_and_ends_are_written() -> None:
    policy = render_policy(Fence("b-in", "in", "application_id:p", (Admission("a-1", UNTIL),)))
    assert policy["Version"] == "2023-04-17"
    first, second = policy["Statement"]
    assert (first["Principal"], first["Action"]) == ({"SCW": "application_id:p"}, "*")
    assert "s3:PutObject" not in second["Action"]
    assert second["Condition"]["DateLessThan"]["aws:CurrentTime"] == "2030-01-01T00:00:00Z"
    assert "application_id:a-1" in json.dumps(policy)
    assert "application_id:a-2" not in json.dumps(policy)


def test_a_probe_beside_declared_addresses_opens_no_data() -> None:
    inside = (Admission("a-1", UNTIL, ("192.0.2.1/32",)),)
    policy = render_policy(
        Fence("b-in", "in", "application_id:p", inside, worker_addresses=("198.51.100.7/32",))
    )
    for statement in policy["Statement"][1:]:
        allowed = json.dumps(statement["Condition"]["IpAddress"])
        if "198.51.100.7" in allowed:
            assert statement["Resource"] in (["b-in/manifest.json"], ["b-in"])
            if statement["Resource"] == ["b-in"]:
                listed = statement["Condition"]["StringEquals"]["s3:prefix"]
                assert listed == "manifest.json"
        else:
            assert "192.0.2.1" in allowed
            assert "198.51.100.7" not in allowed


@given(st.lists(st.uuids().map(str), max_size=4, unique=True), st.sampled_from(["in", "ws"]))
def test_policies_are_compared_by_meaning(applications: list[str], kind: str) -> None:
    inside = tuple(Admission(a, UNTIL, ("192.0.2.1/32",)) for a in applications)
    policy = render_policy(Fence("b", kind, "application_id:p", inside))
    read_back = json.loads(json.dumps(policy))
    read_back["Id"] = "other"
    for statement in read_back["Statement"]:
        if isinstance(statement["Action"], list):
            statement["Action"].reverse()
        statement["Resource"].reverse()
    assert same_policy(policy, read_back)
    stranger = Admission("stranger", UNTIL + timedelta(days=1))
    wider = render_policy(Fence("b", kind, "application_id:p", (*inside, stranger)))
    assert not same_policy(policy, wider)
    assert not same_policy(policy, None)
