"""A closing: both sides side by side, looked at again when a try is allowed, told when it fails."""

import copy
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.utils import timezone

from portal.accounts.models import Role
from portal.notifications.models import Message
from requests_app.models import CloudResource, Grant, Outbox, Workspace
from requests_app.provisioning import labels, reveal, signals
from requests_app.provisioning.facts import PORTAL
from requests_app.provisioning.providers.errors import (
    Denied,
    Permanent,
    ProviderError,
    Unreachable,
)
from requests_app.provisioning.providers.scaleway.storage import BotoKeyHolder
from requests_app.provisioning.providers.values import Answer, KeyFound
from requests_app.provisioning.worker import proofs, reconcile, turn
from requests_app.provisioning.worker.lease import Lease
from requests_app.provisioning.worker.reconcile import step
from tests.support.people import with_role

from . import world
from .conftest import player
from .fake import FakeBackend, FakeHolder


pytestmark = pytest.mark.django_db(transaction=True)

IAM = (
    "find_applications", "delete_application", "group_members", "set_group_members", "find_groups",
    "delete_group", "find_policies", "policy_principal", "bind_policy", "policy_rules",
    "set_policy_rules", "delete_policy", "find_keys", "create_key", "key_exists", "key_bearer",
    "delete_key",
)  # fmt: skip
STORAGE = ("bucket_state", "bucket_owner", "bucket_policy", "put_bucket_policy", "probe ")


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def play(backend: FakeBackend) -> Callable[..., Workspace]:
    def run_until_quiet(workspace: Workspace, **more: Any) -> Workspace:
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        workspace = player(lambda: backend)(workspace, **more)
        backend.before_call = lambda: None
        return workspace

    return run_until_quiet


def down(*names: str, error: ProviderError | None = None) -> Callable[[str], None]:
    def play(name: str) -> None:
        if name.startswith(names):
            raise error or Unreachable("no answer", status=503)

    return play


def one_pass(workspace: Workspace, backend: FakeBackend, *, steps: int) -> list[str]:
    """What one worker asks of the provider in its first steps: the states, then both sides."""
    first = len(backend.calls)
    backend.before_call = lambda: None
    lease = Lease.take(workspace.pk)
    assert lease is not None
    for _ in range(steps):
        if step(lease, backend).kind == "wait":
            break
    lease.release(next_at=timezone.now(), seen=workspace.next_reconcile_at)
    workspace.refresh_from_db()
    return backend.calls[first:]


def fences_name(backend: FakeBackend, application: str) -> bool:
    return any(f"application_id:{application}" in str(b.policy) for b in backend.buckets.values())


# --- Side by side ---------------------------------------------------------------------------------


def test_iam_failing_the_fences_are_cut_in_that_pass(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    application = next(iter(backend.applications))
    holder = backend.key_holder(key.access_key, key.secret_key)
    assert holder.list(key.settings.bucket_in).allowed
    backend.weather = down(*IAM)
    world.close(grant)
    asked = one_pass(workspace, backend, steps=2)
    assert asked.count("delete_key") == 1
    assert asked.count("put_bucket_policy") == 2
    assert not fences_name(backend, application)
    assert holder.list(key.settings.bucket_in).refused
    assert key.access_key in backend.keys
    assert workspace.failing_since is not None  # the fences' success hides no failure of the key
    assert workspace.tries >= 1
    assert "suppression de la clé" in workspace.last_error
    grant.refresh_from_db()
    assert grant.state == "closing"
    backend.weather = lambda _name: None
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, len(backend.keys)) == ("closed", 0)


