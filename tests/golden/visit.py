"""One address asked for by one account: answered from the same world as every other.

Each answer is given inside a transaction that is rolled back; what waits for the commit is run
first, and what it sends is noted instead of sent.
"""

import copy
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from celery import Celery
from celery.app.task import Task
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.client import ClientHandler

from . import stillness
from .masks import Masks, pdf_text


_LINK = re.compile(r'\b(href|action|formaction)="([^"#][^"]*)"')
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
_SESSION_TABLE = "django_session"
# Sizes follow from the text, and cookies are told by their names.
_UNSEEN_HEADERS = {"content-length", "set-cookie"}


@dataclass
class Answer:
    """What a page said, and where it leads."""

    status: int
    html: bool
    links: list[tuple[str, str]] = field(default_factory=list)  # attribute, address


class Record:
    """Answers written one a line; a text that comes again is written once."""

    def __init__(self, out: TextIO, masks: Masks) -> None:
        self._out, self.masks = out, masks
        self._known: dict[str, str] = {}
        self._keys: dict[str, int] = {}
        self.statuses: dict[str, int] = {}
        self.statements = 0

    def text(self, text: str) -> str:
        name = self._known.get(text)
        if name is None:
            name = self._known[text] = f"{len(self._known):x}"
            self._line({"blob": name, "text": text})
        return name

    def write(self, at: str, *, status: int | str, sql: Sequence[str] = (), **texts: str) -> None:
        seen = self._keys[at] = self._keys.get(at, 0) + 1
        key = at if seen == 1 else f"{at} ({seen})"
        self.statuses[str(status)] = self.statuses.get(str(status), 0) + 1
        parts = {name: self.text(text) for name, text in texts.items()}
        statements = [self.text(one) for one in sql]
        self.statements += len(statements)
        self._line({"at": key, "status": status, "sql": statements, **parts})

    def _line(self, row: dict[str, Any]) -> None:
        self._out.write(json.dumps(row, ensure_ascii=False) + "\n")


class Sent:
    """Tasks that a page would have sent: noted, in order."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        sent = self.tasks

        def note(task: Any, args: Any = None, kwargs: Any = None, **options: Any) -> None:
            queue = options.get("queue", "")
            sent.append(f"task {task.name} {list(args or ())} {dict(kwargs or {})} {queue}".strip())

        def note_by_name(
            app: Any, name: str, args: Any = None, kwargs: Any = None, **rest: Any
        ) -> None:
            queue = rest.get("queue", "")
            sent.append(f"task {name} {list(args or ())} {dict(kwargs or {})} {queue}".strip())

        Task.apply_async = note
        Celery.send_task = note_by_name


class Visitor:
    """All accounts at one counter."""

    def __init__(self, record: Record, sent: Sent) -> None:
        self.record, self.sent = record, sent
        self._clients: dict[str, Client] = {}
        self._cookies: dict[str, str] = {}
        self._handler = ClientHandler(enforce_csrf_checks=False)

    def admit(self, who: str, client: Client) -> None:
        client.raise_request_exception = False
        client.handler = self._handler  # its middlewares are made once
        self._clients[who] = client
        self._cookies[who] = client.cookies.output()

    @property
    def accounts(self) -> list[str]:
        return list(self._clients)

    def ask(self, who: str, method: str, path: str, *, name: str) -> Answer:
        """Ask, record the answer, and leave the world as it was."""
        client = self._clients[who]
        at = f"{method} {name} {self.record.masks.text(path)} — {who}"
        cookies = copy.deepcopy(client.cookies)
        kind = "application/x-www-form-urlencoded" if method == "POST" else ""
        with self._undone(at) as statements:
            response = client.generic(method, path, "", content_type=kind)
            body = response.getvalue()
            self._after_commit()
        client.cookies = cookies
        answer, text = self._read(response, body)
        if raised := getattr(response, "exc_info", None):
            text = f"{self._said(raised[1])}\n{text}"
        self.record.write(
            at,
            status=response.status_code,
            head=self._head(response),
            text=text,
            sql=statements,
            sent=self._told(),
        )
        return answer

    def call(self, at: str, work: Callable[[], Any]) -> None:
        """Do something that is no page, record what it did, and leave the world as it was."""
        text = ""
        with self._undone(at) as statements:
            try:
                work()
                self._after_commit()
            except Exception as error:  # noqa: BLE001 - whatever it is, both trees say it
                text = self._said(error)
        self.record.write(at, status="done", text=text, sql=statements, sent=self._told())

    @contextmanager
    def _undone(self, at: str) -> Iterator[list[str]]:
        """Statements of what is done inside, in a transaction that is rolled back."""
        stillness.draw_anew(at)
        cache.clear()
        self.sent.tasks.clear()
        statements: list[str] = []
        masks = self.record.masks

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            text = masks.sql(sql)
            if _WRITES.match(sql) and _SESSION_TABLE not in sql:
                shown = [masks.params(one) for one in params] if many else [masks.params(params)]
                text = f"{text} ← {'; '.join(shown)}"
            statements.append(text)
            return execute(sql, params, many, context)

        atomic = transaction.atomic()
        # Blocks that must be outermost are allowed inside, as in a TestCase.
        atomic._from_testcase = True  # type: ignore[attr-defined]
        with atomic:
            try:
                with connection.execute_wrapper(note):
                    yield statements
            finally:
                connection.run_on_commit = []
                transaction.set_rollback(True)

    @staticmethod
    def _after_commit() -> None:
        while connection.run_on_commit:
            waiting, connection.run_on_commit = connection.run_on_commit, []
            for one in waiting:  # savepoints, callback, robust
                one[1]()

    def _said(self, error: BaseException) -> str:
        return f"{type(error).__name__}: {self.record.masks.text(str(error))}"

    def _told(self) -> str:
        return "\n".join(self.record.masks.text(line) for line in self.sent.tasks)

    def _head(self, response: Any) -> str:
        lines = [
            f"{name}: {value}"
            for name, value in sorted(response.items())
            if name.lower() not in _UNSEEN_HEADERS
        ]
        lines += [f"cookie {name} {one['path']}" for name, one in sorted(response.cookies.items())]
        return self.record.masks.text("\n".join(lines))

    def _read(self, response: Any, body: bytes) -> tuple[Answer, str]:
        kind = response.get("Content-Type", "")
        answer = Answer(response.status_code, kind.startswith("text/html"))
        masks = self.record.masks
        if "pdf" in kind and body[:4] == b"%PDF":
            return answer, masks.text(pdf_text(body))
        if not kind.startswith(("text/", "application/json", "application/problem+json")) and (
            "yaml" not in kind and "javascript" not in kind
        ):
            return answer, f"{len(body)} bytes {hashlib.sha256(body).hexdigest()}"
        text = body.decode(errors="replace")
        if not answer.html:
            return answer, masks.text(text.replace("\r\n", "\n"))
        answer.links = [(one, html.unescape(address)) for one, address in _LINK.findall(text)]
        return answer, masks.html(text)
