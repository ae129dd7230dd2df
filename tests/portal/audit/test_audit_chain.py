"""The chain: sealed by one, verified by anyone, and what a tampered row is called."""

# ruff: noqa: S608 (tampering is SQL by hand)
import json
import subprocess
import sys
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.audit import chain, triggers
from portal.audit.export import export_lines
from portal.audit.models import AuditEvent, AuditHead, AuditSeal, AuditText
from portal.audit.record import record
from portal.audit.retention import ChainBroken, drop_before, limit
from portal.audit.seal import has_pending, log_head, seal_pending
from portal.audit.tasks import head as head_task
from portal.audit.tasks import seal as seal_task
from portal.audit.texts import erase, rectify
from portal.audit.verify import verify
from tests.support.audit import events, in_threads, sql_id, tamper


pytestmark = pytest.mark.both


@pytest.mark.django_db(transaction=True)
def test_200_events_from_8_writers_and_two_sealers_verify() -> None:
    def work(n: int) -> None:
        for number in range(25):
            with transaction.atomic():
                record("clock.advance", by=None, text=f"{n}", data={"number": number})
            if n % 4 == 0 and number % 5 == 0:
                seal_pending()

    in_threads(8, work)
    while has_pending():
        seal_pending()
    report = verify()
    assert report.ok, report
    assert (report.links, report.position) == (200, 200)
    assert AuditHead.objects.get().hash == report.head


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_leaves_the_first_alone() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: the second waits for the first")
    events(3)
    seal_pending()
    events(2)
    results: list[int] = []
    with transaction.atomic():
        AuditHead.objects.select_for_update().get()
        in_threads(1, lambda _n: results.append(seal_pending()))
    assert results == [0]
    assert seal_pending() == 2


@pytest.mark.django_db
def test_events_committed_late_are_sealed_in_turn() -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=3), tick=False):
        late = events(1)[0]
    assert seal_pending() == 1
    with time_machine.travel(timezone.now() - timedelta(hours=4), tick=False):
        later = events(1)[0]
    assert seal_pending() == 1
    assert [s.event_id for s in AuditSeal.objects.order_by("position")] == [late.pk, later.pk]
    with time_machine.travel(timezone.now() - timedelta(days=4), tick=False):
        events(1)
    assert seal_pending() == 0
    head_task()
    assert verify().ok


@pytest.mark.django_db
def test_the_task_seals_and_finds_nothing_the_second_time(
    django_assert_max_num_queries: object,
) -> None:
    events(3)
    seal_task()
    assert AuditSeal.objects.count() == 3
    with django_assert_max_num_queries(2):  # type: ignore[operator]
        seal_task()


