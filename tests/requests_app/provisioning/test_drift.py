"""What another hand changed: whose the rights are, what lists hide, what a crash left behind."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from requests_app.models import CloudResource, Outbox, Workspace
from requests_app.provisioning import labels, reveal, waking, workspaces
from requests_app.provisioning.providers.errors import NotFound
from requests_app.provisioning.providers.scaleway.rights import EMPTY
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.worker import turn

from . import world
from .conftest import player
from .fake import FakeBackend, Killed, Thing


pytestmark = pytest.mark.django_db(transaction=True)

WIDE = (frozenset({"AllProductsFullAccess"}), frozenset({"p"}))


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def play(backend: FakeBackend) -> Any:
    def run_until_quiet(workspace: Workspace) -> Workspace:
        Workspace.objects.filter(pk=workspace.pk).update(
            next_reconcile_at=timezone.now(), lease_until=None
        )
        workspace = player(lambda: backend)(workspace)
        backend.before_call = lambda: None
        return workspace

    return run_until_quiet


def inspect(workspace: Workspace, play: Any) -> list[str]:
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    before = Outbox.objects.filter(topic="drift_found").count()
    play(workspace)
    rows = Outbox.objects.filter(topic="drift_found").order_by("pk")[before:]
    found = [row.data["finding"] for row in rows]
    assert all(labels.finding(code) != code for code in found)
    return found


# --- Whose the rights are -------------------------------------------------------------------------


def test_a_group_deleted_by_hand_is_made_again_with_its_rights(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    holder = backend.key_holder(key.access_key, key.secret_key)
    backend.groups.clear()
    assert holder.get(key.settings.bucket_in, "manifest.json").refused
    assert inspect(workspace, play) == ["rights_gone"]
    [group], [policy] = backend.groups.values(), backend.policies.values()
    assert policy.group == group.id
    assert holder.get(key.settings.bucket_in, "manifest.json").allowed
    assert inspect(workspace, play) == []
    grant.refresh_from_db()
    assert (grant.state, grant.observed) == ("open", "as_wanted")


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_rights_that_are_somebody_elses_are_given_back_to_the_group(
    backend: FakeBackend, play: Any, whose: str
) -> None:
    workspace = play(world.study())
    [group], [policy] = backend.groups.values(), backend.policies.values()
    backend.groups["another"] = Thing("another", "by hand")
    policy.group = whose
    assert inspect(workspace, play) == ["rights_moved"]
    assert policy.group == group.id
    narrowed = Outbox.objects.filter(topic="drift_found").latest("pk").data["narrowed"]
    assert narrowed == (whose == "another")
    assert inspect(workspace, play) == []


def test_rules_widened_while_everybody_is_suspended_are_mended(
    backend: FakeBackend, play: Any
) -> None:
    """Nobody comes in, so nothing would have made the rights again until somebody did."""
    workspace = play(world.study())
    world.close(workspace.grants.get(), wanted="suspended")
    play(workspace)
    [policy] = backend.policies.values()
    policy.rules.add(WIDE)
    assert inspect(workspace, play) == ["rights_changed"]
    assert WIDE not in policy.rules


def test_a_key_that_is_another_identitys_is_deleted(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    credential = workspace.grants.get().credentials.get(use="person")
    backend.keys[credential.access_key].application = "another"
    assert inspect(workspace, play) == ["key_moved"]
    assert credential.access_key not in backend.keys


def test_members_of_a_group_are_all_of_them_and_a_policy_says_whose_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A human user put into the study's group is a member as any other."""
    organisation = "11111111-1111-4111-8111-111111111111"
    config = ScalewayConfig("SCW" + "A" * 17, organisation, organisation)
    backend = Sdk(config)
    iam = SimpleNamespace(
        get_group=lambda group_id: SimpleNamespace(application_ids=["a"], user_ids=["somebody"]),
        get_policy=lambda policy_id: SimpleNamespace(
            group_id=None, application_id=None, user_id="somebody", no_principal=None
        ),
    )
    monkeypatch.setattr(backend, "_iam", iam)
    assert backend.group_members("g") == {"a", "somebody"}
    assert backend.policy_principal("p") == "somebody"


def test_a_bucket_that_is_gone_hides_nothing_of_the_rest(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    next(iter(backend.groups.values())).members.add("another")
    backend.buckets.clear()
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    waking.wake(workspace.pk)
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=0.1)
    workspace.refresh_from_db()
    assert workspace.failure_code == "vanished"
    assert Outbox.objects.get(topic="drift_found").data["finding"] == "members_changed"


# --- While a study is held ------------------------------------------------------------------------


def hold(workspace: Workspace) -> None:
    assert workspaces.hold(workspace, by=world.person(ready=False), reason="contrôle")


