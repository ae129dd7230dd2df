"""Acts of the secretariat and the legal officers."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.calendar import PARIS
from requests_app.models import Act, Task

from .base import ActForm, text_field


class AcceptCompletenessForm(ActForm):
    irreversible = True
    intro = _(
        "Le dossier est complet : les délais des responsables de données et du comité commencent."
    )

    urgent = forms.BooleanField(
        label=_("Procédure d’urgence : le comité a 15 jours"), required=False
    )
    urgent_reason = text_field(_("Motif de l’urgence"), required=False, rows=2)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("urgent") and not cleaned.get("urgent_reason"):
            self.add_error("urgent_reason", _("Motivez l’urgence."))
        return cleaned


class RequestCompletionForm(ActForm):
    irreversible = True
    intro = _("Un seul message est envoyé ; il reprend les commentaires laissés sur chaque pièce.")
    message = text_field(_("Message au demandeur"), required=False)


class RedirectForm(ActForm):
    irreversible = True
    route = forms.CharField(label=_("Procédure indiquée"), max_length=200)
    message = text_field(_("Explication donnée au demandeur"))


class CloseIncompleteForm(ActForm):
    irreversible = True
    message = text_field(_("Explication donnée au demandeur"))


class RecordReferralForm(ActForm):
    irreversible = True
    has_date = True


class RecordReceiptForm(ActForm):
    has_date = True
    has_document = True
    application_number = forms.CharField(
        label=_("Numéro de demande CNIL"), max_length=30, help_text=_("Par exemple 925057.")
    )


class RecordExtensionForm(ActForm):
    has_date = True
    has_document = True
    document_required = True


class RecordAuthorisationForm(ActForm):
    irreversible = True
    has_date = True
    has_document = True
    document_required = True
    number = forms.RegexField(
        label=_("Numéro de la décision"),
        regex=r"^(DR-\d{4}-\d{2,4}|\d{4}-\d{2,4})$",
        help_text=_("DR-2027-104, ou 2027-013 pour une délibération."),
        error_messages={"invalid": _("Le numéro a la forme DR-2027-104 ou 2027-013.")},
    )
    application_number = forms.CharField(label=_("Numéro de demande CNIL"), max_length=30)


class RecordRefusalForm(ActForm):
    irreversible = True
    has_date = True
    has_document = True
    number = forms.CharField(label=_("Numéro de la décision"), max_length=30, required=False)
    reason = text_field(_("Motifs donnés par la CNIL"))


class PublishRegisterForm(ActForm):
    irreversible = True
    intro = _("L’entrée du registre public est publiée avec le titre et la finalité du dossier.")


class RecordConformityForm(ActForm):
    has_date = True
    has_document = True
    document_required = True


class ConfirmExtractForm(ActForm):
    irreversible = True
    intro = _(
        "Vous confirmez que l’extraction préparée correspond à l’expression de besoins approuvée."
    )


class CloseForm(ActForm):
    irreversible = True
    note = text_field(_("Observations"), required=False, rows=3)


class CloseTaskForm(ActForm):
    """The conclusions are those of the procedure's task."""

    irreversible = True
    outcome = forms.ChoiceField(label=_("Conclusion"), widget=forms.RadioSelect)
    note = text_field(_("Analyse"), rows=4)

    def __init__(self, *args: Any, task: Task, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = next(rule for rule in self.procedure.tasks if rule.code == task.code)
        self.task = task
        self.intro = rule.expected
        self.fields["outcome"].choices = [(one.code, one.label) for one in rule.outcomes]  # type: ignore[attr-defined]


class CorrectActForm(ActForm):
    """A correction is a new act with its reason; both stay visible and due dates are recomputed."""

    irreversible = True
    has_date = True
    intro = _(
        "La correction est un nouvel acte : l’ancien reste visible, les échéances sont recalculées."
    )
    reason = text_field(_("Motif de la correction"), rows=3)

    def __init__(self, *args: Any, act: Act, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.act = act
        self.fields["effective_on"].initial = act.effective_at.astimezone(PARIS).date()

    @property
    def effective_at(self) -> date | datetime | None:
        """The act's own instant when its day is kept, so that it stays after those of that day."""
        day = super().effective_at
        same = day == self.act.effective_at.astimezone(PARIS).date()
        return self.act.effective_at if same else day

    def payload(self) -> dict[str, Any]:
        return super().payload() | {"act": self.act}