@pytest.mark.django_db(transaction=True)
class TestTampering:
    def faulty(self, *statements: str) -> chain.Fault:
        tamper(*statements)
        report = verify()
        assert not report.ok
        output = StringIO()
        with pytest.raises(CommandError) as raised:
            call_command("audit_verify", stdout=output)
        assert raised.value.returncode == 1
        assert str(report.faults[0]) in output.getvalue()
        return report.faults[0]

    @pytest.fixture
    def sealed(self) -> list[AuditEvent]:
        rows = events(6, text="motif")
        seal_pending()
        assert verify().ok
        return list(
            AuditEvent.objects.filter(pk__in=[r.pk for r in rows]).order_by("seal__position")
        )

    @pytest.mark.parametrize(
        "change",
        [
            "outcome = 'refused'",
            "action = 'audit.export'",
            "actor_id = '{other}'",
            "data = '{{\"number\":9}}'",
            "text_hash = ''",
            "recorded_at = '2027-01-01 00:00:00'",
            "legal_at = '2027-01-01 00:00:00'",
        ],
    )
    def test_an_altered_event_is_named(self, sealed: list[AuditEvent], change: str) -> None:
        target = sealed[2]
        text = change.format(other=sql_id(target))
        fault = self.faulty(f"UPDATE audit_auditevent SET {text} WHERE id = '{sql_id(target)}'")
        assert (fault.kind, fault.position, fault.event_id) == ("altered", 3, str(target.pk))

    def test_a_removed_link_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty(
            f"DELETE FROM audit_audittext WHERE event_id = '{sql_id(sealed[3])}'",
            "DELETE FROM audit_auditseal WHERE position = 4",
            f"DELETE FROM audit_auditevent WHERE id = '{sql_id(sealed[3])}'",
        )
        assert (fault.kind, fault.position) == ("missing", 4)

    def test_a_removed_event_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty(
            f"DELETE FROM audit_audittext WHERE event_id = '{sql_id(sealed[0])}'",
            f"DELETE FROM audit_auditevent WHERE id = '{sql_id(sealed[0])}'",
        )
        assert (fault.kind, fault.position) == ("missing", 1)

    def test_a_cut_beginning_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty("DELETE FROM audit_auditseal WHERE position <= 2")
        assert (fault.kind, fault.position) == ("missing", 1)
        assert "1 to 2" in fault.detail

    def test_a_cut_end_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty("DELETE FROM audit_auditseal WHERE position >= 5")
        assert (fault.kind, fault.position) == ("missing", 5)
        tamper("DELETE FROM audit_auditseal", "DELETE FROM audit_audithead")
        assert verify().links == 0

    def test_swapped_links_are_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty(
            "UPDATE audit_auditseal SET position = 99 WHERE position = 2",
            "UPDATE audit_auditseal SET position = 2 WHERE position = 4",
            "UPDATE audit_auditseal SET position = 4 WHERE position = 99",
        )
        assert (fault.kind, fault.position) == ("reordered", 2)
        assert "after position 3" in fault.detail

    def test_swapped_events_are_named(self, sealed: list[AuditEvent]) -> None:
        second, fourth = sql_id(sealed[1]), sql_id(sealed[3])
        spare = second[:-4] + "0000"
        fault = self.faulty(
            f"UPDATE audit_auditseal SET event_id = '{spare}' WHERE position = 2",
            f"UPDATE audit_auditseal SET event_id = '{second}' WHERE position = 4",
            f"UPDATE audit_auditseal SET event_id = '{fourth}' WHERE position = 2",
        )
        assert (fault.kind, fault.position) == ("reordered", 2)
        assert "now at position 4" in fault.detail

    def test_a_forged_link_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty(
            f"UPDATE audit_auditseal SET previous = '{'a' * 64}' WHERE position = 5"
        )
        assert (fault.kind, fault.position) == ("broken", 5)

    def test_a_changed_or_removed_text_is_named(self, sealed: list[AuditEvent]) -> None:
        fault = self.faulty(
            f"UPDATE audit_audittext SET text = 'autre' WHERE event_id = '{sql_id(sealed[1])}'"
        )
        assert (fault.kind, fault.position) == ("altered", 2)
        fault = self.faulty(f"DELETE FROM audit_audittext WHERE event_id = '{sql_id(sealed[0])}'")
        assert (fault.kind, fault.position) == ("missing", 1)

    def test_a_rewritten_chain_betrays_itself_in_the_daily_log(
        self, sealed: list[AuditEvent], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO", logger="portal.audit.seal"):
            log_head()
        kept = caplog.messages[-1].removeprefix("audit head ")
        call_command("audit_verify", expect=None, stdout=StringIO())
        tamper(
            f"UPDATE audit_auditevent SET outcome = 'refused' WHERE id = '{sql_id(sealed[5])}'",
            "DELETE FROM audit_auditseal",
            "DELETE FROM audit_audithead",
        )
        seal_pending()
        assert verify().ok
        with pytest.raises(CommandError):
            call_command("audit_verify", "--expect", kept, stdout=StringIO())

    def test_a_chain_shorter_than_the_daily_log_is_named(self, sealed: list[AuditEvent]) -> None:
        head = AuditHead.objects.get()
        kept = (head.position, head.hash)
        assert verify(expect=kept).ok
        tamper("DELETE FROM audit_auditseal WHERE position > 3")
        AuditHead.objects.update(position=3, hash=AuditSeal.objects.get(position=3).hash)
        assert verify().ok
        (fault,) = verify(expect=kept).faults
        assert (fault.kind, fault.position) == ("altered", 6)

    def test_missing_triggers_are_named(self, sealed: list[AuditEvent]) -> None:
        triggers.drop(connection)
        try:
            report = verify()
        finally:
            triggers.create(connection)
        assert "trigger audit_auditevent_no_" in report.faults[0].detail


@pytest.mark.django_db
def test_an_event_unsealed_for_five_minutes_is_named() -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=6), tick=False):
        (event,) = events(1)
    output = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("audit_verify", stdout=output)
    assert raised.value.returncode == 2
    assert str(event.pk) in output.getvalue()
    seal_pending()
    call_command("audit_verify", stdout=output)


