"""Recording: insert-only rows, the caller's transaction, refusals and views in their own."""

# ruff: noqa: S608 (tampering is SQL by hand)
import sqlite3
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory

from portal.accounts.models import Organisation, User
from portal.audit import actions, triggers
from portal.audit.chain import text_hash
from portal.audit.models import AuditEvent, AuditSeal, AuditText
from portal.audit.record import AuditUnavailable, record, record_refusal, record_view
from portal.audit.seal import seal_pending
from portal.common.calendar import legal_now
from tests.support.audit import events


pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def person() -> User:
    return User.objects.create_user("lea", email="lea@example.org", last_name="Marchand")


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.objects.create(
        code="chu-demo", name="CHU de démonstration", kind="applicant"
    )


def test_an_event_holds_opaque_ids_and_the_hash_of_its_text(
    person: User, organisation: Organisation
) -> None:
    about = uuid.uuid4()
    event = record(
        "clock.advance",
        by=person,
        on=organisation,
        about=about,
        text="Motif : Léa Marchand.",
        data={"count": 2, "ids": [str(about)]},
    )
    event.refresh_from_db()
    assert (event.actor_id, event.on_type, event.on_id) == (
        person.pk,
        "accounts.organisation",
        str(organisation.pk),
    )
    assert event.about == about
    assert "Marchand" not in str(event.content())
    assert text_hash(event.text.salt, event.text.text) == event.text_hash
    assert event.text.text == "Motif : Léa Marchand."


def test_the_event_goes_with_the_rolled_back_act(person: User) -> None:
    def act() -> None:
        with transaction.atomic():
            record("clock.advance", by=person, text="motif")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not AuditEvent.objects.exists()
    assert not AuditText.objects.exists()


def test_both_times_are_kept(legal_time: object) -> None:
    legal_time("11d")  # type: ignore[operator]
    event = record("clock.advance", by=None)
    assert (event.legal_at - event.recorded_at).days >= 10
    assert abs((legal_now() - event.legal_at).total_seconds()) < 60


def test_an_unregistered_action_is_a_fault_of_the_code() -> None:
    with pytest.raises(actions.UnknownAction, match="audit_actions"):
        record("request.sbumit", by=None)


def test_an_action_has_one_label() -> None:
    actions.register("clock.advance", actions.get("clock.advance").label)
    with pytest.raises(ValueError, match="twice"):
        actions.register("clock.advance", "Autre")
    with pytest.raises(ValueError, match="not an action code"):
        actions.register("Clock", "Horloge")


@pytest.mark.parametrize(
    "data",
    [
        {"name": "Léa"},
        {"reason": "deux mots"},
        {"Key": "x"},
        {"rate": 0.5},
        {"nested": {"a": 1}},
        {"ids": ["ok", "pas ok"]},
        {"long": "x" * 129},
    ],
)
def test_words_do_not_enter_the_chain(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="audit data"):
        record("clock.advance", by=None, data=data)  # type: ignore[arg-type]


def test_an_object_must_be_stored_and_an_outcome_a_code() -> None:
    unsaved = AuditSeal()
    with pytest.raises(ValueError, match="stored first"):
        record("clock.advance", by=None, on=unsaved)
    with pytest.raises(ValueError, match="outcome"):
        record("clock.advance", by=None, outcome="Refusé !")


@pytest.mark.parametrize("table", triggers.TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1}", "DELETE FROM {0}"])
def test_rows_are_insert_only(table: str, statement: str) -> None:
    events(2)
    seal_pending()
    change = "action = 'x'" if table.endswith("event") else "hash = 'x'"
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        connection.cursor().execute(statement.format(table, change))
    assert AuditSeal.objects.count() == 2


def test_the_orm_is_refused_too() -> None:
    (event,) = events(1)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.update(outcome="refused")
    event.outcome = "refused"
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()


def test_replacing_or_truncating_is_refused() -> None:
    (event,) = events(1)
    if connection.vendor == "sqlite":
        statement = (
            "INSERT OR REPLACE INTO audit_auditevent SELECT * FROM audit_auditevent"
            f" WHERE id = '{event.pk.hex}'"
        )
    else:
        statement = "TRUNCATE audit_auditevent CASCADE"
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize("table", triggers.TABLES)
def test_whoever_opens_the_file_by_hand_replaces_nothing_either(table: str) -> None:
    """Without the options of our connections, SQLite replaces a row without its delete trigger."""
    by_hand = sqlite3.connect(":memory:")
    key = triggers._KEYS[table]
    by_hand.execute(f"CREATE TABLE {table} ({key} TEXT PRIMARY KEY)")
    for statement in triggers._sqlite_create(table):
        by_hand.execute(statement)
    by_hand.execute(f"INSERT INTO {table} VALUES ('one')")
    by_hand.execute(f"INSERT INTO {table} VALUES ('two')")
    with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
        by_hand.execute(f"INSERT OR REPLACE INTO {table} VALUES ('one')")
    by_hand.close()


