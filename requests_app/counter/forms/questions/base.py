"""The controls of a question: its fields, what they hold at first, what they give back.

One module for each type, named as in `requests_app.procedures.questions`; a template of that name
under `requests_app/questions/` where the type is shown otherwise than by its fields.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _

from requests_app.procedures.conditions import is_filled
from requests_app.procedures.content import Label
from requests_app.procedures.questions import Question
from requests_app.procedures.questions.base import SEPARATOR
from requests_app.procedures.section import Section


Digests = Mapping[str, str]  # by field: what it holds, in eight digits
UNKNOWN = "?"  # what a field held in a page that does not say it


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page knows of the file when it asks its questions.

    `facts`: the answers given so far; `needed`: names of the fields that the signature will need;
    `most`: highest value by role; `rows`: rows that a table shows at least.
    """

    facts: Mapping[str, Any]
    needed: frozenset[str] = frozenset()
    most: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """What is shown together, by its template; a closed group is folded until it holds something.

    `more`: what the template of the type needs beside the fields.
    """

    label: Label
    fields: list[forms.BoundField]
    help: Label = ""
    open: bool = True
    anchor: str = ""
    template: str = "requests_app/questions/group.html"
    more: Any = None


class Control:
    """The controls of one question of a page."""

    def __init__(self, question: Any, *, stored: Any, asked: Asked) -> None:
        self.question, self.stored, self.asked = question, stored, asked
        self.names: list[str] = []

    # --- fields ---------------------------------------------------------------------------------

    def field(self) -> forms.Field:
        """The one field of a simple question."""
        raise NotImplementedError

    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        return {self.question.code: self.field()}

    def fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        """Fields by name; `data` is what is sent, empty for a page to be filled in."""
        found = self.own_fields(data)
        self.names = list(found)
        return found

    # --- values ---------------------------------------------------------------------------------

    def initial(self, value: Any) -> dict[str, Any]:
        """What the fields hold for a stored answer."""
        return {self.question.code: value}

    def collect(self, typed: Mapping[str, Any], stored: Any) -> Any:
        """The answer to store: what was typed over what was stored."""
        return typed.get(self.question.code, stored)

    def faults(self, cleaned: Mapping[str, Any], section: Section) -> Iterator[tuple[str, str]]:
        """(field, what to do) of what several fields say against each other."""
        rule = getattr(self.question, "at_least", None)
        if rule is None or rule.error is None:
            return
        name = self.question.code
        floor = cleaned.get(rule.field.removeprefix(f"{section.code}."))
        if self.question.is_below(plain(cleaned.get(name)), plain(floor)):
            yield name, str(rule.error)

    def clashes(self, differing: frozenset[str], known: Digests, stored: Digests) -> frozenset[str]:
        """Fields that cannot be merged with what someone else changed, beyond the same fields.

        `differing`: changed by the person and not as stored; `known`: when the page was made.
        """
        return frozenset()

    # --- how it is shown ------------------------------------------------------------------------

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        """Groups of its own; none: its fields stand among those beside it."""
        yield from ()

    @property
    def help(self) -> str:
        return help_of(self.question)


class Compound(Control):
    """A question of several places, each with its field: `controller__name`."""

    places_open: ClassVar[bool] = True

    def places(self) -> Mapping[str, forms.Field]:
        raise NotImplementedError

    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        return {self._name(place): field for place, field in self.places().items()}

    def _name(self, place: str) -> str:
        return f"{self.question.code}{SEPARATOR}{place}"

    def initial(self, value: Any) -> dict[str, Any]:
        return {self._name(place): one for place, one in value.items()}

    def collect(self, typed: Mapping[str, Any], stored: Any) -> Any:
        return stored | {
            place: typed[self._name(place)] for place in stored if self._name(place) in typed
        }

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        mine = [form[name] for name in self.names]
        opened = self.places_open or any(
            field.value() or field.errors or field.field.required for field in mine
        )
        code = self.question.code
        yield Group(str(self.question.label), mine, self.help, open=opened, anchor=code)


def control_class(type_of_question: str) -> type[Control]:
    """The controls of a type, in the module of its name."""
    found: type[Control] = import_module(f"{__package__}.{type_of_question}").CONTROL
    return found


def plain(value: Any) -> Any:
    """A cleaned value as it is stored: dates in ISO, line ends unified."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    return value.isoformat() if hasattr(value, "isoformat") else value


def digest(value: Any) -> str:
    """Eight hexadecimal digits of a value; zero is not nothing, an unticked box is."""
    text = json.dumps(plain(value), default=str) if is_filled(value) else ""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


NOTHING = digest(None)


def help_of(question: Question) -> str:
    """Help and example, on one line."""
    said = [str(question.help)] if question.help else []
    if question.example:
        said.append(_("Exemple : %(example)s") % {"example": question.example})
    return " ".join(said)
