"""The day a person types: one field for every form, always between two days.

A year has four digits. `01/03/27` could be guessed, `27-03-01` could not (1 March 2027 or 27 March
2001?), and the date control of a browser sends `0027-03-01` for what looked like 27: none of them
is read, all of them are told how to write it.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .calendar import legal_today
from .units import add_period


Bound = date | Callable[[], date]
# ASCII digits only; whatever separates them, non-breaking spaces included.
_PARTS = re.compile(r"([0-9]{1,6})[-/.\s]+([0-9]{1,6})[-/.\s]+([0-9]{1,6})")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def years_from_now(years: int) -> Callable[[], date]:
    """The legal day so many years from today; before it when negative."""

    def bound() -> date:
        today = legal_today()
        if years >= 0:
            return add_period(today, f"{years}y") if years else today
        leap = (today.month, today.day) == (2, 29)
        return today.replace(year=today.year + years, day=28 if leap else today.day)

    return bound


class DayInput(forms.DateInput):
    """The browser's own date field; the value is ISO, whatever the page's language.

    What was typed and is no ISO day would be shown as an empty control: it gets a plain one.
    """

    input_type = "date"
    bounds: tuple[Bound, Bound] | None = None

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%d")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        widget = context["widget"]
        if widget["value"] and not _ISO.fullmatch(str(widget["value"])):
            widget["type"] = "text"
        elif self.bounds is not None:
            low, high = (_day(bound) for bound in self.bounds)
            widget["attrs"] |= {"min": low.isoformat(), "max": high.isoformat()}
        return context


class DayField(forms.DateField):
    """A day from `earliest` to `latest`, both included; each a date, or a function that gives it.

    Raises ValidationError with what to write instead. Whatever was typed is shown again.
    """

    widget = DayInput
    default_error_messages = {
        "invalid": _("Cette date n’est pas lisible. Écrivez-la ainsi : 31/03/2027."),
        "year": _("Écrivez l’année en quatre chiffres : 31/03/2027 et non 31/03/27."),
        "unknown": _("Ce jour n’existe pas. Vérifiez le jour et le mois."),
        "bounds": _("Indiquez une date entre le %(earliest)s et le %(latest)s."),
    }

    def __init__(self, *, earliest: Bound, latest: Bound, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_bounds(earliest, latest)

    def set_bounds(self, earliest: Bound, latest: Bound) -> None:
        """For a form whose bounds depend on what it is about."""
        self._bounds = (earliest, latest)
        if isinstance(self.widget, DayInput):
            self.widget.bounds = self._bounds

    @property
    def bounds(self) -> tuple[date, date]:
        """The first and the last day accepted now."""
        return _day(self._bounds[0]), _day(self._bounds[1])

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = str(value).strip()
        if not text:
            return None
        return self._read(text)

    def _read(self, text: str) -> date:
        match = _PARTS.fullmatch(text)
        if match is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        first, month, last = match.groups()
        year, day = (first, last) if len(first) > len(last) else (last, first)
        if len(year) != 4 or year < "1000":
            raise ValidationError(self.error_messages["year"], code="year")
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise ValidationError(self.error_messages["unknown"], code="unknown") from None

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is None:
            return
        earliest, latest = self.bounds
        if not earliest <= value <= latest:
            raise ValidationError(
                self.error_messages["bounds"],
                code="bounds",
                params={"earliest": f"{earliest:%d/%m/%Y}", "latest": f"{latest:%d/%m/%Y}"},
            )


def _day(bound: Bound) -> date:
    return bound() if callable(bound) else bound
