"""Tampering with the log, as somebody who owns the database could."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from portal.audit import triggers
from portal.audit.models import AuditEvent
from portal.audit.record import record


def events(count: int, **options: object) -> list[AuditEvent]:
    """That many events of a registered action."""
    return [
        record("clock.advance", by=None, data={"number": n}, **options)  # type: ignore[arg-type]
        for n in range(count)
    ]


@contextmanager
def without_triggers() -> Iterator[None]:
    """Without triggers nor foreign keys inside; both are back after."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_keys = OFF")
        try:
            with triggers.lifted(connection):
                yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA foreign_keys = ON")
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def tamper(*statements: str) -> None:
    """Run SQL on the log behind its back; `?`-free, values written in."""
    with without_triggers(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def sql_id(event: AuditEvent) -> str:
    """The id as it is stored: SQLite keeps 32 hexadecimal digits."""
    return event.pk.hex if connection.vendor == "sqlite" else str(event.pk)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work(n)` in that many threads, each with its own connection; raises what one raised."""
    from concurrent.futures import ThreadPoolExecutor

    def run(n: int) -> None:
        try:
            work(n)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))
