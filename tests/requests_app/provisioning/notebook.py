"""A study's book in memory, for verbs tried without the reconciler."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from requests_app.provisioning.providers.port import Entry


class Notebook:
    """`Book` in a dictionary; lists are waited for by nobody."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Entry] = {}

    def entry(self, kind: str, key: str = "") -> Entry | None:
        return self.entries.get((kind, key))

    def id_of(self, kind: str, key: str = "") -> str:
        entry = self.entry(kind, key)
        return entry.id if entry is not None and entry.ready else ""

    def intend(self, kind: str, key: str = "") -> Entry:
        return self.entries.setdefault((kind, key), Entry("", ready=False))

    def _change(self, kind: str, key: str, **changes: object) -> None:
        if (kind, key) in self.entries:
            self.entries[kind, key] = replace(self.entries[kind, key], **changes)  # type: ignore[arg-type]

    def attempt(self, kind: str, key: str = "") -> None:
        self._change(kind, key, attempted_at=datetime.now(UTC))

    def settle(self, kind: str, key: str = "", *, external_id: str | None = None) -> None:
        self.intend(kind, key)
        self._change(kind, key, ready=True, spec="")
        if external_id is not None:
            self._change(kind, key, id=external_id)

    def doubt(self, kind: str, key: str = "", *, lag: bool = True) -> None:
        self._change(kind, key, ready=False, spec="")

    def unwritten(self, kind: str, key: str = "") -> None:
        self.intend(kind, key)
        self._change(kind, key, spec="")

    def mark(self, kind: str, key: str = "", *, spec: str) -> None:
        self._change(kind, key, spec=spec)

    def remove(self, kind: str, key: str = "") -> None:
        self.entries.pop((kind, key), None)

    def note(self, what: str, key: str = "", external_id: str = "") -> None: ...

    def wait_out_lag(self, since: datetime | None) -> None: ...

    @contextmanager
    def together(self) -> Iterator[None]:
        yield
