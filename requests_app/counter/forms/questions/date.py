"""A day to type."""

from contextlib import suppress
from datetime import date

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


class Date(Control):
    def field(self) -> forms.Field:
        one = self.question
        earliest, latest = bound(one.earliest), bound(one.latest)
        first = earliest if isinstance(earliest, date) else earliest()
        if self.stored and self.stored < first.isoformat():
            # Passed since it was typed: the fields beside are still saved without an error here.
            with suppress(ValueError):
                earliest = date.fromisoformat(self.stored)
        found: forms.Field = day(str(one.label), earliest=earliest, latest=latest, help=self.help)
        return found


CONTROL = Date
