"""Custody, the one reveal, rotation, keys nobody looked at."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from portal.accounts.models import Training
from portal.audit.models import AuditEvent
from portal.common.calendar import legal_today
from requests_app.models import Credential, Grant, Outbox, Workspace
from requests_app.provisioning import custody, reveal
from requests_app.provisioning.worker import sweeping
from requests_app.provisioning.worker.keys import PROBE_OUTLIVES, key_end
from tests.support.clock import real_time

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def opened(backend: FakeBackend) -> Workspace:
    return player(lambda: backend)(world.study())


def test_shown_once_then_wiped(opened: Workspace, backend: FakeBackend) -> None:
    grant = opened.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    assert backend.keys[key.access_key].secret_key == key.secret_key
    assert key.secret_key not in repr(key)
    row = Credential.objects.get(access_key=key.access_key)
    assert row.ciphertext is None
    assert row.revealed_at is not None
    with pytest.raises(reveal.AlreadyRevealed, match="déjà été affichée"):
        reveal.reveal(grant, by=grant.person)
    events = AuditEvent.objects.filter(action="key.reveal").order_by("recorded_at")
    assert [e.outcome for e in events] == ["done", "already_revealed"]
    assert key.secret_key not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_two_clicks_at_once_show_one_key(opened: Workspace) -> None:
    grant = opened.grants.get()
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def click() -> None:
        try:
            start.wait()
            reveal.reveal(Grant.objects.get(pk=grant.pk), by=grant.person)
            outcomes.append("shown")
        except reveal.AlreadyRevealed:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "shown"]


def test_another_person_and_a_closed_access_are_refused(opened: Workspace) -> None:
    grant = opened.grants.get()
    with pytest.raises(reveal.NotYours):
        reveal.reveal(grant, by=world.person())
    Grant.objects.filter(pk=grant.pk).update(state="suspended")
    with pytest.raises(reveal.NotOpen):
        reveal.reveal(grant, by=grant.person)
    with pytest.raises(reveal.NotOpen):
        reveal.rotate(grant, by=grant.person)


def test_rotation_deletes_the_old_key_first(opened: Workspace, backend: FakeBackend) -> None:
    grant = opened.grants.get()
    old = reveal.reveal(grant, by=grant.person)
    wanted = reveal.rotate(grant, by=grant.person)
    assert reveal.rotate(grant, by=grant.person) == wanted  # a second click asks for the same
    calls = len(backend.calls)
    player(lambda: backend)(opened)
    after = [name for name in backend.calls[calls:] if name in {"delete_key", "create_key"}]
    assert after == ["delete_key", "create_key"]
    new = reveal.reveal(grant, by=grant.person)
    assert new.access_key != old.access_key
    assert old.access_key not in backend.keys
    grant.refresh_from_db()
    assert grant.state == "open"
    generations = Credential.objects.filter(grant=grant, use="person").order_by("generation")
    assert [(c.generation, c.withdrawn_reason) for c in generations] == [(1, "rotated"), (2, "")]


def test_a_new_key_asks_the_conditions_again(opened: Workspace) -> None:
    """Gates stand before any key, not the first alone."""
    grant = opened.grants.get()
    Training.objects.update(
        followed_on=legal_today() - timedelta(400), valid_until=legal_today() - timedelta(1)
    )
    with pytest.raises(reveal.NotReady, match="Formation"):
        reveal.rotate(grant, by=grant.person)
    assert Credential.objects.filter(grant=grant, use="person").count() == 1


def test_nobody_has_the_key_of_another_made_again() -> None:
    grant = world.study(staged=False).grants.get()
    Grant.objects.update(state="open")
    with pytest.raises(reveal.NotYours):
        reveal.rotate(grant, by=world.person("autre"))
    assert not Credential.objects.exists()


def test_a_key_ends_with_whichever_ends_first() -> None:
    grant = world.study(staged=False).grants.get()
    soon, later = (timezone.now() + timedelta(days=days) for days in (20, 40))
    for mine, permits in ((soon, later), (later, soon)):
        grant.expires_at, grant.permit.expires_at = mine, permits
        assert key_end(grant, "person") == soon
        assert key_end(grant, "probe") == soon + PROBE_OUTLIVES
    grant.expires_at = grant.permit.expires_at = soon + timedelta(days=4000)
    assert key_end(grant, "person") < soon + timedelta(days=400)  # a key's longest life


def test_unrevealed_for_72_hours_it_is_deleted(opened: Workspace, backend: FakeBackend) -> None:
    grant = opened.grants.get()
    assert sweeping.withdraw_unrevealed() == 0
    with real_time(timezone.now() + timedelta(hours=73)):
        assert sweeping.withdraw_unrevealed() == 1
        player(lambda: backend)(opened)
        assert len(backend.keys) == 1  # the probe's
        with pytest.raises(reveal.NoKey):
            reveal.reveal(grant, by=grant.person)
        assert Outbox.objects.filter(topic="key_unrevealed", done_at__isnull=False).exists()
        reveal.rotate(grant, by=grant.person)
        player(lambda: backend)(opened)
        assert reveal.can_reveal(grant)


def test_settings_are_ready_to_paste_without_the_secret(opened: Workspace) -> None:
    grant = opened.grants.get()
    key = reveal.reveal(grant, by=grant.person)
    shown = reveal.settings_of(grant)
    assert shown is not None
    texts = [shown.environment, shown.boto3, shown.rclone, shown.r, shown.test_line]
    assert not any(key.secret_key in text for text in texts)
    assert all(shown.bucket_in in text for text in (shown.boto3, shown.r, shown.test_line))
    compile(shown.boto3, "boto3", "exec")
    assert shown.part_mib * 1000 >= shown.largest_gib * 1024  # 1000 parts at most


# --- Custody --------------------------------------------------------------------------------------


def test_a_ciphertext_opens_for_its_row_only() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    sealed = custody.seal("s3cret", ring="person", credential=one)
    assert custody.unseal(sealed, ring="person", credential=one) == "s3cret"
    with pytest.raises(custody.CustodyError):
        custody.unseal(sealed, ring="person", credential=other)
    with pytest.raises(custody.CustodyError):
        custody.unseal(sealed, ring="probe", credential=one)


def test_rings_rotate_and_an_absent_one_is_said(settings: Any) -> None:
    one = uuid.uuid4()
    sealed = custody.seal("s3cret", ring="person", credential=one)
    settings.CUSTODY_KEYS = [Fernet.generate_key().decode(), *settings.CUSTODY_KEYS]
    assert custody.unseal(sealed, ring="person", credential=one) == "s3cret"
    settings.PROBE_KEYS = []  # the web process
    assert not custody.available("probe")
    with pytest.raises(custody.CustodyError, match="GUICHET_PROBE_KEYS"):
        custody.seal("x", ring="probe", credential=one)


def test_without_a_ring_no_key_is_made(settings: Any, backend: FakeBackend) -> None:
    settings.PROBE_KEYS = []
    workspace = world.study()
    from requests_app.provisioning.worker import turn

    turn.advance(workspace.pk, make_backend=lambda: backend, budget=3)
    workspace.refresh_from_db()
    assert not backend.keys
    assert "séquestre" in workspace.last_error
