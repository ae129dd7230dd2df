"""Each side of a closing is tried at its own pace: counts of calls over a time that is moved."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import Role
from portal.notifications.models import Message
from requests_app.models import Outbox, Workspace
from requests_app.provisioning import outbox, workspaces
from requests_app.provisioning.providers.errors import Permanent, ProviderError, Unreachable
from requests_app.provisioning.providers.values import Answer
from requests_app.provisioning.worker import reconcile, turn
from tests.support.clock import real_time
from tests.support.people import with_role

from . import world
from .conftest import player
from .fake import FakeBackend, FakeHolder


pytestmark = pytest.mark.django_db


class Day:
    """Two persons leave: the key of one cannot be deleted, the proof of the other has no answer."""

    def __init__(
        self, error: ProviderError, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        self.backend, self.rounds = FakeBackend(), 0
        self.workspace = player(lambda: self.backend)(world.study([world.person(), world.person()]))
        first, second = self.workspace.grants.order_by("created_at")
        stuck = first.credentials.get(use="person").access_key
        real = self.backend.delete_key

        def refuse(access_key: str) -> None:
            real(f"none-{access_key}" if access_key == stuck else access_key)
            if access_key == stuck:
                raise error

        def silent(_holder: FakeHolder, _bucket: str, *, prefix: str = "") -> Answer:
            self.rounds += 1
            return Answer(503)

        monkeypatch.setattr(self.backend, "delete_key", refuse)
        monkeypatch.setattr(FakeHolder, "list", silent)
        monkeypatch.setattr(turn, "PATIENCE", -1.0)
        # Nobody says that the proof is late: it waits, round after round.
        settings.PROVISIONING = settings.PROVISIONING | {
            "refusal_spacing": 30.0, "propagation": 9e4, "check_minutes": 9e4,
        }  # fmt: skip
        for grant in (first, second):
            world.close(grant)

    def play(self, minutes: int) -> tuple[int, int]:
        """(calls to delete the key, rounds of the proof) while a worker comes when it is asked."""
        start = timezone.now()
        with real_time(start, tick=False) as clock:
            while True:
                turn.advance(self.workspace.pk, make_backend=lambda: self.backend, budget=1e9)
                self.workspace.refresh_from_db()
                assert self.workspace.next_reconcile_at is not None
                if self.workspace.next_reconcile_at > start + timedelta(minutes=minutes):
                    break
                clock.move_to(max(self.workspace.next_reconcile_at, timezone.now()))
        others = 1  # the key of whoever leaves without trouble
        return self.backend.calls.count("delete_key") - others, self.rounds


@pytest.mark.long
def test_what_will_not_pass_alone_is_not_asked_at_the_pace_of_a_proof(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    operator = with_role(Role.OPERATOR)
    day = Day(Permanent("refused", status=401), monkeypatch, settings)
    deleted, rounds = day.play(60)
    assert 60 <= deleted <= 64
    assert 118 <= rounds <= 124
    for pk in Outbox.objects.order_by("pk").values_list("pk", flat=True):
        outbox.deliver(pk)
    told = Message.objects.filter(recipient=operator, code="request.workspace_failed")
    assert told.count() == 1
    mine = Workspace.objects.get(pk=day.workspace.pk)
    assert mine.failure_code == "permanent"
    assert "suppression de la clé" in mine.last_error


def test_a_proof_is_not_hurried_by_what_is_tried_sooner(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Rounds stand for seconds: five in one second prove less than five in half a minute."""
    monkeypatch.setattr(reconcile, "backoff", lambda *_args, **_kwargs: 6.0)
    day = Day(Unreachable("503"), monkeypatch, settings)
    deleted, rounds = day.play(3)
    assert 29 <= deleted <= 34
    assert 6 <= rounds <= 8


def test_an_operator_who_asks_again_waits_for_no_pace(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    day = Day(Permanent("refused", status=401), monkeypatch, settings)
    deleted, _rounds = day.play(1)
    assert day.workspace.paces
    workspaces.retry(day.workspace, by=with_role(Role.OPERATOR))
    turn.advance(day.workspace.pk, make_backend=lambda: day.backend)
    assert day.backend.calls.count("delete_key") - 1 > deleted
