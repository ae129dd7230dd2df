"""The base of act forms: what was done, when, with which document."""

from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common.calendar import legal_today
from requests_app.models import AccessRequest, Stage
from requests_app.procedures import registry


class DateInput(forms.DateInput):
    """The browser's own date field; the value is ISO, whatever the page's language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def date_field(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=DateInput(), **kwargs)


class ActForm(forms.Form):
    """Base: with a date where the act may precede its entry, and with its document."""

    has_date: ClassVar[bool] = False
    has_document: ClassVar[bool] = False
    document_required: ClassVar[bool] = False
    intro: Any = ""

    def __init__(
        self, *args: Any, request: AccessRequest, stage: Stage | None, user: User, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.access_request = request
        self.stage = stage
        self.user = user
        self.procedure = registry.get(request.procedure_code, request.procedure_version)
        if self.has_date:
            self.fields["effective_on"] = date_field(
                label=_("Date de l’acte"),
                initial=legal_today,
                help_text=_("La date portée par l’acte lui-même, pas celle de la saisie."),
            )
        if self.has_document:
            self.fields["document"] = forms.FileField(
                label=_("Document"),
                required=self.document_required,
                help_text=_("Un PDF de 25 Mo au plus."),
            )

    def ask_confirmation(self) -> None:
        """Of an act that is not taken back: one more box, unless the page asks nothing else."""
        if self.fields:
            self.fields["confirm"] = forms.BooleanField(
                label=_(
                    "J’ai relu. Cet acte est définitif : une erreur se corrige par un nouvel acte"
                    " motivé."
                ),
                error_messages={"required": _("Cochez cette case pour confirmer l’acte.")},
            )

    def mark_conditional(self, *names: str) -> None:
        """Fields that another answer makes compulsory: their help says when, not "facultatif"."""
        for name in names:
            self.fields[name].conditional = True  # type: ignore[attr-defined]

    def clean_effective_on(self) -> date:
        day: date = self.cleaned_data["effective_on"]
        if day > legal_today():
            raise ValidationError(
                _("Cette date est dans le futur. Indiquez la date réelle de l’acte.")
            )
        return day

    @property
    def effective_at(self) -> date | datetime | None:
        """The day typed, when the act has one; the engine finds the instant."""
        return self.cleaned_data.get("effective_on")

    def payload(self) -> dict[str, Any]:
        """Keyword arguments of the verb, without `by` and `effective_at`."""
        return {
            key: value
            for key, value in self.cleaned_data.items()
            if key not in {"effective_on", "document", "confirm"}
        }


def text_field(
    label: Any, *, required: bool = True, rows: int = 5, **kwargs: Any
) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, widget=forms.Textarea(attrs={"rows": rows}), **kwargs
    )
