"""Rows are locked in one order by everyone (`provisioning.locks`), as the statements sent show.

Only PostgreSQL locks rows: on SQLite the statements say nothing.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import Role, Training
from requests_app.models import Credential, Grant, Workspace
from requests_app.permits import stopping
from requests_app.provisioning import reveal, workspaces
from requests_app.provisioning.extract.preparing import Preparation
from requests_app.provisioning.worker import sweeping
from tests.support.people import with_role

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL locks rows"),
]

ORDER = {
    "requests_app_accessrequest": 1,
    "requests_app_stage": 2,
    "requests_app_grant": 3,
    "requests_app_workspace": 4,
    "requests_app_extract": 5,
    "requests_app_credential": 6,
    "requests_app_cloudresource": 6,
    "requests_app_extractdeposit": 6,
}
SEVERAL = re.compile(r"\b(?:FROM|JOIN) \"(\w+)\"")


def locked(sql: str) -> set[str]:
    """Tables whose rows a statement locks."""
    if "FOR UPDATE" in sql:
        named = re.search(r'FOR UPDATE OF "(\w+)"', sql)
        return {named[1]} if named else set(SEVERAL.findall(sql))
    changed = re.match(r'UPDATE "(\w+)"', sql)
    return {changed[1]} if changed else set()


def out_of_order(statements: Iterable[str]) -> list[str]:
    """Statements that lock earlier rows after later ones in a transaction, rows of two tables at
    once, or workspaces in an order that nobody chose."""
    found, last, seen, inside = [], 0, set[str](), False
    for sql in statements:
        if (ends := sql in {"BEGIN", "COMMIT", "ROLLBACK"}) or not inside:
            last, seen = 0, set()
        if ends:
            inside = sql == "BEGIN"
        tables = locked(sql) & set(ORDER)
        many = "FOR UPDATE" in sql and len(tables) > 1
        unordered = sql.startswith('UPDATE "requests_app_workspace"') and " IN (" in sql
        back = any(ORDER[one] < last for one in tables - seen)
        if many or unordered or back:
            found.append(sql)
        seen |= tables
        last = max([last, *(ORDER[one] for one in tables)])
    return found


def test_everyone_locks_rows_in_one_order() -> None:
    backend, operator = FakeBackend(), with_role(Role.OPERATOR)
    with CaptureQueriesContext(connection) as sent:
        play = player(lambda: backend)
        workspace = play(world.study([world.person(), world.person()]))
        first, second = workspace.grants.order_by("pk")
        reveal.rotate(first, by=first.person)
        play(workspace)
        Credential.objects.filter(use="person").update(created_at=timezone.now() - timedelta(9))
        assert sweeping.withdraw_unrevealed() == 2
        play(workspace)
        with transaction.atomic():
            Training.objects.filter(user=second.person).first().save()  # type: ignore[union-attr]
        organisation = workspace.request.organisation
        assert len(stopping.suspend(organisation, by=operator, reason="Essai.")) == 2
        play(workspace)
        stopping.resume(organisation, by=operator, reason="Essai.")
        Grant.objects.filter(pk=first.pk).update(state="failed")
        workspaces.retry(workspace, by=operator)
        play(workspace)
        Grant.objects.filter(pk=first.pk).update(expires_at=timezone.now())
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=None)
        assert sweeping.wake_ending() == 1
        play(workspace)
        assert Preparation.take(workspace.pk) is not None
    assert Grant.objects.get(pk=first.pk).state == "closed"
    statements = [query["sql"] for query in sent.captured_queries]
    assert any("FOR UPDATE OF" in sql for sql in statements)
    assert out_of_order(statements) == []