def test_replacing_by_another_unique_column_is_refused_too(organisation: Organisation) -> None:
    """The row to replace has another id: only its key of the hour collides."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    record_view(request, "clock.advance", on=organisation)
    names = ", ".join(field.column for field in AuditEvent._meta.fields)
    new_id = uuid.uuid4()
    if connection.vendor == "sqlite":
        verb, end, shown = "INSERT OR REPLACE", "", f"'{new_id.hex}'"
    else:
        verb, shown = "INSERT", f"'{new_id}'::uuid"
        end = " ON CONFLICT (once_key) DO UPDATE SET outcome = 'x'"
    values = names.replace("id", shown, 1)
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        connection.cursor().execute(
            f"{verb} INTO audit_auditevent ({names}) SELECT {values} FROM audit_auditevent{end}"
        )
    assert AuditEvent.objects.count() == 1


def test_a_refusal_stays_when_the_act_is_rolled_back(person: User) -> None:
    event = record_refusal("clock.advance", by=person, text="pas signataire")
    assert event.outcome == "refused"
    assert AuditText.objects.get().text == "pas signataire"


@pytest.mark.django_db(transaction=True)
def test_a_refusal_inside_a_transaction_would_be_lost(person: User) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        record_refusal("clock.advance", by=person)


def test_a_page_is_recorded_once_per_person_object_and_hour(
    person: User, organisation: Organisation
) -> None:
    request = RequestFactory().get("/")
    request.user = person
    for _ in range(3):
        record_view(request, "clock.advance", on=organisation)
    assert AuditEvent.objects.count() == 1
    record_view(request, "clock.advance", on=person)
    request.user = User.objects.create_user("max", email="max@example.org")
    record_view(request, "clock.advance", on=organisation)
    assert AuditEvent.objects.count() == 3


def test_another_file_and_another_outcome_are_other_views(
    person: User, organisation: Organisation
) -> None:
    """Within one hour: whoever was shown a page and is then refused it, or reads another file."""
    request = RequestFactory().get("/")
    request.user = person
    record_view(request, "clock.advance", on=organisation)
    record_view(request, "clock.advance", on=organisation, outcome="refused")
    record_view(request, "clock.advance", on=organisation, about=uuid.uuid4())
    assert AuditEvent.objects.count() == 3


def test_the_next_hour_is_another_view(person: User, organisation: Organisation) -> None:
    import time_machine

    request = RequestFactory().get("/")
    request.user = person
    for hour in ("2027-03-01T10:59:59Z", "2027-03-01T11:00:00Z"):
        with time_machine.travel(hour, tick=False):
            record_view(request, "clock.advance", on=organisation)
    assert AuditEvent.objects.count() == 2


def test_downloads_are_recorded_each_time(person: User, organisation: Organisation) -> None:
    request = RequestFactory().get("/")
    request.user = person
    for _ in range(2):
        record_view(request, "clock.advance", on=organisation, always=True)
    assert AuditEvent.objects.count() == 2


def test_a_visitor_has_no_actor(organisation: Organisation) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    record_view(request, "clock.advance", on=organisation)
    assert AuditEvent.objects.get().actor_id is None


def test_a_view_that_cannot_be_recorded_is_not_shown(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent.objects, "bulk_create", fail)
    request = RequestFactory().get("/")
    request.user = person
    with pytest.raises(AuditUnavailable):
        record_view(request, "clock.advance")


def test_only_the_log_opens_its_door_and_lifts_its_triggers() -> None:
    allowed = {
        "door_for_audit": {"portal/common/readonly.py", "portal/audit/record.py"},
        "triggers.lifted(": {"portal/audit/retention.py"},
        "triggers.drop(": {"portal/audit/migrations/0001_initial.py"},
    }
    base = Path(settings.BASE_DIR)
    for words, places in allowed.items():
        found = {
            str(path.relative_to(base))
            for room in ("portal", "catalog", "requests_app")
            for path in (base / room).rglob("*.py")
            if words in path.read_text(encoding="utf-8")
        }
        assert found == places, words


def test_a_rebuilt_table_gets_its_triggers_back() -> None:
    from portal.audit.apps import restore_triggers

    triggers.drop(connection)
    assert len(triggers.missing(connection)) >= 4
    restore_triggers(using="default")
    assert triggers.missing(connection) == []
