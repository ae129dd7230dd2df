"""The reconciler on a provider that is no Scaleway; what the port does itself where one lacks."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import Training, User
from portal.common.calendar import legal_now
from requests_app.models import Outbox, Workspace
from requests_app.provisioning import reveal
from requests_app.provisioning.providers.errors import Permanent
from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.worker import turn
from requests_app.provisioning.worker.lease import Lease
from requests_app.provisioning.worker.reconcile import step
from tests.support.clock import real_time

from . import world
from .conftest import player
from .fake import FakeBackend
from .plain import Plain


pytestmark = pytest.mark.django_db(transaction=True)


def play(provider: Provider, workspace: Workspace) -> Workspace:
    Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
    workspace = player(lambda: provider)(workspace)
    provider.before_call = lambda: None
    return workspace


def test_a_study_opens_and_closes_where_nothing_is_scaleways() -> None:
    """Two persons, one leaves, the other works on; then all close, and nothing is left but data."""
    provider = Plain()
    workspace = play(provider, world.study([world.person(), world.person()]))
    assert workspace.last_error == ""
    leaver, stayer = workspace.grants.order_by("created_at")
    keys = {
        grant: reveal.reveal(grant, by=grant.person)
        for grant in (leaver, stayer)
        if grant.state == "open"
    }
    holders = {g: provider.key_holder(k.access_key, k.secret_key) for g, k in keys.items()}
    bucket = keys[leaver].settings.bucket_in
    assert all(holder.get(bucket, "manifest.json").allowed for holder in holders.values())
    world.close(leaver)
    play(provider, workspace)
    leaver.refresh_from_db()
    assert (leaver.state, leaver.observed) == ("closed", "refused")
    assert leaver.proof_at is not None
    assert holders[leaver].get(bucket, "manifest.json").refused
    assert holders[stayer].get(bucket, "manifest.json").allowed
    world.close(stayer)
    play(provider, workspace)
    stayer.refresh_from_db()
    assert stayer.state == "closed"
    assert (provider.users, provider.keys) == ({}, {})
    assert len(provider.buckets) == 2


def test_what_another_hand_opens_is_found_there_too() -> None:
    provider = Plain()
    workspace = play(provider, world.study())
    grant = workspace.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    provider.buckets[key.settings.bucket_ws].fence = None
    person = next(iter(provider.users))
    provider.keys["BYHAND"] = (person, "x", "by hand")
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    play(provider, workspace)
    told = Outbox.objects.filter(topic="drift_found").order_by("pk")
    assert [row.data["finding"] for row in told] == ["no_fence", "unknown_key"]
    assert "BYHAND" not in provider.keys
    holder = provider.key_holder(key.access_key, key.secret_key)
    assert holder.put(key.settings.bucket_ws, "x", b"x").allowed


@pytest.mark.parametrize("kind", [Plain, FakeBackend])
def test_a_persons_key_past_its_end_is_deleted_by_the_portal(kind: type[Provider]) -> None:
    """Whether or not keys end by themselves there; the person asks for another."""
    provider: Any = kind()
    workspace = play(provider, world.study(expires_at=legal_now() + timedelta(days=800)))
    grant = workspace.grants.get()
    old = grant.credentials.get(use="person")
    assert old.expires_at is not None
    assert workspace.next_reconcile_at is not None
    assert workspace.next_reconcile_at <= old.expires_at
    with real_time(old.expires_at + timedelta(minutes=1)):
        play(provider, workspace)
        assert old.access_key not in provider.keys
        grant.refresh_from_db()
        assert (grant.state, reveal.key_state(grant)) == ("open", "expired")
        assert grant.credentials.filter(use="person").count() == 1  # none by itself
        reveal.rotate(grant, by=trained_again(grant.person))
        play(provider, workspace)
        assert reveal.key_state(grant) == "ready"


def trained_again(person: User) -> User:
    Training.objects.filter(user=person).update(valid_until=timezone.now().date())
    return person


def test_a_key_at_its_end_is_a_closing_that_is_tried_soon_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where keys do not end by themselves, this one still opens the data."""
    provider = Plain()
    workspace = play(provider, world.study(expires_at=legal_now() + timedelta(days=800)))
    key = workspace.grants.get().credentials.get(use="person")
    assert key.expires_at is not None

    def refuse(access_key: str) -> None:
        raise Permanent("refused", status=401)

    monkeypatch.setattr(provider, "delete_key", refuse)
    with real_time(key.expires_at + timedelta(minutes=1)):
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        turn.advance(workspace.pk, make_backend=lambda: provider, budget=1)
        workspace.refresh_from_db()
        assert workspace.next_reconcile_at is not None
        assert workspace.next_reconcile_at - timezone.now() <= timedelta(seconds=60)
    assert Outbox.objects.filter(topic="workspace_failed", data__closing=True).exists()


def test_without_a_default_each_object_is_delivered_encrypted_and_seen_to_be() -> None:
    provider = Plain()
    provider.deaf = True
    workspace = until_it_waits(provider, world.study())
    assert workspace.failure_code == "not_as_written"
    assert workspace.extract.state != "delivered"
    assert "n’est pas chiffré" in workspace.last_error
    assert not provider.keys
    provider.deaf = False
    workspace = play(provider, workspace)
    assert workspace.grants.get().state == "open"
    sent = [o for b in provider.buckets.values() for o in b.objects.values() if o.sha256]
    assert len(sent) >= 2
    assert all(one.encrypted for one in sent)


def until_it_waits(provider: Provider, workspace: Workspace) -> Workspace:
    lease = Lease.take(workspace.pk)
    assert lease is not None
    assert "wait" in (step(lease, provider).kind for _ in range(30))
    lease.release(next_at=timezone.now(), seen=workspace.next_reconcile_at)
    workspace.refresh_from_db()
    return workspace
