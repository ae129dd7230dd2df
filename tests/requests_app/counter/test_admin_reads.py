"""What the administration reads from the database, and the record of who looked."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from catalog.models import VocabularyTerm
from portal.accounts import tokens
from portal.accounts.models import Role, RoleAssignment, Training, User
from portal.audit import record as audit_record
from portal.audit.models import AuditEvent
from portal.common.sensitive import SENSITIVE
from requests_app.models import AccessRequest, InterestDeclaration
from tests.requests_app.counter.test_admin import LISTS, OURS, a_study, address, enter, name_of
from tests.support.factories import World
from tests.support.people import a_person


pytestmark = pytest.mark.django_db
EDITED = (User, Training)
COLUMNS = re.compile(
    "|".join(
        rf'"{re.escape(model._meta.db_table)}"\."{model._meta.get_field(name).column}"'
        for model in admin.site._registry.keys() | {TOTPDevice}
        for name in SENSITIVE.get(model._meta.label_lower, {})
    )
)


@pytest.fixture
def world() -> World:
    return World()


def pages_of(model: Any, row: Any, *, all_of_them: bool) -> list[str]:
    pages = [address(model) + "?q=a&o=1"]
    if row is not None:
        pages.append(address(model, "change", row.pk))
        pages += [address(model, "history", row.pk)] if all_of_them else []
    return pages


def looks(person: User, **fields: Any) -> Any:
    return AuditEvent.objects.filter(actor_id=person.pk, **fields)


def sql_of(client: Client, url: str) -> tuple[int, list[str]]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        status = client.get(url).status_code
    return status, [query["sql"] for query in captured]


@pytest.mark.long
def test_every_page_leaves_secrets_in_the_database_and_is_a_recorded_look(world: World) -> None:
    """Every list and object, some histories and a deletion, by their SQL and by the log."""
    request = a_study(world)
    tokens.create(by=world.investigator, name="x", days=30)
    Training.objects.create(
        user=world.investigator, title="x", followed_on="2026-01-01", valid_until="2028-01-01",
        recorded_by=world.administrator,
    )  # fmt: skip
    LogEntry.objects.create(
        user=world.administrator, action_flag=2, object_id=str(world.investigator.pk),
        content_type=ContentType.objects.get_for_model(User), object_repr="x",
    )  # fmt: skip
    read: list[str] = []
    unrecorded: list[str] = []
    rows = {model: model.objects.order_by("pk").last() for model in LISTS}
    rows[User] = world.investigator
    term = VocabularyTerm.objects.create(scheme="x", code="x", uri="https://x.example/x")
    pages = [address(VocabularyTerm, "delete", term.pk), reverse("admin:index")]
    for person, all_of_them in ((world.administrator, True), (world.auditor, False)):
        client = enter(person)
        # What every page of the portal does for the session: its person, their factor.
        always = set(sql_of(client, reverse("admin:jsi18n"))[1])
        for model, row in rows.items():
            pages += pages_of(model, row, all_of_them=all_of_them and model in EDITED)
        for url in pages:
            status, queries = sql_of(client, url)
            assert status == 200 or "/audit/" in url, (status, url)  # the log is not everybody's
            columns = [COLUMNS.search(sql.partition(" WHERE ")[0]) for sql in {*queries} - always]
            read += [f"{person} {url}: {found.group()}" for found in columns if found]
        pages = []
        for model, row in rows.items():
            if model._meta.app_label == "audit":
                continue
            events = looks(person, on_type=name_of(model))
            listed = events.filter(action="admin.list_view", on_id="")
            seen = events.filter(action="admin.object_view", on_id=str(row.pk)) if row else []
            if len(listed) != 1 or (row and len(seen) != 1):
                unrecorded.append(f"{person} {name_of(model)}")
            if model in OURS and admin.site._registry[model].request_path:
                assert [event.about for event in seen] == [request.pk], model
    assert read == []
    assert unrecorded == []


def test_the_test_above_knows_a_row_read_whole(world: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(User.objects.all())
        list(AccessRequest.objects.all())
    assert all(COLUMNS.search(query["sql"]) for query in captured)


def test_one_row_per_person_page_and_hour(world: World) -> None:
    person, client = a_person("ada"), enter(world.auditor)
    for _twice in range(2):
        client.get(address(User))
        client.get(address(User), {"q": "ada"})
        for page in ("change", "history"):
            client.get(address(User, page, person.pk))
    found = looks(world.auditor, action__startswith="admin.").values_list("action", "on_id")
    assert sorted(found) == [
        ("admin.history_view", str(person.pk)),
        ("admin.list_view", ""),
        ("admin.object_view", str(person.pk)),
    ]
    enter(world.administrator).get(address(User))
    assert looks(world.administrator, action="admin.list_view").count() == 1


def test_a_form_sent_without_having_been_read_is_a_look_too(world: World) -> None:
    person = a_person("ada")
    answer = enter(world.administrator).post(address(User, "change", person.pk), {"email": "?"})
    assert answer.status_code == 200
    assert looks(world.administrator, action="admin.object_view", on_id=str(person.pk)).exists()


def test_what_cannot_be_recorded_is_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, client = a_person("ada"), enter(world.auditor)

    def fails(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("full")

    monkeypatch.setattr(audit_record.AuditEvent.objects, "bulk_create", fails)
    for url in (address(User), address(User, "change", person.pk)):
        answer = client.get(url)
        assert answer.status_code == 503
        assert "ada@" not in answer.content.decode()


def test_a_refused_page_is_recorded(world: World) -> None:
    person, client = a_person("ada"), enter(world.auditor)
    assert (
        client.post(address(User, "change", person.pk), {"email": "x@exemple.fr"}).status_code
        == 403
    )
    assert client.get(address(RoleAssignment, "add")).status_code == 403
    absent = client.get(address(User, "change", "00000000-0000-0000-0000-000000000009"))
    assert absent.status_code == 302
    refusals = looks(world.auditor, action="admin.refuse")
    assert sorted(event.data["asked"] for event in refusals) == [
        "absent",
        "permission",
        "permission",
    ]
    assert {event.on_type for event in refusals} == {"accounts.user", "accounts.roleassignment"}


def test_a_file_closed_to_a_person_is_refused_as_if_absent(world: World) -> None:
    """A14: the address of a hidden row answers as one that never was, and the try is recorded."""
    closed = a_study(world)
    RoleAssignment.objects.create(user=world.member, role=Role.AUDITOR)
    InterestDeclaration.objects.filter(request=closed, member=world.member).update(
        answer="withdrawn", reason="Ancien employeur"
    )
    client = enter(world.member)
    assert client.get(address(AccessRequest, "change", closed.pk)).status_code == 302
    assert looks(world.member, action="admin.refuse", on_type="requests_app.accessrequest").exists()
    assert not looks(world.member, action="admin.object_view", about=closed.pk).exists()