@pytest.mark.django_db
def test_texts_are_rectified_and_erased_without_breaking_the_chain() -> None:
    dpo = User.objects.create_user("dpo", email="dpo@example.org")
    one, two = (record("clock.advance", by=None, text=t) for t in ("Léa Martin", "Max Petit"))
    seal_pending()
    rectify(one.pk, by=dpo, text="Léa Marchand", reason="erreur de nom")
    call_command("audit_text", str(two.pk), "--by", "dpo", "--reason", "demande", "--erase")
    seal_pending()
    assert verify().ok
    erased = AuditText.objects.get(pk=two.pk)
    assert (erased.text, erased.salt) == ("", "")
    assert erased.erased_at
    assert AuditText.objects.get(pk=one.pk).rectified_at
    assert AuditEvent.objects.filter(action="audit.text_erase", actor_id=dpo.pk).count() == 1
    with pytest.raises(ValueError, match="already erased"):
        erase(two.pk, by=dpo, reason="encore")
    with pytest.raises(ValueError, match="reason"):
        erase(one.pk, by=dpo, reason=" ")
    with pytest.raises(CommandError, match="no active user"):
        call_command("audit_text", str(one.pk), "--by", "x", "--reason", "y", "--erase")


@pytest.mark.django_db
def test_an_export_is_verified_by_one_file_of_standard_library(tmp_path: Path) -> None:
    events(5, text="Été")
    path = tmp_path / "journal.jsonl"
    call_command("audit_export", "--output", str(path), "--with-texts", stderr=StringIO())
    assert path.stat().st_mode & 0o077 == 0
    script = Path(settings.BASE_DIR) / "portal" / "audit" / "chain.py"

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(script), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (check().returncode, check().stdout.split()[0]) == (0, "6")
    lines = path.read_text(encoding="utf-8").splitlines()
    item = json.loads(lines[3])
    item["event"]["outcome"] = "refused"
    path.write_text("\n".join([*lines[:3], json.dumps(item), *lines[4:]]), encoding="utf-8")
    assert (check().returncode, check().stdout.split()[0]) == (1, "altered")
    path.write_text("\n".join([*lines[:3], *lines[4:]]), encoding="utf-8")
    assert check().returncode == 2  # the footer no longer agrees
    item = json.loads(lines[3])
    item["text"]["text"] = "autre"
    path.write_text("\n".join([*lines[:3], json.dumps(item), *lines[4:]]), encoding="utf-8")
    assert (check().returncode, check().stdout.split()[0]) == (1, "altered")
    path.write_text("{}", encoding="utf-8")
    assert "not a guichet-audit-1 export" in check().stderr


@pytest.mark.django_db
def test_a_day_is_exported_alone() -> None:
    for day in (1, 2, 3):
        with time_machine.travel(f"2027-03-0{day}T12:00:00Z", tick=False):
            events(2)
            seal_pending()
    rows = list(export_lines(since=date(2027, 3, 2), until=date(2027, 3, 2)))
    faults, state = chain.verify_export(rows)
    assert not faults
    assert (state.first, state.position) == (3, 4)


