"""What a provider may do to us while a study opens or closes: it still ends with one of each."""

from collections.abc import Callable
from typing import Any

import pytest

from requests_app.models import Credential, Grant, Outbox, Workspace
from requests_app.provisioning import workspaces
from requests_app.provisioning.worker.lease import Lease
from requests_app.provisioning.worker.reconcile import step

from . import world
from .live import Live


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

Play = Callable[..., Workspace]
CREATES = {
    "project": ("api", "POST", "/account/v3/projects"),
    "bucket": ("s3", "PUT", r"^/[^/?]+-in(\?.*)?$"),
    "application": ("api", "POST", "/iam/v1alpha1/applications"),
    "group": ("api", "POST", "/iam/v1alpha1/groups"),
    "policy": ("api", "POST", "/iam/v1alpha1/policies"),
    "key": ("api", "POST", "/iam/v1alpha1/api-keys"),
    "fence": ("s3", "PUT", r"\?policy"),
    "members": ("api", "PUT", "/members"),
    "upload": ("s3", "PUT", "manifest.json"),
}


def holds_one_of_each(live: Live, workspace: Workspace, *, persons: int = 1) -> None:
    """One project, two buckets, one group and policy, one application and two keys per person."""
    state = live.state()
    tag = f"guichet-req={workspace.request_id}"
    mine = [a for a in state["applications"] if tag in a["tags"]]
    ids = {a["id"] for a in mine}
    keys = [k for k in state["api_keys"] if k["application_id"] in ids]
    projects = [p for p in state["projects"] if str(workspace.pk) in p["description"]]
    buckets = [b for b in state["buckets"] if b["project_id"] == projects[0]["id"]]
    assert len(projects) == 1
    assert len(buckets) == 2
    assert all(b["policy"] for b in buckets)
    assert len([g for g in state["groups"] if tag in g["tags"]]) == 1
    assert len([p for p in state["policies"] if tag in p["tags"]]) == 1
    assert len(mine) == persons
    assert len(keys) == 2 * persons
    known = Credential.objects.filter(grant__workspace=workspace, deleted_at__isnull=True)
    assert {k["access_key"] for k in keys} == set(known.values_list("access_key", flat=True))


@pytest.mark.parametrize("kind", CREATES)
def test_a_lost_answer_leaves_no_double(live: Live, play: Play, kind: str) -> None:
    face, method, path = CREATES[kind]
    live.fault("lost", face=face, method=method, path=path, times=1)
    workspace = play(world.study())
    assert not live.state()["faults"], "the fault was not played"
    assert workspace.grants.get().state == "open"
    holds_one_of_each(live, workspace)


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "rate_limit", "times": 6, "face": "api"},
        {"effect": "unavailable", "times": 6, "every": 2},
        {"effect": "forbidden", "face": "s3", "times": 12, "every": 2},
        {"effect": "forbidden", "face": "api", "times": 5, "every": 3},
        {"effect": "lost_before", "times": 4, "every": 3},
        {"effect": "status", "status": 409, "times": 2, "method": "PUT", "path": "/members"},
    ],
    ids=["429-empty", "503", "403-s3", "403-api", "cut", "409-group"],
)
def test_bad_weather_only_delays(live: Live, play: Play, fault: dict[str, Any]) -> None:
    live.fault(**fault)
    workspace = play(world.study())
    assert workspace.grants.get().state == "open"
    assert (workspace.last_error, workspace.tries) == ("", 0)
    holds_one_of_each(live, workspace)


def test_flapping_rights_are_waited_for(live: Live, play: Play) -> None:
    live.order("propagation", grant_delay=2, revoke_delay=2, flapping=True)
    workspace = play(world.study())
    grant = workspace.grants.get()
    assert grant.state == "open"
    tried = grant.probes.filter(expected="allowed")
    assert tried.filter(status=403).exists()  # rights that had not arrived were not believed
    assert {p.status for p in tried.order_by("-at", "-pk")[:10]} <= {200, 204}
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert {p.status for p in grant.probes.order_by("-at", "-pk")[:20]} == {403}


def test_refusals_within_the_propagation_time_alarm_nobody(live: Live, play: Play) -> None:
    """Rights take minutes to arrive: told only when the window has passed."""
    live.fault("forbidden", face="api", method="POST", path="/applications", times=12)
    workspace = play(world.study())
    assert workspace.grants.get().state == "open"
    moves = workspace.grants.get().log.order_by("pk").values_list("name", flat=True)
    assert list(moves) == ["start_opening", "confirm_open"]  # never shown as failed
    assert not Outbox.objects.filter(topic="workspace_failed").exists()


def test_quota_is_told_with_its_numbers_and_taken_up_again(live: Live, play: Play) -> None:
    live.order("quotas", quotas={"iam_applications": 1})
    workspace = play(world.study())
    grant = workspace.grants.get()
    assert (grant.state, workspace.failure_code) == ("failed", "quota")
    assert "1 sur 1" in grant.reason
    live.order("quotas", quotas={"iam_applications": 10})
    assert workspaces.retry(workspace, by=world.person(ready=False)) == 1
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.reason) == ("open", "")


def test_one_refused_person_does_not_keep_the_other_waiting(live: Live, play: Play) -> None:
    live.order("quotas", quotas={"iam_applications": 2})
    workspace = play(world.study([world.person(), world.person()]))
    assert sorted(workspace.grants.values_list("state", flat=True)) == ["failed", "open"]


def test_approved_then_revoked_within_a_second(live: Live, play: Play) -> None:
    workspace = world.study()
    world.close(workspace.grants.get())
    play(workspace)
    assert workspace.grants.get().state == "closed"
    assert live.state()["usage"]["projects"] == 1  # only the organisation's default project


def test_revocation_outranks_an_opening_half_done(live: Live, play: Play) -> None:
    """Revoked while the key is being made: the answer is stored, then the key goes first."""
    workspace = world.study()
    live.fault("lost", face="api", method="POST", path="/api-keys", times=2)

    lease = Lease.take(workspace.pk)
    assert lease is not None
    backend = live.backend()
    while not Credential.objects.filter(grant__workspace=workspace).exists():
        step(lease, backend)
    lease.release(next_at=None, seen=None)
    world.close(workspace.grants.get())
    play(workspace)
    grant = Grant.objects.get(workspace=workspace)
    assert grant.state == "closed"
    assert len(live.state()["api_keys"]) == 1


def test_closing_goes_on_whatever_fails(live: Live, play: Play) -> None:
    workspace = play(world.study())
    live.fault("unavailable", times=5, every=2)
    live.fault("forbidden", face="api", method="DELETE", times=2)
    world.close(workspace.grants.get())
    play(workspace)
    assert workspace.grants.get().state == "closed"
