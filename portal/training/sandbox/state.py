"""The control plane's memory: frozen records in dictionaries, written through to one SQLite file.

The sandbox is the only writer of its file, so dictionaries are the truth while it runs and every
change is committed before the call is answered: a `kill -9` loses nothing that was answered.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from portal.training.sandbox.clock import Clock
from portal.training.sandbox.resources import (
    KINDS,
    ApiKey,
    Application,
    Bucket,
    Group,
    Policy,
    Project,
    Resource,
)


R = TypeVar("R", bound=Resource)

SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
UPSERT = (
    "INSERT INTO resource (kind, id, body) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"
)
HISTORY_SECONDS = 900.0


@dataclass(frozen=True)
class View:
    """The identities and rights at one moment; never changed once made."""

    projects: Mapping[str, Project]
    applications: Mapping[str, Application]
    groups: Mapping[str, Group]
    policies: Mapping[str, Policy]
    api_keys: Mapping[str, ApiKey]


class State:
    """Records by kind, `meta` texts, and the past views that delayed propagation looks at."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        # called after each commit, inside the lock; what they change themselves calls nobody
        self.on_commit: list[Callable[[], None]] = []
        self._announcing = False
        self._records: dict[str, dict[str, Resource]] = {}
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)  # it holds secret keys
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        self._load()
        self.keep_history = False
        self._history: list[tuple[float, View]] = []
        self._view = self._make_view()

    def _load(self) -> None:
        self._records = {kind: {} for kind in KINDS}
        for kind, key, body in self._db.execute("SELECT kind, id, body FROM resource ORDER BY seq"):
            self._records[kind][key] = KINDS[kind].model_validate_json(body)

    def _make_view(self) -> View:
        return View(
            projects={p.id: p for p in self.all(Project)},
            applications={a.id: a for a in self.all(Application)},
            groups={g.id: g for g in self.all(Group)},
            policies={p.id: p for p in self.all(Policy)},
            api_keys={k.access_key: k for k in self.all(ApiKey)},
        )

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Everything changed inside is committed together, or not at all."""
        with self.lock:
            outermost = self._depth == 0
            self._depth += 1
            if outermost:
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if outermost:
                    self._db.execute("ROLLBACK")
                    self._load()
                raise
            else:
                if outermost:
                    self._db.execute("COMMIT")
                    self._refresh_view()
            finally:
                self._depth -= 1
            if outermost:
                self._announce()

    def _announce(self) -> None:
        if self._announcing:
            return
        self._announcing = True
        try:
            for callback in self.on_commit:
                callback()
        finally:
            self._announcing = False

    def _refresh_view(self) -> None:
        now = self.clock.monotonic()
        if self.keep_history:
            self._history.append((now, self._view))
            self._history = [h for h in self._history if h[0] > now - HISTORY_SECONDS]
        else:
            self._history.clear()
        self._view = self._make_view()

    @property
    def view(self) -> View:
        return self._view

    def view_before(self, seconds: float) -> View:
        """The view as it was `seconds` ago (the present one when nothing changed since)."""
        limit = self.clock.monotonic() - seconds
        with self.lock:
            # an entry (t, view) says: `view` was the truth until t
            return next((view for until, view in self._history if until > limit), self._view)

    def put(self, record: Resource) -> None:
        with self.changing():
            self._db.execute(UPSERT, (record.kind, record.key, record.model_dump_json()))
            self._records[record.kind][record.key] = record

    def remove(self, record: Resource) -> None:
        with self.changing():
            self._db.execute(
                "DELETE FROM resource WHERE kind = ? AND id = ?", (record.kind, record.key)
            )
            self._records[record.kind].pop(record.key, None)

    def find(self, model: type[R], key: str) -> R | None:
        record = self._records[model.kind].get(key)
        return record if isinstance(record, model) else None

    def all(self, model: type[R]) -> list[R]:
        with self.lock:
            return [r for r in self._records[model.kind].values() if isinstance(r, model)]

    def everything(self) -> list[Resource]:
        with self.lock:
            return [record for kind in self._records.values() for record in kind.values()]

    def buckets_of(self, project_id: str) -> list[Bucket]:
        return [b for b in self.all(Bucket) if b.project_id == project_id]

    def keys_of(self, application_id: str) -> list[ApiKey]:
        return [k for k in self.all(ApiKey) if k.application_id == application_id]

    def meta(self, name: str) -> dict[str, object]:
        """A small named JSON object (organization, settings); empty when never set."""
        with self.lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def set_meta(self, name: str, value: Mapping[str, object]) -> None:
        with self.changing():
            self._db.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )

    def close(self) -> None:
        with self.lock:
            self._db.close()
