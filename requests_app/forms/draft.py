"""The frame of a step's form: a draft may lack anything, but what is typed must make sense."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

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

    def section_data(self) -> dict[str, Any]:
        """The section with every valid field as typed; what is not valid stays as stored."""
        data: dict[str, Any] = json.loads(json.dumps(self.stored))
        for name, value in self.cleaned_data.items():
            put(data, name, _plain(value))
        return data

    def base(self) -> str:
        """Fingerprint of the stored values of this form's own fields, to tell who changed them."""
        initial = self.initial_of(self.stored)
        mine = {name: initial.get(name) for name in self.fields}
        text = json.dumps(mine, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def groups(self) -> Iterator[Group]:
        """All fields in one group, unless the section says otherwise."""
        yield Group("", [self[name] for name in self.fields])


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def text(label: Label = "", *, rows: int = 4, help: Label = "", max_length: int = 20_000) -> Any:
    return forms.CharField(
        label=label,
        help_text=help,
        max_length=max_length,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def line(label: Label = "", *, help: Label = "", max_length: int = 300) -> Any:
    return forms.CharField(label=label, help_text=help, max_length=max_length)


def choice(options: Mapping[str, Label], label: Label = "", *, help: Label = "") -> Any:
    return forms.ChoiceField(
        label=label, help_text=help, choices=list(options.items()), widget=forms.RadioSelect
    )


def number(label: Label = "", *, low: int, high: int, help: Label = "") -> Any:
    return forms.IntegerField(
        label=label,
        help_text=help,
        min_value=low,
        max_value=high,
        localize=False,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "invalid": _("Écrivez un nombre entier."),
            "min_value": _("Écrivez un nombre d’au moins %(limit_value)s."),
            "max_value": _("Écrivez un nombre d’au plus %(limit_value)s."),
        },
    )


def day(label: Label = "") -> Any:
    return forms.DateField(
        label=label,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Cette date n’est pas lisible. Exemple : 2027-03-31.")},
    )
