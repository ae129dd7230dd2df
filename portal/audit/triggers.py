"""SQL that makes events and seals insert-only, on both databases.

Lifted in two places only: retention (`retention.py`, in one transaction, itself recorded) and the
suite when it empties its database (`tests/support/db.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper


TABLES = ("audit_auditevent", "audit_auditseal")
_KEYS = {"audit_auditevent": "id", "audit_auditseal": "position"}


def _sqlite_create(table: str) -> list[str]:
    refuse = f"SELECT RAISE(ABORT, '{table} is insert-only')"
    key = _KEYS[table]
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
        # INSERT OR REPLACE deletes without firing the delete trigger.
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"  # noqa: S608
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) BEGIN {refuse}; END",
    ]


def _sqlite_drop(table: str) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {table}_no_{verb}" for verb in ("update", "delete", "replace")]


_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION audit_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME;
END $$
"""


def _postgresql_create(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION audit_insert_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_only()",
    ]


def _postgresql_drop(table: str) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS {table}_no_{verb} ON {table}" for verb in ("change", "truncate")
    ]


def create(connection: BaseDatabaseWrapper) -> None:
    """Set the triggers. Raises NotImplementedError on a database that is neither of the two."""
    drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
        for table in TABLES:
            statements = _sqlite_create if connection.vendor == "sqlite" else _postgresql_create
            for statement in statements(table):
                cursor.execute(statement)


def drop(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers; none there is no error."""
    if connection.vendor not in {"sqlite", "postgresql"}:
        raise NotImplementedError(f"no insert-only triggers for {connection.vendor}")
    with connection.cursor() as cursor:
        for table in TABLES:
            statements = _sqlite_drop if connection.vendor == "sqlite" else _postgresql_drop
            for statement in statements(table):
                cursor.execute(statement)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the triggers that should be there and are not (a rebuilt SQLite table has none)."""
    if connection.vendor == "sqlite":
        suffixes: tuple[str, ...] = ("no_update", "no_delete", "no_replace")
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        suffixes = ("no_change", "no_truncate")
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {row[0] for row in cursor.fetchall()}
    wanted = [f"{table}_{suffix}" for table in TABLES for suffix in suffixes]
    return [name for name in wanted if name not in there]


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Without triggers inside, with them after.

    Inside a transaction nobody else ever sees the tables without them (DDL is transactional on both
    databases), and a failure restores them by its rollback.
    """
    drop(connection)
    try:
        yield
    except BaseException:
        if not connection.in_atomic_block:
            create(connection)
        raise
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.cursor() as cursor:  # a table with deferred checks pending takes no trigger
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    create(connection)
