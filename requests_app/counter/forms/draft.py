"""The frame of a step's form: a draft may lack anything, but what is typed must make sense."""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.common.fields import NameField
from requests_app.procedures.conditions import is_filled
from requests_app.procedures.section import Section

from .questions import control_of
from .questions.base import Asked, Group


@dataclass(frozen=True, slots=True)
class Merge:
    """`mine`: fields that the person changed; `clash`: those that someone else changed too."""

    mine: frozenset[str]
    clash: frozenset[str]


class SectionForm(forms.Form):
    """One section of a form: initial values from storage, cleaned values back to it.

    No field is required to save; `required` only tells the page which ones the signature will need.
    """

    use_required_attribute = False

    def __init__(
        self, data: Any = None, *, section: Section, stored: dict[str, Any], asked: Asked
    ) -> None:
        self.section, self.stored = section, stored
        super().__init__(data, label_suffix="")
        self.controls = [
            control_of(question, stored=stored.get(question.code), asked=asked)
            for question in section.questions
            if question.is_asked(asked.facts)
        ]
        for control in self.controls:
            self.fields |= control.fields(self.data)
        self.initial = self.initial_of(stored)
        for name, field in self.fields.items():
            field.required = name in asked.needed

    def initial_of(self, stored: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for control in self.controls
            if control.question.answered
            for name, value in control.initial(stored[control.question.code]).items()
        }

    @property
    def asked_codes(self) -> list[str]:
        """Questions that the page shows."""
        return [control.question.code for control in self.controls]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for control in self.controls:
            for name, text in control.faults(cleaned, self.section):
                self.add_error(name, text)
        return cleaned

    def full_clean(self) -> None:
        shown = {name: field.required for name, field in self.fields.items()}
        for field in self.fields.values():
            field.required = False
        super().full_clean()
        for name, required in shown.items():
            self.fields[name].required = required

    def section_data(
        self, *, only: Collection[str] | None = None, tidy: bool = False
    ) -> dict[str, Any]:
        """The section with the valid fields as typed (`only` these); the rest stays as stored.

        `tidy`: without the empty rows of tables, which an open page still shows.
        """
        data: dict[str, Any] = json.loads(json.dumps(self.stored))
        typed = self.typed(only)
        for control in self.controls:
            if not control.question.answered:
                continue
            code = control.question.code
            mine = {name: typed[name] for name in control.names if name in typed}
            value = control.collect(mine, data[code])
            data[code] = control.question.tidy(value) if tidy else value
        return data

    def typed(self, only: Collection[str] | None = None) -> dict[str, Any]:
        """Valid values as stored: dates in ISO, line ends unified."""
        return {
            name: _plain(value)
            for name, value in self.cleaned_data.items()
            if only is None or name in only
        }

    def base(self) -> str:
        """What the fields held when the page was made: one short digest each."""
        initial = self.initial_of(self.stored)
        return json.dumps({name: _digest(initial.get(name)) for name in self.fields})

    def base_after(self, base: str, *, saved: Collection[str]) -> str:
        """The base of a page that stays open once these fields of it are saved."""
        known, now = _read_base(base), _read_base(self.base())
        kept = {name: known[name] for name in now if name in known and name not in saved}
        return json.dumps(now | kept)

    def merge(self, base: str) -> "Merge":
        """Compare what was typed, what is stored now, and what the page was made from.

        A page without a readable base has changed everything: nothing stored is ever lost silently.
        """
        known = _read_base(base)
        absent = _digest(None) if known else "?"  # a field that the page did not have yet
        initial = self.initial_of(self.stored)
        stored = {name: _digest(initial.get(name)) for name in self.fields}
        typed = {name: _digest(value) for name, value in self.typed().items()}
        mine = {name for name, digest in typed.items() if digest != known.get(name, absent)}
        theirs = {name for name, digest in stored.items() if digest != known.get(name, absent)}
        clash = {name for name in mine & theirs if typed[name] != stored[name]}
        differing = frozenset(name for name in mine if typed[name] != stored[name])
        filled = frozenset(name for name, digest in known.items() if digest != _digest(None))
        for control in self.controls:
            clash |= control.clashes(differing, filled)
        return Merge(frozenset(mine), frozenset(clash))

    def with_theirs(self, names: Collection[str]) -> QueryDict:
        """The sent form, fields other than `names` taking their stored values."""
        initial = self.initial_of(self.stored)
        data = self.data.copy()
        for name in self.fields:
            if name in names or name in self.errors:
                continue
            value = initial.get(name)
            if value is None or value is False:
                data.pop(name, None)
            elif isinstance(value, list):
                data.setlist(name, value)
            else:
                data[name] = "on" if value is True else value
        return data

    def groups(self) -> Iterator[Group]:
        """Questions as they are shown, in order: alone, or under the heading of their group."""
        headings = {
            code: str(group.label) for group in self.section.groups for code in group.questions
        }
        heading, fields = "", list[forms.BoundField]()
        for control in self.controls:
            own = [*control.groups(self)]
            here = headings.get(control.question.code, "")
            if fields and (own or here != heading):
                yield Group(heading, fields)
                fields = []
            heading = here
            if own:
                yield from own
            else:
                fields += [self[name] for name in control.names]
        if fields:
            yield Group(heading, fields)


class TitleForm(forms.Form):
    """The title of the study, on one line."""

    title = NameField(
        label=_("Titre de l’étude"),
        max_length=250,
        error_messages={
            "required": _("Donnez un titre à l’étude."),
            "max_length": _("Ce titre est trop long : 250 caractères au plus."),
        },
    )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    return value.isoformat() if hasattr(value, "isoformat") else value


def _digest(value: Any) -> str:
    """Eight hexadecimal digits of a value; zero is not nothing, an unticked box is."""
    text = json.dumps(_plain(value), default=str) if is_filled(value) else ""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _read_base(text: str) -> dict[str, str]:
    try:
        known = json.loads(text)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
