"""The frame of a step's form: a draft may lack anything, but what is typed must make sense."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.common.days import Bound, DayField
from portal.common.fields import LineField, NameField, WholeNumberField
from requests_app.procedures.conditions import is_filled
from requests_app.procedures.content import Label
from requests_app.procedures.content_labels import FIELD_LABELS


SEPARATOR = "__"


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"controller": {"name": "x"}}` → `{"controller__name": "x"}`; lists stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}{SEPARATOR}")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Write a value at a flattened name, in place."""
    *parents, last = path.split(SEPARATOR)
    for parent in parents:
        data = data.setdefault(parent, {})
    data[last] = value


@dataclass(frozen=True, slots=True)
class Group:
    """Fields shown together; a closed group is folded until it holds something."""

    label: Label
    fields: list[forms.BoundField]
    help: Label = ""
    open: bool = True
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """`mine`: fields that the person changed; `clash`: those that someone else changed too."""

    mine: frozenset[str]
    clash: frozenset[str]


class SectionForm(forms.Form):
    """One section of the content: initial values from storage, cleaned values back to it.

    No field is required to save; `required` only tells the page which ones the signature will need.
    """

    section: ClassVar[str] = ""
    use_required_attribute = False

    def __init__(
        self,
        data: Any = None,
        *,
        stored: dict[str, Any],
        needed: frozenset[str] = frozenset(),
        **kwargs: Any,
    ) -> None:
        self.stored = stored
        super().__init__(data, label_suffix="", **kwargs)
        self.add_fields()
        self.initial = self.initial_of(stored)
        for name, field in self.fields.items():
            field.required = name in needed
            if not field.label:
                path = f"{self.section}.{name.replace(SEPARATOR, '.')}"
                field.label = FIELD_LABELS.get(path, name)

    def add_fields(self) -> None:
        """Fields that depend on what is stored or sent."""

    def initial_of(self, stored: dict[str, Any]) -> dict[str, Any]:
        return flatten(stored)

    def full_clean(self) -> None:
        shown = {name: field.required for name, field in self.fields.items()}
        for field in self.fields.values():
            field.required = False
        super().full_clean()
        for name, required in shown.items():
            self.fields[name].required = required

    def section_data(self, *, only: Collection[str] | None = None) -> dict[str, Any]:
        """The section with the valid fields as typed (`only` these); the rest stays as stored."""
        data: dict[str, Any] = json.loads(json.dumps(self.stored))
        for name, value in self.typed(only).items():
            put(data, name, value)
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
        initial = self.initial_of(self.stored)
        stored = {name: _digest(initial.get(name)) for name in self.fields}
        typed = {name: _digest(value) for name, value in self.typed().items()}
        mine = {name for name, digest in typed.items() if digest != known.get(name, "?")}
        theirs = {name for name, digest in stored.items() if digest != known.get(name, "?")}
        clash = {name for name in mine & theirs if typed[name] != stored[name]}
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
        """All fields in one group, unless the section says otherwise."""
        yield Group("", [self[name] for name in self.fields])


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


_TOO_LONG = {
    "max_length": _(
        "Ce texte est trop long : il compte %(show_value)s caractères pour %(limit_value)s au plus."
        " Raccourcissez-le, ou mettez le détail dans une pièce."
    )
}
NOT_A_CHOICE = {"invalid_choice": _("Choisissez parmi les réponses proposées.")}


def text(label: Label = "", *, rows: int = 4, help: Label = "", max_length: int = 20_000) -> Any:
    return forms.CharField(
        label=label,
        help_text=help,
        max_length=max_length,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages=_TOO_LONG,
    )


def line(label: Label = "", *, help: Label = "", max_length: int = 300) -> Any:
    return LineField(label=label, help_text=help, max_length=max_length, error_messages=_TOO_LONG)


class RadioSelect(forms.RadioSelect):
    """`closed`: answers shown that cannot be given now.

    The library of forms draws a widget by the name of its class, so that name stays.
    """

    closed: Collection[str] = ()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value in self.closed:
            option["attrs"]["disabled"] = True
        return option


def choice(options: Mapping[str, Label], label: Label = "", *, help: Label = "") -> Any:
    return forms.ChoiceField(
        label=label,
        help_text=help,
        choices=list(options.items()),
        widget=RadioSelect,
        error_messages=NOT_A_CHOICE,
    )


def number(label: Label = "", *, low: int, high: int, help: Label = "") -> Any:
    return WholeNumberField(
        label=label,
        help_text=help,
        min_value=low,
        max_value=high,
        localize=False,
        error_messages={
            "invalid": _("Écrivez un nombre entier."),
            "min_value": _("Écrivez un nombre d’au moins %(limit_value)s."),
            "max_value": _("Écrivez un nombre d’au plus %(limit_value)s."),
        },
    )


def day(label: Label = "", *, earliest: Bound, latest: Bound) -> Any:
    return DayField(label=label, earliest=earliest, latest=latest)
