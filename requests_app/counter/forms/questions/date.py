"""A day to type."""

from contextlib import suppress
from datetime import date
from typing import Any

from django import forms

from portal.common.calendar import legal_today
from portal.common.days import Bound, years_from_now
from requests_app.counter.forms.fields import day

from .base import Control


def bound(text: str) -> Bound:
    """`today`, `20y` from it, or a day."""
    if text == "today":
        return legal_today
    return years_from_now(int(text[:-1])) if text.endswith("y") else date.fromisoformat(text)


def bounds(question: Any, stored: str | None) -> dict[str, Any]:
    """Between which days one is typed. What is stored stays acceptable when its bound has passed
    since: the fields beside are still saved without an error here."""
    earliest, latest = bound(question.earliest), bound(question.latest)
    first = earliest if isinstance(earliest, date) else earliest()
    if stored and stored < first.isoformat():
        with suppress(ValueError):
            earliest = date.fromisoformat(stored)
    return {"earliest": earliest, "latest": latest}


class Date(Control):
    def field(self) -> forms.Field:
        one = self.question
        found: forms.Field = day(str(one.label), **bounds(one, self.stored), help=self.help)
        return found


CONTROL = Date
