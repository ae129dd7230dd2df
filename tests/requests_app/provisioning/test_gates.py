"""Conditions before any key; what time brings; suspension, expiry, drift."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.models import Organisation, TermsAcceptance, Training, User
from portal.accounts.terms import CURRENT_TERMS
from portal.common.calendar import legal_now, legal_today
from requests_app.models import Extract, Grant, Outbox, Permit, RequestMember, Workspace
from requests_app.provisioning import gates, reveal, waking, workspaces
from requests_app.provisioning.worker import sweeping, turn
from tests.support.clock import legal_advance, real_time

from . import world
from .conftest import player
from .fake import FakeBackend, Key


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def play(backend: FakeBackend) -> Any:
    def run_until_quiet(workspace: Workspace) -> Workspace:
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        workspace = player(lambda: backend)(workspace)
        backend.before_call = lambda: None
        return workspace

    return run_until_quiet


def test_each_condition_opens_its_gate(backend: FakeBackend, play: Any) -> None:
    user = world.person(ready=False)
    assert gates.missing(user) == ["training", "terms", "second_factor"]
    workspace = play(world.study([user]))
    grant = workspace.grants.get()
    assert (grant.state, grant.missing) == ("wanted", ["training", "terms", "second_factor"])
    assert not backend.applications  # nothing is made for that person
    world.make_ready(user)  # the signals wake the workspace
    workspace.refresh_from_db()
    assert workspace.next_reconcile_at is not None
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.missing) == ("open", [])
    since = {fact.code: fact.since for fact in gates.facts_of([grant])[grant.pk]}
    assert since["terms"] == TermsAcceptance.objects.get(user=user).accepted_at


def test_an_untrained_person_does_not_keep_the_others_waiting(play: Any) -> None:
    trained, untrained = world.person(), world.person(ready=False)
    workspace = play(world.study([trained, untrained]))
    states = dict(workspace.grants.values_list("person", "state"))
    assert states == {trained.pk: "open", untrained.pk: "wanted"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda g: Training.objects.update(valid_until=legal_today() - timedelta(1)), "training"),
        (lambda g: TermsAcceptance.objects.update(version="1999"), "terms"),
        (lambda g: TOTPDevice.objects.update(confirmed=False), "second_factor"),
        (lambda g: RequestMember.objects.update(has_data_access=False), "named"),
        (lambda g: User.objects.update(is_active=False), "account"),
        (lambda g: Organisation.objects.update(suspended_at=timezone.now()), "organisation"),
        (lambda g: Grant.objects.update(source_addresses=[]), "addresses"),
        (lambda g: Permit.objects.update(delivery_mode="project_space"), "workspace"),
        (lambda g: Permit.objects.update(starts_at=legal_now() + timedelta(2)), "not_started"),
        (lambda g: Extract.objects.update(state="staged"), "extract_unconfirmed"),
        (lambda g: Extract.objects.update(state="refused", manifest={}), "extract_missing"),
    ],
)
def test_each_missing_condition_is_told(
    backend: FakeBackend, play: Any, change: Any, code: str
) -> None:
    workspace = world.study()
    if code == "training":
        Training.objects.update(followed_on=legal_today() - timedelta(400))
    change(workspace)
    play(workspace)
    grant = workspace.grants.get()
    assert (grant.state, grant.missing) == ("wanted", [code])
    assert gates.label(code) != code
    assert not backend.calls  # no cloud call before every condition holds


def test_no_worker_address_no_opening(settings: Any, backend: FakeBackend, play: Any) -> None:
    settings.PROVISIONING = settings.PROVISIONING | {"worker_addresses": []}
    workspace = play(world.study())
    assert workspace.grants.get().missing == ["worker_addresses"]


def test_suspended_and_resumed_with_the_same_key(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    holder = backend.key_holder(key.access_key, key.secret_key)
    world.close(grant, wanted="suspended")
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "suspended"
    assert holder.list(key.settings.bucket_in).refused
    world.reopen(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "open"
    assert holder.list(key.settings.bucket_in).allowed
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, len(backend.keys)) == ("closed", 0)


def test_resuming_asks_the_conditions_again(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    holder = backend.key_holder(key.access_key, key.secret_key)
    world.close(grant, wanted="suspended")
    play(workspace)
    TermsAcceptance.objects.update(version="1999")
    world.reopen(grant)
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.missing) == ("suspended", ["terms"])
    assert holder.list(key.settings.bucket_in).refused
    Workspace.objects.update(next_reconcile_at=None)
    TermsAcceptance.objects.create(user=grant.person, version=CURRENT_TERMS)  # wakes it
    workspace.refresh_from_db()
    assert workspace.next_reconcile_at is not None
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "open"
    assert holder.list(key.settings.bucket_in).allowed


def test_one_person_leaves_the_other_works_on(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study([world.person(), world.person()]))
    first, second = workspace.grants.order_by("created_at")
    key = reveal.reveal(second, by=second.person)
    world.close(first)
    play(workspace)
    assert sorted(workspace.grants.values_list("state", flat=True)) == ["closed", "open"]
    holder = backend.key_holder(key.access_key, key.secret_key)
    assert holder.list(key.settings.bucket_in).allowed
    assert len(backend.applications) == 1


def test_the_end_closes_before_the_end(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study(expires_at=legal_now() + timedelta(days=100)))
    grant = workspace.grants.get()
    legal_advance(timedelta(days=100, minutes=-10))
    assert sweeping.wake_ending() == 1
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.wanted, grant.reason) == (
        "closed",
        "closed",
        "Fin de l’autorisation.",
    )
    assert grant.closed_at is not None
    assert grant.closed_at < grant.expires_at
    assert not backend.keys


def test_notices_at_90_30_and_7_days_once_each(play: Any) -> None:
    play(world.study(expires_at=legal_now() + timedelta(days=100)))
    told = []
    for days in (5, 6, 50, 20, 12, 1):
        legal_advance(timedelta(days=days))
        sweeping.notice_ends()
        sweeping.notice_ends()
        told = list(
            Outbox.objects.filter(topic="permit_expiring")
            .order_by("pk")
            .values_list("data", flat=True)
        )
    assert told == [{"days": 90}, {"days": 30}, {"days": 7}]


def test_held_by_an_operator(backend: FakeBackend, play: Any) -> None:
    workspace, operator = world.study(), world.person(ready=False)
    assert workspaces.hold(workspace, by=operator, reason="contrôle")
    assert not workspaces.hold(workspace, by=operator, reason="encore")
    play(workspace)
    assert (workspace.grants.get().state, backend.calls) == ("wanted", [])
    assert workspaces.release(workspace, by=operator)
    play(workspace)
    assert workspace.grants.get().state == "open"


# --- Drift ----------------------------------------------------------------------------------------


def inspect(workspace: Workspace, play: Any) -> list[str]:
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    before = Outbox.objects.filter(topic="drift_found").count()
    play(workspace)
    found = Outbox.objects.filter(topic="drift_found").order_by("pk")
    return [row.data["finding"] for row in found[before:]]


def test_drift_is_found_and_mended(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    assert inspect(workspace, play) == []
    bucket = next(b for name, b in backend.buckets.items() if name.endswith("-in"))
    policy = bucket.policy
    bucket.policy = None
    assert inspect(workspace, play) == ["no_fence"]
    assert bucket.policy == policy
    application = next(iter(backend.applications))
    stranger = Key("SCW" + "Z" * 17, "x", application, "p", "by hand", legal_now())
    backend.keys[stranger.access_key] = stranger
    next(iter(backend.groups.values())).members.add("another")
    assert inspect(workspace, play) == ["members_changed", "unknown_key"]
    assert stranger.access_key not in backend.keys
    assert next(iter(backend.groups.values())).members == {application}
    policy_thing = next(iter(backend.policies.values()))
    policy_thing.rules.add((frozenset({"AllProductsFullAccess"}), frozenset({"p"})))
    assert inspect(workspace, play) == ["rights_changed"]
    assert len(policy_thing.rules) == 1
    backend.policies.clear()  # of the group alone: test_drift.py
    assert inspect(workspace, play) == ["rights_changed"]
    assert (len(backend.groups), len(backend.policies)) == (1, 1)
    backend.groups.clear()
    backend.policies.clear()
    assert inspect(workspace, play) == ["rights_gone", "rights_changed"]
    assert (len(backend.groups), len(backend.policies)) == (1, 1)
    assert workspace.grants.get().state == "open"


def test_a_key_deleted_by_hand_is_not_made_again_by_itself(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    backend.keys.pop(key.access_key)
    assert inspect(workspace, play) == ["key_gone"]
    assert len(backend.keys) == 1
    reveal.rotate(grant, by=grant.person)
    play(workspace)
    assert len(backend.keys) == 2


def test_a_probe_about_to_end_is_made_anew(backend: FakeBackend, play: Any) -> None:
    """An expired key is refused whatever its rights: it could prove no closing."""
    workspace = play(world.study(expires_at=legal_now() + timedelta(days=800)))
    grant = workspace.grants.get()
    probe = grant.credentials.get(use="probe")
    person = grant.credentials.get(use="person")
    assert probe.expires_at is not None
    with real_time(probe.expires_at - timedelta(hours=2)):
        play(workspace)
        assert probe.access_key not in backend.keys
        assert person.access_key in backend.keys
        assert grant.credentials.filter(use="probe", deleted_at__isnull=True).count() == 1
        world.close(grant)
        play(workspace)
        grant.refresh_from_db()
        assert grant.state == "closed"


def test_a_bucket_that_is_gone_is_told_and_nothing_is_made_again(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    backend.buckets.clear()
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    waking.wake(workspace.pk)
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=2)
    workspace.refresh_from_db()
    assert workspace.failure_code == "vanished"
    assert not backend.buckets
    assert workspace.grants.get().observed == "vanished"
    assert Outbox.objects.filter(topic="workspace_failed").exists()
