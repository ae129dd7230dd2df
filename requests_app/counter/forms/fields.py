"""Fields of the form of a file: what they say when what is typed cannot be read."""

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.days import Bound, DayField
from portal.common.fields import AddressField, LineField, WholeNumberField
from requests_app.procedures.content import Label


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
        choices=[(code, str(words)) for code, words in options.items()],
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


def day(label: Label = "", *, earliest: Bound, latest: Bound, help: Label = "") -> Any:
    return DayField(label=label, help_text=help, earliest=earliest, latest=latest)


def address(label: Label = "") -> Any:
    return AddressField(
        label=label,
        max_length=300,
        error_messages={
            "invalid": _("Cette adresse est incomplète. Exemple : prenom.nom@organisme.fr.")
        },
    )
