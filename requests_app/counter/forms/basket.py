"""Forms of the selection: adding from the catalogue, choosing the variables and years of a row."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.fields import WholeNumberField
from requests_app.procedures.content import Row


def year_field(label: Any) -> WholeNumberField:
    return WholeNumberField(
        label=label,
        required=False,
        min_value=1900,
        max_value=2200,
        error_messages={
            "invalid": _("Écrivez une année sur quatre chiffres, par exemple 2018."),
            "min_value": _("Écrivez une année sur quatre chiffres, par exemple 2018."),
            "max_value": _("Écrivez une année sur quatre chiffres, par exemple 2018."),
        },
    )


class YearsForm(forms.Form):
    """Years of a row; both ends included, an empty end leaves it open."""

    year_from = year_field(_("De l’année"))
    year_until = year_field(_("À l’année"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("year_from"), cleaned.get("year_until")
        if first and last and last < first:
            self.add_error("year_until", _("La dernière année précède la première."))
        return cleaned


class AddForm(YearsForm):
    """What an “add to my selection” button sends; checked against the catalogue by `basket.add`."""

    dataset = forms.CharField(max_length=100)
    table = forms.CharField(max_length=100, required=False)
    variable = forms.MultipleChoiceField(required=False)
    next = forms.CharField(required=False)
    ticked = forms.BooleanField(required=False)  # sent from a list with boxes: none is a mistake

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = self.data.getlist("variable") if hasattr(self.data, "getlist") else []
        self.fields["variable"].choices = [(name, name) for name in names]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("ticked") and not cleaned.get("variable"):
            self.add_error("variable", _("Cochez au moins une variable, puis ajoutez-les."))
        return cleaned

    def row(self) -> Row:
        given = self.cleaned_data
        return Row(
            dataset=given["dataset"],
            table=given["table"],
            variables=given["variable"],
            year_from=given["year_from"],
            year_until=given["year_until"],
        )


class RowForm(YearsForm):
    """Years and variables of one table; every variable ticked is the same as all of them."""

    variables = forms.MultipleChoiceField(
        label=_("Variables"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = names
        self.fields["variables"].choices = [(name, name) for name in names]

    def clean_variables(self) -> list[str]:
        chosen = set(self.cleaned_data["variables"])
        if self.names and not chosen:
            raise forms.ValidationError(
                _("Choisissez au moins une variable, ou retirez la ligne de votre sélection.")
            )
        return [] if len(chosen) == len(self.names) else [n for n in self.names if n in chosen]

    def row(self, row: Row) -> Row:
        given = self.cleaned_data
        return Row(
            dataset=row.dataset,
            table=row.table,
            variables=given["variables"] if self.names else [],
            year_from=given["year_from"],
            year_until=given["year_until"],
        )
