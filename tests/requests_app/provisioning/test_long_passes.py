"""A pass longer than its lease: kept alive while it reads, counted and told where it is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import Role
from portal.notifications.models import Message
from requests_app.models import Workspace
from requests_app.provisioning.extract import delivery, staging
from requests_app.provisioning.worker import reconcile, turn
from requests_app.provisioning.worker.lease import Lease, LeaseLost
from tests.support.people import with_role

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


def test_hashing_keeps_the_lease_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large files take longer to read than a lease lasts."""
    backend, workspace = FakeBackend(), world.study()
    monkeypatch.setattr(staging, "BLOCK", 64)
    mine = Workspace.objects.filter(pk=workspace.pk)
    renewed: list[bool] = []
    real, files = Lease.renew, delivery.files_to_deliver

    def renew(lease: Lease) -> None:
        real(lease)
        renewed.append(True)

    def counted(*args: Any, **more: Any) -> Any:
        first = len(renewed)
        found = files(*args, **more)
        size = sum(path.stat().st_size for _key, path, _sha in found)
        assert size > 3 * 64
        assert len(renewed) - first >= size // 64
        return found

    monkeypatch.setattr(Lease, "renew", renew)
    monkeypatch.setattr(delivery, "files_to_deliver", counted)
    player(lambda: backend)(workspace)
    assert mine.get().extract.delivered_at is not None


def test_a_lease_lost_again_and_again_is_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = with_role(Role.OPERATOR)
    workspace = world.study()
    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    mine = Workspace.objects.filter(pk=workspace.pk)

    def late(lease: Lease, _backend: Any) -> None:
        mine.update(lease_until=timezone.now() - timedelta(seconds=1))
        lease.check()

    monkeypatch.setattr(turn, "step", late)
    for tries in range(1, reconcile.CLOSING_TELL_AFTER + 1):
        assert told.count() == 0
        assert turn.advance(workspace.pk, make_backend=FakeBackend)
        workspace.refresh_from_db()
        assert (workspace.failure_code, workspace.tries) == ("lease", tries)
    assert told.count() == 1
    assert "bail" in told.get().body


def test_a_lease_lost_to_one_who_has_finished_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = world.study()
    mine = Workspace.objects.filter(pk=workspace.pk)

    def overtaken(_lease: Lease, _backend: Any) -> None:
        mine.update(lease_generation=99, lease_until=None)
        raise LeaseLost

    monkeypatch.setattr(turn, "step", overtaken)
    turn.advance(workspace.pk, make_backend=FakeBackend)
    workspace.refresh_from_db()
    assert (workspace.failure_code, workspace.tries) == ("", 0)
