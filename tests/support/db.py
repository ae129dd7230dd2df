"""Emptying the test database, append-only tables included.

The audit tables refuse UPDATE, DELETE and (on PostgreSQL) TRUNCATE by trigger. Product code has no
switch for that, so a transactional test cannot simply flush: here the triggers of the tables that
hold rows are dropped, the rows deleted and the triggers created again from the definition that the
database itself keeps, in one transaction.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate


# Made by migrate, the same for every test: looking for them again costs more than most tests.
KEPT_TABLES = frozenset({"django_content_type", "auth_permission"})


def stored_triggers(
    connection: BaseDatabaseWrapper, tables: Iterable[str]
) -> list[tuple[str, str, list[str]]]:
    """`(table, trigger, statements that create it again)` of the triggers of `tables`."""
    wanted = set(tables)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'")
            rows = [(table, name, [sql]) for table, name, sql in cursor.fetchall()]
        else:
            cursor.execute(
                "SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled::text"
                " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE NOT t.tgisinternal AND n.nspname = ANY (current_schemas(false))"
            )
            modes = {"A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
            quote = connection.ops.quote_name
            rows = [
                (
                    table,
                    name,
                    [sql]
                    + (
                        [f"ALTER TABLE {quote(table)} {modes[mode]} TRIGGER {quote(name)}"]
                        if mode in modes
                        else []
                    ),
                )
                for table, name, sql, mode in cursor.fetchall()
            ]
    return sorted(row for row in rows if row[0] in wanted)


def tables_with_rows(connection: BaseDatabaseWrapper) -> list[str]:
    """Tables of the installed models that hold at least one row, sorted."""
    quote = connection.ops.quote_name
    tables = sorted(
        set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        - KEPT_TABLES
    )
    found: list[str] = []
    with connection.cursor() as cursor:
        for start in range(0, len(tables), 50):  # SQLite allows 64 tables in one statement's joins
            part = tables[start : start + 50]
            columns = ", ".join(f"EXISTS (SELECT 1 FROM {quote(table)})" for table in part)  # noqa: S608
            cursor.execute(f"SELECT {columns}")
            found += [t for t, full in zip(part, cursor.fetchone(), strict=True) if full]
    return found


@contextmanager
def _kept_rows_left_alone() -> Iterator[None]:
    """Nobody looks, table after table, for content types and permissions that were kept."""
    permissions = "django.contrib.auth.management.create_permissions"
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid=permissions)
    try:
        yield
    finally:
        post_migrate.connect(create_contenttypes)
        post_migrate.connect(create_permissions, dispatch_uid=permissions)


def empty_database(using: str = "default") -> None:
    """Delete every row but content types and permissions, then announce `post_migrate`.

    `post_migrate` puts the reference rows back, as it does after a real migration.
    """
    connection = connections[using]
    quote = connection.ops.quote_name
    tables = tables_with_rows(connection)
    triggers = stored_triggers(connection, tables)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for table, name, _ in triggers:
            on_table = "" if connection.vendor == "sqlite" else f" ON {quote(table)}"
            cursor.execute(f"DROP TRIGGER {quote(name)}{on_table}")
        for table in tables:  # foreign keys are deferred to the commit: any order will do
            cursor.execute(f"DELETE FROM {quote(table)}")  # noqa: S608
        if connection.vendor != "sqlite":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no pending event when DDL comes back
        for _, _, statements in triggers:
            for statement in statements:
                cursor.execute(statement)
    with _kept_rows_left_alone():
        emit_post_migrate_signal(verbosity=0, interactive=False, db=using)


def flush_by_empty_database(test_case: Any) -> None:
    """In place of `TransactionTestCase._fixture_teardown`, whose flush the triggers refuse."""
    for using in test_case._databases_names(include_mirrors=False):
        empty_database(using)
