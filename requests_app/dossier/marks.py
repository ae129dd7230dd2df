"""Marks that readers leave on the answers of a version, each their own, from round to round."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import AccessRequest, AnswerMark, RequestVersion
from requests_app.procedures.conditions import value_at
from requests_app.procedures.content import Row
from requests_app.procedures.questions import Question
from requests_app.procedures.questions.base import Grid
from requests_app.procedures.questions.data_specification import DataSpecification, row_in_words
from requests_app.rights import permissions


NOTHING = ("", "")  # no verdict, no words


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that may be marked, in words or as a table: whoever marks it sees it."""

    path: str
    section: str
    label: str
    words: str
    grid: Grid | None


class MarkRefused(PermissionError):
    """Whoever may not mark, or what is no answer of this version for them."""


class MarksMoved(Exception):
    """Marks that the person has changed in another page since this one was made.

    `held`: what stands now, by path; None where the mark was taken back.
    """

    def __init__(self, held: Mapping[str, AnswerMark | None]) -> None:
        super().__init__(", ".join(held))
        self.held = held


def digest(mark: AnswerMark | tuple[str, str] | None) -> str:
    """What a page keeps of the mark that it was made from."""
    said = NOTHING if mark is None else mark if isinstance(mark, tuple) else _said(mark)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _said(mark: AnswerMark) -> tuple[str, str]:
    return mark.verdict, mark.text


_NONE = digest(None)


def may_mark(user: User, request: AccessRequest, parts: frozenset[str]) -> bool:
    """Whether a person reads the file for an office: the desk, or a committee that it has come to,
    their interests declared. Whoever marks reads what the others mark."""
    if "content" not in parts or parts.isdisjoint(permissions.READ_WITH_MARKS):
        return False
    seats = request.stages.exclude(committee=None)
    return any(permissions.can(user, "mark_answers", place) for place in (request, *seats))


def answers(version: RequestVersion, parts: frozenset[str]) -> list[Answer]:
    """What is said in the version, of the parts that the person reads and the form lets mark."""
    form = version.request.form
    seen = form.read_by(version.content, parts)
    found = []
    for section, question in form.pairs():
        path = f"{section.code}.{question.code}"
        value = value_at(seen, path)
        if not question.marks or value is None:
            continue
        words, grid = _words(question, value), question.grid(value)
        if words or grid is not None:
            found.append(Answer(path, str(section.label), str(question.label), words, grid))
    return found


def _words(question: Question, value: object) -> str:
    if isinstance(question, DataSpecification) and isinstance(value, list):  # a table elsewhere
        return "\n".join(row_in_words(Row.model_validate(row)) for row in value)
    return question.words(value)


def of_version(version: RequestVersion, user: User) -> list[AnswerMark]:
    """Everybody's marks on a version, as far as the person may read them."""
    seen = permissions.marks_visible_to(user).filter(version=version)
    return list(seen.select_related("author"))


def put(
    version: RequestVersion,
    marks: Mapping[str, tuple[str, str]],
    *,
    by: User,
    parts: frozenset[str],
    base: Mapping[str, str] | None = None,
) -> int:
    """Write a person's marks (path → verdict, text); an empty verdict takes one back.

    `base`: digest of the mark that the page was made from, by path; without one, of no mark. What
    the person did not change since is not written. Returns how many changed. Raises MarkRefused for
    whoever may not, and for what is no answer that they read; MarksMoved, with nothing written,
    for what they changed both here and in another page.
    """
    known = {one.path for one in answers(version, parts)}
    if not may_mark(by, version.request, parts) or set(marks) - known:
        raise MarkRefused
    base = base or {}
    typed = {path: said if said[0] else NOTHING for path, said in marks.items()}
    changed = {path: said for path, said in typed.items() if digest(said) != base.get(path, _NONE)}
    try:
        return _write(version, changed, base, by=by)
    except IntegrityError:  # another page's first mark came between: it is held now
        return _write(version, changed, base, by=by)


def _held(version: RequestVersion, by: User) -> dict[str, AnswerMark]:
    mine = AnswerMark.objects.select_for_update().filter(version=version, author=by)
    return {one.path: one for one in mine}


def _write(
    version: RequestVersion,
    changed: Mapping[str, tuple[str, str]],
    base: Mapping[str, str],
    *,
    by: User,
) -> int:
    written = 0
    with transaction.atomic():
        held = _held(version, by)
        moved = {
            path: held.get(path)
            for path, said in changed.items()
            if digest(held.get(path)) not in {base.get(path, _NONE), digest(said)}
        }
        if moved:
            raise MarksMoved(moved)
        for path, said in changed.items():
            mark = held.get(path)
            if digest(mark) == digest(said):
                continue
            written += 1
            if mark is not None and said == NOTHING:
                mark.delete()
                continue
            mark = mark or AnswerMark(version=version, path=path, author=by)
            mark.verdict, mark.text = said
            mark.save()
        if written:
            record(
                "request.mark_answers",
                by=by,
                on=version,
                about=version.request_id,
                data={"version": version.number, "marks": written},
            )
    return written
