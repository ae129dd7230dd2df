"""The training clock: forward only, recorded, and what is due is run."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import checks
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.common import calendar
from portal.common.calendar import legal_now
from portal.common.models import TrainingClock


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    registered: list[Any] = []
    monkeypatch.setattr(calendar, "_when_moved", registered)
    return registered


@pytest.mark.django_db
class TestAdvance:
    def test_it_moves_forward_is_recorded_and_runs_what_is_due(self, hooks: list[Any]) -> None:
        ran: list[Any] = []

        @calendar.on_clock_moved
        def fire_due() -> None:
            ran.append(legal_now())

        calendar.on_clock_moved(fire_due)
        before = legal_now()
        output = StringIO()
        call_command("clock", "advance", "11d", stdout=output)
        call_command("clock", "advance", "2h", stdout=output)
        assert len(hooks) == 1
        assert len(ran) == 2
        moved = legal_now() - before
        assert abs(moved - timedelta(days=11, hours=2)) < timedelta(hours=1, minutes=1)
        assert "fire_due: done" in output.getvalue()
        first, second = AuditEvent.objects.filter(action="clock.advance").order_by("recorded_at")
        assert first.data["before_seconds"] == 0
        assert second.data["before_seconds"] == first.data["after_seconds"]
        assert second.legal_at > first.legal_at - timedelta(seconds=1)

    def test_a_failure_is_told_and_the_others_still_run(self, hooks: list[Any]) -> None:
        ran: list[str] = []

        def bad() -> None:
            raise ZeroDivisionError

        hooks.extend([bad, lambda: ran.append("after")])
        with pytest.raises(CommandError, match="bad"):
            call_command("clock", "advance", "1d", stdout=StringIO())
        assert ran == ["after"]
        assert TrainingClock.objects.get().offset >= timedelta(hours=23)

    @pytest.mark.parametrize("amount", ["-1d", "0d", "soon", "1.5d", ""])
    def test_bad_amounts_move_nothing(self, amount: str, hooks: list[Any]) -> None:
        with pytest.raises(CommandError):
            call_command("clock", "advance", amount)
        assert not TrainingClock.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_it_is_refused_outside_training(self, hooks: list[Any], settings: Any) -> None:
        settings.TRAINING = False
        with pytest.raises(CommandError, match="GUICHET_TRAINING"):
            call_command("clock", "advance", "1d")
        assert not TrainingClock.objects.exists()

    def test_show(self, hooks: list[Any], legal_time: Any) -> None:
        output = StringIO()
        call_command("clock", "show", stdout=output)
        assert "real time" in output.getvalue()
        legal_time("2d")
        call_command("clock", "show", stdout=output)
        assert "2 days" in output.getvalue() or "1 day, 23" in output.getvalue()


class TestDeployChecks:
    @pytest.fixture
    def ready(self, settings: Any) -> Any:
        settings.TRAINING = settings.DEMO = settings.DEBUG = False
        settings.SECRET_KEY = "k" * 60
        settings.CUSTODY_KEYS = [Fernet.generate_key().decode()]
        settings.PROBE_KEYS = []
        settings.PUBLIC_URL = "https://guichet.example.org"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.AUDIT_RETENTION_DAYS = 0
        settings.SITE_FACTS = dict.fromkeys(settings.SITE_FACTS, "renseigné")
        return settings

    def found(self) -> set[str]:
        messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
        return {str(message.id) for message in messages if str(message.id).startswith("guichet.")}

    def test_a_ready_site_has_nothing(self, ready: Any) -> None:
        assert self.found() == set()

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("TRAINING", True, "guichet.E001"),
            ("DEMO", True, "guichet.E002"),
            ("DEBUG", True, "guichet.E003"),
            ("SECRET_KEY", "tests-only-not-a-secret", "guichet.E004"),
            ("SECRET_KEY", "django-insecure-" + "x" * 60, "guichet.E004"),
            ("CUSTODY_KEYS", [], "guichet.E005"),
            ("CUSTODY_KEYS", ["not a key"], "guichet.E006"),
            ("PUBLIC_URL", "http://127.0.0.1:8000", "guichet.E008"),
            ("EMAIL_BACKEND", "portal.notifications.backends.EmlBackend", "guichet.W001"),
            ("AUDIT_RETENTION_DAYS", 30, "guichet.E009"),
            ("SITE_FACTS", {"publisher": ""}, "guichet.W002"),
        ],
    )
    def test_each_fault_is_named(self, ready: Any, name: str, value: Any, expected: str) -> None:
        setattr(ready, name, value)
        assert self.found() == {expected}

    def test_custody_and_probe_keys_differ(self, ready: Any) -> None:
        ready.PROBE_KEYS = ready.CUSTODY_KEYS
        assert self.found() == {"guichet.E007"}