@pytest.mark.parametrize("hashes", ["as written", "of another version"])
def test_what_another_hand_changes_in_a_held_study_is_told_and_never_said_to_hold(
    backend: FakeBackend, play: Any, hashes: str
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    hold(workspace)
    if hashes == "of another version":
        rows = CloudResource.objects.filter(workspace=workspace, kind__in=["fence", "members"])
        assert rows.exclude(spec_hash="").update(spec_hash="f" * 64) == 3
    assert inspect(workspace, play) == []  # all as it was written
    grant.refresh_from_db()
    assert (grant.observed == "as_wanted") is (hashes == "as written")
    bucket = next(b for name, b in backend.buckets.items() if name.endswith("-in"))
    bucket.policy = {**bucket.policy, "Statement": bucket.policy["Statement"][:-1]}
    next(iter(backend.groups.values())).members.add("another")
    assert inspect(workspace, play) == ["fence_changed", "members_changed"]
    grant.refresh_from_db()
    assert grant.observed == "waiting"
    assert inspect(workspace, play) == []  # told once
    grant.refresh_from_db()
    assert grant.observed == "waiting"
    assert labels.observed("waiting") != "waiting"
    workspaces.release(workspace, by=world.person(ready=False))
    assert inspect(workspace, play) == []
    grant.refresh_from_db()
    assert grant.observed == "as_wanted"
    assert next(iter(backend.groups.values())).members == set(backend.applications)


def test_whoever_waits_to_come_back_into_a_held_study_is_no_ones_change(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study([world.person(), world.person()]))
    one = workspace.grants.order_by("pk")[0]
    world.close(one, wanted="suspended")
    play(workspace)
    hold(workspace)
    world.reopen(one)
    assert inspect(workspace, play) == []
    next(iter(backend.groups.values())).members.add("another")
    assert inspect(workspace, play) == ["members_changed"]


def test_rights_that_are_gone_from_a_held_study_are_not_said_to_be_there(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    hold(workspace)
    backend.groups.clear()
    assert inspect(workspace, play) == ["rights_gone"]
    assert inspect(workspace, play) == []
    assert workspace.grants.get().observed == "waiting"


# --- Lists that lag -------------------------------------------------------------------------------


def hide(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list is answered empty, as a service behind its own writes does."""
    for name in ("find_policies", "find_groups", "find_keys", "find_applications"):
        monkeypatch.setattr(backend, name, lambda **_kw: [])
    monkeypatch.setattr(backend, "policy_rules", lambda _policy: frozenset())


def test_lists_answered_empty_make_no_second_policy(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PROVISIONING = settings.PROVISIONING | {"list_lag": 60.0}
    workspace = play(world.study())
    with monkeypatch.context() as lagging:
        hide(backend, lagging)
        assert inspect(workspace, play) == []
    created = [name for name in backend.calls if name.startswith("create_")]
    assert inspect(workspace, play) == []
    assert (len(backend.policies), len(backend.groups)) == (1, 1)
    assert [name for name in backend.calls if name.startswith("create_")] == created
    assert workspace.resources.get(kind="policy").spec_hash == ""
    world.close(workspace.grants.get())
    play(workspace)
    assert (backend.policies, backend.groups) == ({}, {})


def test_rules_that_stay_empty_are_written_again(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    [policy] = backend.policies.values()
    policy.rules.clear()
    assert inspect(workspace, play) == ["rights_changed"]  # believed after the time lists may take
    assert len(policy.rules) == 1


def test_empty_rules_are_not_believed_at_first(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    next(iter(backend.policies.values())).rules.clear()
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    waking.wake(workspace.pk)
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=0.0)
    assert workspace.resources.get(kind="policy").spec_hash == EMPTY
    assert not Outbox.objects.filter(topic="drift_found").exists()


@pytest.mark.parametrize("kind", ["group", "policy"])
def test_what_exists_under_its_known_id_is_made_no_second_time(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The row lost its trust in it (a worker died, an inspection doubted), and lists lag."""
    workspace = play(world.study())
    CloudResource.objects.filter(workspace=workspace, kind=kind).update(
        status="intended", attempted_at=None
    )
    hide(backend, monkeypatch)
    play(workspace)
    assert (len(backend.policies), len(backend.groups)) == (1, 1)
    assert workspace.resources.get(kind=kind).status == "ready"


def test_what_is_gone_is_made_again_only_after_lists_had_their_time(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """`404` to the id, and a list without it: twice the same lag."""
    settings.PROVISIONING = settings.PROVISIONING | {"list_lag": 60.0}
    workspace = play(world.study())
    real = backend.policy_principal

    def gone(_policy: str) -> str:
        raise NotFound("policy", status=404)

    monkeypatch.setattr(backend, "policy_principal", gone)
    with monkeypatch.context() as lagging:
        hide(backend, lagging)
        Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
        waking.wake(workspace.pk)
        turn.advance(workspace.pk, make_backend=lambda: backend, budget=5)
    assert len(backend.policies) == 1
    monkeypatch.setattr(backend, "policy_principal", real)
    play(workspace)
    assert len(backend.policies) == 1
    assert workspace.resources.get(kind="policy").status == "ready"


# --- What is left behind --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["create_group", "create_policy"])
def test_revoked_just_after_a_crash_nothing_is_left_unknown(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Killed between the provider's create and our record of it, then revoked."""
    workspace = world.study()

    def die(name: str) -> None:
        if name == kind:
            raise Killed(name)

    backend.lost = die
    with pytest.raises(Killed):
        play(workspace)
    backend.lost = lambda _name: None
    assert backend.groups
    world.close(workspace.grants.get())
    play(workspace)
    assert workspace.grants.get().state == "closed"
    assert (backend.groups, backend.policies, backend.applications) == ({}, {}, {})


def test_rights_in_doubt_when_a_study_closes_are_removed_too(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    CloudResource.objects.filter(workspace=workspace, kind="policy").update(
        status="intended", attempted_at=timezone.now() - timedelta(hours=1)
    )
    backend.policies["double"] = Thing(
        "double", "hds", tags=[f"guichet-req={workspace.request_id}"], group="another"
    )
    world.close(workspace.grants.get())
    play(workspace)
    assert (backend.groups, backend.policies) == ({}, {})


def test_rights_with_the_mark_of_a_study_that_nothing_is_known_of_are_removed_too(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    CloudResource.objects.filter(workspace=workspace, kind="policy").delete()
    world.close(workspace.grants.get())
    play(workspace)
    assert (backend.groups, backend.policies) == ({}, {})


def test_a_group_that_is_gone_keeps_no_access_from_closing(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    backend.groups.clear()
    world.close(workspace.grants.get())
    play(workspace)
    assert workspace.grants.get().state == "closed"
    assert (backend.policies, backend.keys) == ({}, {})