def test_object_storage_failing_the_key_goes_in_that_pass(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    backend.weather = down(*STORAGE)
    world.close(grant)
    one_pass(workspace, backend, steps=2)
    assert key.access_key not in backend.keys
    assert next(iter(backend.groups.values())).members == set()
    assert "règles d’accès" in workspace.last_error
    backend.weather = lambda _name: None
    play(workspace)
    assert workspace.grants.get().state == "closed"


def test_a_fault_of_ours_on_one_side_leaves_the_other_no_more_open(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    application = next(iter(backend.applications))

    def broken(name: str) -> None:
        if name == "delete_key":
            raise ValueError("a mistake in the code")

    backend.weather = broken
    world.close(workspace.grants.get())
    with pytest.raises(ValueError, match="a mistake"):
        turn.advance(workspace.pk, make_backend=lambda: backend, budget=5)
    assert not fences_name(backend, application)
    workspace.refresh_from_db()
    assert (workspace.failure_code, workspace.tries) == ("internal", 1)
    assert workspace.failing_since is not None


def test_both_sides_failing_both_are_shown(backend: FakeBackend, play: Any) -> None:
    workspace = play(world.study())
    backend.weather = down(*IAM, *STORAGE)
    world.close(workspace.grants.get())
    asked = one_pass(workspace, backend, steps=2)
    assert {"delete_key", "put_bucket_policy", "set_group_members"} <= set(asked)
    for name in ("delete_key", "put_fence", "set_members"):
        assert labels.step(name) in workspace.last_error


def test_a_side_that_does_not_answer_is_tried_once_while_the_other_waits(
    backend: FakeBackend, play: Any
) -> None:
    """In a hurry the transports make one attempt: the next pass is the retry."""
    workspace = play(world.study())
    hurried: dict[str, bool] = {}
    backend.weather = lambda name: hurried.setdefault(name, backend.hurry) and None
    world.close(workspace.grants.get())
    play(workspace)
    assert hurried["delete_key"]
    assert hurried["put_bucket_policy"]
    assert not hurried["delete_application"]
    assert not backend.hurry


# --- Whatever refused -----------------------------------------------------------------------------


class Nameless(FakeBackend):
    """Without the portal's application id: who it is must be asked of IAM, at every start."""

    def portal_principal(self) -> str:
        self._call("portal_principal", lambda: None)
        return super().portal_principal()


@pytest.mark.parametrize(
    ("nameless", "error"),
    [(True, Permanent("key refused", status=401)), (True, Unreachable("503")), (False, Denied())],
)
def test_a_refused_portal_is_told_and_tried_again_within_a_minute(
    nameless: bool, error: ProviderError, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = with_role(Role.OPERATOR)
    backend = Nameless() if nameless else FakeBackend()
    workspace = player(lambda: backend)(world.study())
    grant = workspace.grants.get()
    monkeypatch.setattr(reconcile, "backoff", lambda *_args, cap, **_kwargs: cap)
    backend.weather = down("portal_principal", *IAM, *STORAGE, error=error)
    world.close(grant)
    for _ in range(reconcile.CLOSING_TELL_AFTER + 1):
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        turn.advance(workspace.pk, make_backend=lambda: backend, budget=0.01)
        workspace.refresh_from_db()
        assert workspace.next_reconcile_at is not None
        left = workspace.next_reconcile_at - timezone.now()
        assert left <= timedelta(seconds=60)
    grant.refresh_from_db()
    assert grant.state == "failed"
    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    assert told.count() == 1
    assert "retrait n’est pas achevé" in told.get().body


def test_without_iam_and_without_its_name_the_portal_still_cuts_the_fences() -> None:
    backend = Nameless()
    workspace = player(lambda: backend)(world.study())
    application = next(iter(backend.applications))
    assert workspace.resources.get(kind=PORTAL).external_id == "application_id:portal"
    backend.weather = down("portal_principal", *IAM)
    world.close(workspace.grants.get())
    one_pass(workspace, backend, steps=2)
    assert not fences_name(backend, application)
    assert all("application_id:portal" in str(b.policy) for b in backend.buckets.values())


def test_a_fence_that_forgets_the_portal_is_never_written() -> None:
    backend = Nameless()
    workspace = player(lambda: backend)(world.study())
    CloudResource.objects.filter(workspace=workspace, kind=PORTAL).delete()
    backend.weather = down("portal_principal")
    world.close(workspace.grants.get())
    asked = one_pass(workspace, backend, steps=2)
    assert "put_bucket_policy" not in asked
    assert len(backend.keys) == 1  # the person's is gone, whoever the portal is
    assert workspace.tries >= 1


def test_a_closing_is_told_beside_the_opening_that_failed_before(
    backend: FakeBackend, play: Any
) -> None:
    operator = with_role(Role.OPERATOR)
    workspace = play(world.study([world.person(), world.person()]))
    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    backend.weather = down("", error=Permanent("refused", status=401))
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=1)
    assert told.count() == 1
    world.close(workspace.grants.order_by("created_at")[0])
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=1)
    assert told.count() == 2


def test_each_study_whose_closing_fails_is_told_while_the_provider_is_down() -> None:
    """Openings that fail together are told once an hour; a closing of another study is another."""
    operator = with_role(Role.OPERATOR)
    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    studies = [world.study(staged=False) for _ in range(2)]
    for closing, expected in ((False, 1), (True, 3)):
        for _ in range(2):
            for workspace in studies:
                signals.workspace_failed.send(
                    sender=Workspace, workspace=workspace, code="unreachable", closing=closing
                )
        assert told.count() == expected


def test_a_provider_misconfigured_is_counted_and_told_while_something_is_open(
    backend: FakeBackend, play: Any
) -> None:
    operator = with_role(Role.OPERATOR)
    workspace = play(world.study())

    def none() -> FakeBackend:
        raise Permanent("SCW_ACCESS_KEY is needed")

    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    for tries, asked in ((1, False), (2, True), (3, True)):
        if asked:
            world.close(workspace.grants.get())
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        turn.advance(workspace.pk, make_backend=none)
        workspace.refresh_from_db()
        assert workspace.tries == tries
        assert told.count() == int(asked)


def test_a_rotation_of_a_lost_key_is_a_closing(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old key opens the data until it is gone: not tried again in a quarter of an hour."""
    operator = with_role(Role.OPERATOR)
    workspace = play(world.study())
    grant = workspace.grants.get()
    old = reveal.reveal(grant, by=grant.person)
    backend.weather = down("delete_key", error=Permanent("refused", status=401))
    reveal.rotate(grant, by=grant.person)
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=1)
    workspace.refresh_from_db()
    assert workspace.next_reconcile_at is not None
    assert workspace.next_reconcile_at - timezone.now() <= timedelta(seconds=60)
    assert Message.objects.filter(recipient=operator, code="request.workspace_failed").exists()
    backend.weather = lambda _name: None
    play(workspace)
    assert old.access_key not in backend.keys
    assert len(backend.keys) == 2


# --- Proving, and looking again -------------------------------------------------------------------


def undo(backend: FakeBackend, before: dict[str, Any]) -> None:
    for name, bucket in backend.buckets.items():
        bucket.policy = copy.deepcopy(before[name])


@pytest.mark.parametrize("wanted", ["suspended", "closed"])
def test_what_another_hand_puts_back_during_the_proof_is_cut_again(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """Old fences, member and wider rules, put back once cut: found, told, written, then proven."""
    workspace = play(world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    application = next(iter(backend.applications))
    group, policy = next(iter(backend.groups.values())), next(iter(backend.policies.values()))
    before = {name: copy.deepcopy(b.policy) for name, b in backend.buckets.items()}
    rules = set(policy.rules)
    times = [0]
    real = FakeHolder.list

    def meddled(holder: FakeHolder, bucket: str, *, prefix: str = "") -> Answer:
        times[0] += 1
        if times[0] in {1, 3}:  # before the first round, and in the middle of the refusals
            undo(backend, before)
            group.members.add(application)
            policy.rules.add((frozenset({"AllProductsFullAccess"}), frozenset({"p"})))
        return real(holder, bucket, prefix=prefix)

    monkeypatch.setattr(FakeHolder, "list", meddled)
    world.close(grant, wanted=wanted)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == wanted
    assert times[0] > 3
    assert not fences_name(backend, application)
    assert application not in group.members
    assert backend.policies == {} or policy.rules == rules
    told = Outbox.objects.filter(topic="drift_found").order_by("pk")  # sent, hence moved about
    found = [one.data["finding"] for one in told]
    assert found == ["fence_changed", "fence_changed", "members_changed", "rights_changed"] * 2
    monkeypatch.undo()
    if wanted == "suspended":
        holder = backend.key_holder(key.access_key, key.secret_key)
        assert holder.list(key.settings.bucket_in).refused
    assert grant.proof_at is not None
    settings_rounds = reconcile.settings.PROVISIONING["refusal_rounds"]
    assert grant.streak == settings_rounds


def test_the_last_round_reads_back_what_is_written_before_the_proof(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused for another reason (the group is cut), while a fence lets the person in again."""
    workspace = play(world.study())
    grant = workspace.grants.get()
    application = next(iter(backend.applications))
    before = {name: copy.deepcopy(b.policy) for name, b in backend.buckets.items()}
    once = [True]
    real = proofs._count

    def count(grant: Grant, done: Any) -> int:
        if once[0]:
            once[0] = False
            undo(backend, before)
        return real(grant, done)

    monkeypatch.setattr(proofs, "_count", count)
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert not fences_name(backend, application)
    assert Outbox.objects.filter(topic="drift_found").count() == 2


def test_a_fence_that_cannot_be_rewritten_keeps_no_member_inside(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    application = next(iter(backend.applications))
    group = next(iter(backend.groups.values()))
    before = {name: copy.deepcopy(b.policy) for name, b in backend.buckets.items()}
    world.close(grant, wanted="suspended")
    one_pass(workspace, backend, steps=2)  # announced and cut; nothing proven
    assert not fences_name(backend, application)
    undo(backend, before)
    group.members.add(application)
    backend.weather = down("bucket_policy", "put_bucket_policy")
    one_pass(workspace, backend, steps=1)
    assert application not in group.members
    assert workspace.tries == 1


def test_an_allowed_try_beside_a_silent_one_starts_the_count_again(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    Grant.objects.filter(pk=grant.pk).update(streak=3)
    grant.refresh_from_db()
    done = proofs.probes.Round(
        [
            proofs.probes.Tried("in_list", "refused", Answer(200)),
            proofs.probes.Tried("in_get", "refused", Answer(0)),
        ]
    )
    assert proofs._count(grant, done) == 0
    proofs._observe(grant, done, code="still_allowed")
    grant.refresh_from_db()
    assert grant.observed == "still_allowed"


@pytest.mark.parametrize("still_listed", [False, True])
def test_refusals_of_a_key_that_is_not_there_prove_nothing(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch, still_listed: bool
) -> None:
    """The probe's key deleted by another hand: another is made, and its refusals are the proof."""
    workspace = play(world.study())
    grant = workspace.grants.get()
    probe = grant.credentials.get(use="probe")
    gone = backend.keys.pop(probe.access_key)
    if still_listed:  # lists lag behind deletions too: the key is asked for by name
        ghost = KeyFound(gone.access_key, gone.description)
        real = backend.find_keys
        monkeypatch.setattr(backend, "find_keys", lambda **kw: [*real(**kw), ghost])
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert grant.credentials.filter(use="probe").count() == 2
    assert grant.credentials.get(pk=probe.pk).withdrawn_reason == "missing"
    rounds = reconcile.settings.PROVISIONING["refusal_rounds"]
    assert grant.streak == rounds
    assert grant.probes.filter(expected="refused", kind="in_list").count() == 2 * rounds


def test_a_wrong_clock_is_not_a_want_of_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = BotoKeyHolder(
        endpoint="http://127.0.0.1:1", region="fr-par", access_key="a", secret_key="s",
        before_call=lambda: None,
    )  # fmt: skip
    said = {"Code": "RequestTimeTooSkewed"}

    def refuse(**_arguments: Any) -> None:
        meta = {"HTTPStatusCode": 403, "RequestId": "r"}
        raise ClientError({"Error": said, "ResponseMetadata": meta}, "ListObjectsV2")

    monkeypatch.setattr(holder, "_s3", SimpleNamespace(list_objects_v2=refuse))
    assert not holder.list("b").refused
    said["Code"] = "AccessDenied"
    assert holder.list("b").refused
