"""Marks that readers leave on the answers of a version, each their own, from round to round."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import AccessRequest, AnswerMark, RequestVersion
from requests_app.procedures.conditions import is_filled, value_at
from requests_app.rights import permissions


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that may be marked. `words` is empty for one that is read as a table."""

    path: str
    section: str
    label: str
    words: str


class MarkRefused(PermissionError):
    """Whoever may not mark, or what is no answer of this version for them."""


def may_mark(user: User, request: AccessRequest, parts: frozenset[str]) -> bool:
    """Whether a person reads the file for an office: the desk, the committee."""
    if "content" not in parts:
        return False
    seats = request.stages.exclude(committee=None)
    return any(permissions.can(user, "mark_answers", place) for place in (request, *seats))


def answers(version: RequestVersion, parts: frozenset[str]) -> list[Answer]:
    """What is said in the version, of the parts that the person reads and the form lets mark."""
    form = version.request.form
    seen = form.read_by(version.content, parts)
    found = []
    for section, question in form.pairs():
        value = value_at(seen, f"{section.code}.{question.code}")
        words = question.words(value) if value is not None else ""
        if question.marks and (words or (is_filled(value) and isinstance(value, list))):
            path = f"{section.code}.{question.code}"
            found.append(Answer(path, str(section.label), str(question.label), words))
    return found


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
) -> int:
    """Write a person's marks (path → verdict, text); an empty verdict takes one back.

    Returns how many changed. Raises MarkRefused for whoever may not, and for what is no answer
    that they read.
    """
    known = {one.path for one in answers(version, parts)}
    if not may_mark(by, version.request, parts) or set(marks) - known:
        raise MarkRefused
    changed = 0
    with transaction.atomic():
        held = {
            one.path: one
            for one in AnswerMark.objects.select_for_update().filter(version=version, author=by)
        }
        for path, (verdict, text) in marks.items():
            mark = held.get(path)
            if (mark.verdict, mark.text) == (verdict, text) if mark else not verdict:
                continue
            changed += 1
            if not verdict and mark is not None:
                mark.delete()
                continue
            mark = mark or AnswerMark(version=version, path=path, author=by)
            mark.verdict, mark.text = verdict, text
            mark.save()
        if changed:
            record(
                "request.mark_answers",
                by=by,
                on=version,
                about=version.request_id,
                data={"version": version.number, "marks": changed},
            )
    return changed
