"""GET, HEAD and OPTIONS write nothing but sessions and the log."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from portal.accounts.models import Organisation, User
from portal.audit.models import AuditEvent
from portal.audit.record import record, record_view
from portal.common.readonly import EXEMPT_VIEW, WriteDuringRead, _is_read, guarded


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def make(code: str = "x") -> Organisation:
    return Organisation.objects.create(code=code, name="X", kind="applicant")


def writing(request: HttpRequest) -> HttpResponse:
    make()
    return HttpResponse("written")


def raw(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(request.GET["sql"])
    return HttpResponse("done")


def reading(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), transaction.atomic():
        return HttpResponse(str(Organisation.objects.count()))


def session(request: HttpRequest) -> HttpResponse:
    request.session["seen"] = 1
    request.session.save()
    request.session.cycle_key()
    return HttpResponse("kept")


def viewed(request: HttpRequest) -> HttpResponse:
    record_view(request, "clock.advance")
    return HttpResponse("secret of the page")


def recorded(request: HttpRequest) -> HttpResponse:
    record("clock.advance", by=None)
    return HttpResponse("no")


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[str]:
        yield "first"
        make()
        yield "second"

    return StreamingHttpResponse(rows())


VIEWS = [writing, raw, reading, session, viewed, recorded, streamed]
urlpatterns = [
    *(path(f"t/{view.__name__}/", login_not_required(view)) for view in VIEWS),
    path("t/callback/", login_not_required(writing), name=EXEMPT_VIEW),
]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_page_cannot_write(client: Client, method: str) -> None:
    expected = pytest.raises(WriteDuringRead, match="must not write: INSERT INTO")
    with expected, transaction.atomic():
        getattr(client, method)("/t/writing/")
    assert not Organisation.objects.exists()


def test_a_post_can(client: Client) -> None:
    assert client.post("/t/writing/").status_code == 200
    assert Organisation.objects.count() == 1


def test_in_production_it_is_an_error_page_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(raise_request_exception=False)
    with caplog.at_level(logging.ERROR, logger="portal.common.readonly"):
        assert client.get("/t/writing/").status_code == 500
    line = next(r.getMessage() for r in caplog.records if r.name == "portal.common.readonly")
    assert "GET must not write: INSERT INTO" in line
    assert "applicant" not in line  # never the values


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_organisation SET name = 'x'",
        "DELETE FROM accounts_organisation",
        "  /* a */ -- b\n delete from accounts_organisation",
        "WITH x AS (SELECT 1) INSERT INTO accounts_organisation (code) SELECT 'x'",
        "CREATE TABLE t (a int)",
        "DROP TABLE accounts_organisation",
        "TRUNCATE accounts_organisation",
        "ALTER TABLE accounts_organisation ADD COLUMN a int",
        "PRAGMA user_version = 3",
        "VACUUM",
        "INSERT INTO audit_auditevent (id) VALUES ('x')",
        "DELETE FROM audit_auditevent",
        "DO $$ BEGIN END $$",
        "COPY accounts_organisation FROM STDIN",
        "MERGE INTO accounts_organisation USING x ON true",
        "",
    ],
)
def test_whatever_changes_something_is_refused(client: Client, sql: str) -> None:
    with pytest.raises(WriteDuringRead):
        client.get("/t/raw/", {"sql": sql})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'DELETE FROM x'",
        "(SELECT 1)",
        "WITH x AS (SELECT 'INSERT INTO y' AS \"UPDATE z\") SELECT * FROM x",
        "EXPLAIN SELECT 1",
        "SAVEPOINT a",
        "SELECT 1 FOR UPDATE OF x",
        "PRAGMA table_info(x)",
    ],
)
def test_what_reads_is_not(sql: str) -> None:
    assert _is_read(sql)


def test_reading_in_transactions_and_keeping_a_session_work(client: Client) -> None:
    assert client.get("/t/reading/").content == b"0"
    assert client.get("/t/session/").status_code == 200
    assert Session.objects.count() == 1


def test_the_view_is_recorded_and_nothing_else_of_the_log(client: Client) -> None:
    assert client.get("/t/viewed/").status_code == 200
    assert AuditEvent.objects.count() == 1
    with pytest.raises(WriteDuringRead):
        client.get("/t/recorded/")


def test_a_view_that_cannot_be_recorded_answers_503_and_shows_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent.objects, "bulk_create", fail)
    response = client.get("/t/viewed/")
    assert response.status_code == 503
    assert b"secret of the page" not in response.content
    assert "indisponible" in response.content.decode()


def test_a_streamed_page_is_guarded_to_its_end(client: Client) -> None:
    response = client.get("/t/streamed/")
    with pytest.raises(WriteDuringRead), transaction.atomic():
        list(response.streaming_content)  # type: ignore[attr-defined]
    assert not Organisation.objects.exists()


def test_the_login_callback_is_the_only_exempt_view(client: Client) -> None:
    assert client.get("/t/callback/").status_code == 200


def test_the_guard_ends_with_the_page(client: Client) -> None:
    client.get("/t/reading/")
    assert make("after").pk


def test_many_rows_at_once_are_refused_too(rf: Any) -> None:
    with guarded(rf.get("/")), pytest.raises(WriteDuringRead):
        Organisation.objects.bulk_create([Organisation(code="a", name="A", kind="holder")])


@pytest.mark.parametrize("address", ["", "accounts/user/", "audit/auditevent/"])
def test_the_admin_reads_without_writing(
    address: str, client_for: Callable[..., Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "portal.urls"
    from portal.accounts.models import Role, RoleAssignment

    user = User.objects.create_superuser("root", email="root@example.org", password="x")
    RoleAssignment.objects.create(user=user, role=Role.ADMINISTRATOR)
    response = client_for(user, verified=True).get(f"/admin/{address}")
    assert response.status_code == 200
