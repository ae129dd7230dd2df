"""Counting the SQL a page runs. Budgets count SELECT, INSERT, UPDATE and DELETE, nothing else.

Savepoints, PRAGMA and session settings are the price of a transaction, not of a page.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.test.utils import CaptureQueriesContext


_COUNTED = re.compile(r"\s*(?:\(\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


class Queries:
    """What ran inside a `count_queries()` block; complete once the block has ended."""

    def __init__(self) -> None:
        self._all: list[str] = []

    def freeze(self, capture: CaptureQueriesContext) -> None:
        """Keep what was captured: the next request empties Django's own log."""
        self._all = [query["sql"] or "" for query in capture.captured_queries]

    @property
    def statements(self) -> list[str]:
        """The counted statements, in order; a `WITH …` counts as one."""
        return [sql for sql in self._all if _COUNTED.match(sql)]

    @property
    def count(self) -> int:
        return len(self.statements)

    def __len__(self) -> int:
        return self.count

    def by_verb(self) -> Counter[str]:
        """`{"SELECT": 7, "INSERT": 1}`."""
        return Counter(
            match[1].upper() for sql in self.statements if (match := _COUNTED.match(sql))
        )

    def report(self) -> str:
        """One numbered line per statement, shortened: what to read when a budget is passed."""
        return "\n".join(
            f"{n:3}. {sql if len(sql) < 300 else f'{sql[:200]} … {sql[-90:]}'}"
            for n, sql in enumerate(self.statements, 1)
        )


@contextmanager
def count_queries(using: str = "default") -> Iterator[Queries]:
    """`with count_queries() as queries: client.get(url)` then `queries.count`."""
    queries = Queries()
    with CaptureQueriesContext(connections[using]) as capture:
        yield queries
    queries.freeze(capture)


@contextmanager
def assert_query_count(maximum: int, using: str = "default") -> Iterator[Queries]:
    """Fail, listing the statements, when the block runs more than `maximum` of them."""
    with count_queries(using) as queries:
        yield queries
    if queries.count > maximum:
        message = f"{queries.count} statements, at most {maximum} expected:\n{queries.report()}"
        raise AssertionError(message)
