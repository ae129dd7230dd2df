"""The helper that empties the database keeps append-only triggers, on both databases."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from tests.support.clock import legal_advance
from tests.support.db import empty_database, stored_triggers, tables_with_rows
from tests.support.queries import assert_query_count, count_queries


pytestmark = pytest.mark.both


REFUSE = {
    "sqlite": [
        "CREATE TRIGGER tests_no_delete BEFORE DELETE ON auth_group"
        " BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION tests_refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$",
        "CREATE TRIGGER tests_no_delete BEFORE DELETE ON auth_group"
        " FOR EACH ROW EXECUTE FUNCTION tests_refuse()",
        "ALTER TABLE auth_group ENABLE ALWAYS TRIGGER tests_no_delete",
        "CREATE TRIGGER tests_no_truncate BEFORE TRUNCATE ON auth_group"
        " FOR EACH STATEMENT EXECUTE FUNCTION tests_refuse()",
    ],
}
FORGET = {
    "sqlite": ["DROP TRIGGER tests_no_delete"],
    "postgresql": ["DROP FUNCTION tests_refuse() CASCADE"],
}


def run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_append_only_table_is_emptied_and_keeps_its_triggers() -> None:
    run(REFUSE[connection.vendor])
    try:
        before = stored_triggers(connection, ["auth_group"])
        assert before
        Group.objects.create(name="x")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Group.objects.all().delete()

        empty_database()

        assert not Group.objects.exists()
        assert stored_triggers(connection, ["auth_group"]) == before
        Group.objects.create(name="y")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Group.objects.all().delete()
    finally:
        run(FORGET[connection.vendor])


@pytest.mark.django_db(transaction=True)
def test_tables_with_rows_are_named() -> None:
    Group.objects.create(name="x")
    assert "auth_group" in tables_with_rows(connection)


@pytest.mark.django_db
def test_query_budget_counts_reads_and_writes_only() -> None:
    with count_queries() as queries, transaction.atomic():
        Group.objects.create(name="x")
        assert Group.objects.filter(name="x").exists()
    assert queries.by_verb() == {"INSERT": 1, "SELECT": 1}  # no savepoint
    with pytest.raises(AssertionError, match="2 statements, at most 1"), assert_query_count(1):
        run(["SELECT 1", "SELECT 2"])


@pytest.mark.django_db
def test_legal_time_goes_forward_only() -> None:
    from portal.common.calendar import legal_today

    today = legal_today()
    legal_advance("11d")
    assert (legal_today() - today).days == 11
    with pytest.raises(ValueError, match="forward"):
        legal_advance(timedelta(days=-1))
