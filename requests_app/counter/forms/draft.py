"""The frame of a step's form: a draft may lack anything, but what is typed must make sense."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.common.fields import NameField
from requests_app.procedures.questions.base import PAGE_INPUTS
from requests_app.procedures.section import Section

from .questions import control_of
from .questions.base import NOTHING, UNKNOWN, Asked, Control, Group, digest, plain
from .questions.table import Table, without_row


@dataclass(frozen=True, slots=True)
class Merge:
    """`mine`: fields that the person changed; `clash`: those that someone else changed too."""

    mine: frozenset[str]
    clash: frozenset[str]


class SectionForm(forms.Form):
    """One section of a form: initial values from storage, cleaned values back to it.

    No field is required to save; `required` only tells the page which ones the signature will need.
    A question is read when the answers stored now ask it, and when the page that is sent asked it:
    what was typed there is judged, whatever someone else answered meanwhile.
    """

    use_required_attribute = False

    def __init__(
        self, data: Any = None, *, section: Section, stored: dict[str, Any], asked: Asked
    ) -> None:
        self.section, self.stored = section, stored
        super().__init__(data, label_suffix="")
        shown = {*self.data, *_read_base(self.data.get("base", ""))}
        self.controls: list[Control] = []
        for question in section.questions:
            control = control_of(question, stored=stored.get(question.code), asked=asked)
            fields = control.fields(self.data)
            if question.is_asked(asked.facts) or not shown.isdisjoint(fields):
                self.controls.append(control)
                self.fields |= fields
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

    def answered_beyond(self, asked: Collection[str], merge: "Merge") -> Iterator[str]:
        """Labels of the questions that the person has just answered and that are not asked now."""
        data = self.section_data(only=merge.mine)
        for control in self.controls:
            one, typed = control.question, not merge.mine.isdisjoint(control.names)
            if typed and one.code not in asked and data[one.code] != one.empty():
                yield str(one.label)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for control in self.controls:
            for name, text in control.faults(cleaned, self.section):
                self.add_error(name, text)
        for said in self._unread():
            self.add_error(None, said)
        return cleaned

    def _unread(self) -> Iterator[str]:
        """What is sent under names that no question of the section has, in words: not dropped."""
        data = self.data
        for name in data:
            sent = data.getlist(name) if isinstance(data, QueryDict) else [data[name]]
            text = " ".join(map(str, sent)).strip()
            if text and name not in self.fields and name not in PAGE_INPUTS:
                yield gettext(
                    "Une réponse n’a plus de place dans cette étape et n’est pas enregistrée :"
                    " « %(text)s ». Copiez-la si elle vous sert, puis rechargez la page."
                ) % {"text": text}

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
            name: plain(value)
            for name, value in self.cleaned_data.items()
            if only is None or name in only
        }

    def base(self) -> str:
        """What the fields held when the page was made: one short digest each."""
        initial = self.initial_of(self.stored)
        return json.dumps({name: digest(initial.get(name)) for name in self.fields})

    def base_after(self, base: str, *, saved: Collection[str]) -> str:
        """The base of a page that stays open once these fields of it are saved: of its own fields
        only, so that one which it does not have is never taken for emptied there."""
        known, now = _read_base(base), _read_base(self.base())
        mine = {name: said for name, said in now.items() if name in known or name in self.data}
        kept = {name: known[name] for name in mine if name in known and name not in saved}
        return json.dumps(mine | kept)

    def merge(self, base: str) -> "Merge":
        """Compare what was typed, what is stored now, and what the page was made from.

        A page without a readable base has changed everything: nothing stored is ever lost silently.
        """
        known = _read_base(base)
        absent = NOTHING if known else UNKNOWN  # a field that the page did not have yet
        known = dict.fromkeys(self.fields, absent) | known
        initial = self.initial_of(self.stored)
        stored = {name: digest(initial.get(name)) for name in self.fields}
        typed = {name: digest(value) for name, value in self.typed().items()}
        mine = {name for name, said in typed.items() if said != known[name]}
        theirs = {name for name, said in stored.items() if said != known[name]}
        clash = {name for name in mine & theirs if typed[name] != stored[name]}
        differing = frozenset(name for name in mine if typed[name] != stored[name])
        for control in self.controls:
            clash |= control.clashes(differing, known, stored)
        return Merge(frozenset(mine), frozenset(clash))

    def without_removed(self) -> tuple[QueryDict, dict[str, Any]] | None:
        """What is sent and what is stored without the row that a button removes; None without."""
        for control in self.controls:
            if isinstance(control, Table) and control.removed is not None:
                data = without_row(self.data, control.question.code, control.removed)
                return data, self.section_data(only=())
        return None

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
                data[name] = "on" if value is True else str(value)
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


def _read_base(text: str) -> dict[str, str]:
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):  # nobody's page: thousands of brackets
        return {}
    return {name: str(said) for name, said in known.items()} if isinstance(known, dict) else {}