@pytest.mark.django_db
def test_days_of_sealing_never_go_back() -> None:
    """Days are dropped whole, by their date: a clock set back would part what follows."""
    for moment in ("2027-03-02T10:00:00Z", "2027-03-01T23:00:00Z"):
        with time_machine.travel(moment, tick=False):
            events(1)
            assert seal_pending() == 1
    assert set(AuditSeal.objects.values_list("segment", flat=True)) == {date(2027, 3, 2)}


def test_a_retention_explains_its_own_beginning_alone() -> None:
    said = {"action": "audit.retain", "data": {"last_position": 3, "head": "a" * 64}}
    assert chain.retained_after([said], 4, "a" * 64)
    assert not chain.retained_after([said], 5, "a" * 64)
    assert not chain.retained_after([said], 4, "b" * 64)
    assert not chain.retained_after([said | {"action": "clock.advance"}], 4, "a" * 64)


@pytest.mark.django_db
class TestRetention:
    @pytest.fixture
    def two_years(self) -> None:
        for year in (2025, 2026, 2027):
            with time_machine.travel(f"{year}-03-01T12:00:00Z", tick=False):
                events(3, text="motif")
                seal_pending()

    def test_whole_days_are_dropped_and_the_chain_says_so(
        self, two_years: None, settings: object
    ) -> None:
        settings.AUDIT_RETENTION_DAYS = 400  # type: ignore[attr-defined]
        with time_machine.travel("2027-03-02T12:00:00Z", tick=False):
            output = StringIO()
            call_command("audit_retain", stdout=output)
            assert "would be dropped" in output.getvalue()
            assert AuditEvent.objects.count() == 9
            call_command("audit_retain", "--yes", stdout=output)
        assert "3 event(s)" in output.getvalue()
        assert AuditEvent.objects.count() == 7
        assert triggers.missing(connection) == []
        report = verify()
        assert report.ok, report
        faults, state = chain.verify_export(export_lines())
        assert not faults
        assert state.first == 4

    def test_a_second_retention_explains_the_new_beginning(self, two_years: None) -> None:
        with time_machine.travel("2027-03-02T12:00:00Z", tick=False):
            drop_before(timezone.now().date() - timedelta(days=500))
        with time_machine.travel("2029-03-02T12:00:00Z", tick=False):
            dropped = drop_before(timezone.now().date() - timedelta(days=500))
        assert dropped is not None
        assert dropped.last_position == 10
        assert verify().ok

    def test_the_first_day_kept_is_kept(self, two_years: None) -> None:
        with time_machine.travel("2027-03-02T12:00:00Z", tick=False):
            dropped = drop_before(date(2026, 3, 1))
        assert dropped is not None
        assert dropped.last_position == 3

    def test_a_broken_day_is_not_dropped(self, two_years: None) -> None:
        target = AuditEvent.objects.order_by("recorded_at", "id")[0]
        with triggers.lifted(connection):
            AuditEvent.objects.filter(pk=target.pk).update(outcome="refused")
        with (
            time_machine.travel("2027-03-02T12:00:00Z", tick=False),
            pytest.raises(ChainBroken, match="position 1"),
        ):
            drop_before(timezone.now().date() - timedelta(days=500))
        assert AuditEvent.objects.count() == 9

    def test_less_than_a_year_is_refused(self, settings: object) -> None:
        settings.AUDIT_RETENTION_DAYS = 364  # type: ignore[attr-defined]
        with pytest.raises(ImproperlyConfigured):
            limit()
        with pytest.raises(CommandError):
            call_command("audit_retain")
        with pytest.raises(ValueError, match="at least 365"):
            drop_before(timezone.now().date())
        settings.AUDIT_RETENTION_DAYS = 0  # type: ignore[attr-defined]
        output = StringIO()
        call_command("audit_retain", stdout=output)
        assert "everything is kept" in output.getvalue()
