"""Acts of the secretariat and the legal officers."""

import copy
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.calendar import PARIS
from portal.common.fields import LineField
from requests_app.models import Act, Task, Workspace
from requests_app.procedures.words import period_in_words
from requests_app.provisioning.extract import confirming

from .base import ActForm, text_field


class AcceptCompletenessForm(ActForm):
    intro = _(
        "Le dossier est complet : les délais des responsables de données et du comité commencent."
    )

    urgent = forms.BooleanField(label=_("Procédure d’urgence"), required=False)
    urgent_reason = text_field(_("Motif de l’urgence"), required=False, rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clocks = [one.clock for one in self.procedure.stages if one.clock]
        short = next((clock.urgent_period for clock in clocks if clock.urgent_period), None)
        if short is None:  # the procedure knows no urgency
            del self.fields["urgent"], self.fields["urgent_reason"]
            return
        self.fields["urgent"].help_text = _("Le comité a %(period)s.") % {
            "period": period_in_words(short)
        }
        self.mark_conditional("urgent_reason")
        self.fields["urgent_reason"].help_text = _("Obligatoire si la procédure est d’urgence.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("urgent") and not cleaned.get("urgent_reason"):
            self.add_error("urgent_reason", _("Motivez l’urgence."))
        return cleaned


class RequestCompletionForm(ActForm):
    intro = _("Un seul message est envoyé ; il reprend les commentaires laissés sur chaque pièce.")
    message = text_field(_("Message au demandeur"), required=False)


class RedirectForm(ActForm):
    route = LineField(label=_("Procédure indiquée"), max_length=200)
    message = text_field(_("Explication donnée au demandeur"))


class CloseIncompleteForm(ActForm):
    message = text_field(_("Explication donnée au demandeur"))


class RecordReferralForm(ActForm):
    has_date = True


class RecordReceiptForm(ActForm):
    has_date = True
    has_document = True
    application_number = LineField(
        label=_("Numéro de demande CNIL"), max_length=30, help_text=_("Par exemple 925057.")
    )


class RecordExtensionForm(ActForm):
    has_date = True
    has_document = True
    document_required = True


class RecordAuthorisationForm(ActForm):
    has_date = True
    has_document = True
    document_required = True
    number = forms.RegexField(
        label=_("Numéro de l’autorisation"),
        regex=r"^(DR-[0-9]{4}-[0-9]{2,4}|[0-9]{4}-[0-9]{2,4})\Z",
        help_text=_("DR-2027-104, ou 2027-013 pour une délibération."),
        error_messages={"invalid": _("Le numéro a la forme DR-2027-104 ou 2027-013.")},
    )
    application_number = LineField(
        label=_("Numéro de demande CNIL"),
        max_length=30,
        help_text=_("Celui de l’accusé de réception."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stage is not None:
            receipt = self.stage.acts.in_force().filter(code="record_receipt")
            known = receipt.values_list("data", flat=True).first() or {}
            self.fields["application_number"].initial = known.get("application_number", "")


class RecordRefusalForm(ActForm):
    has_date = True
    has_document = True
    number = LineField(label=_("Numéro du refus"), max_length=30, required=False)
    reason = text_field(_("Motifs donnés par la CNIL"))


class PublishRegisterForm(ActForm):
    intro = _(
        "Le projet paraît au répertoire public : titre, responsable de traitement, finalités,"
        " bases et sens de l’avis."
    )


class RecordConformityForm(ActForm):
    has_date = True
    has_document = True
    document_required = True


class ConfirmExtractForm(ActForm):
    intro = _(
        "Vous confirmez que l’extraction préparée correspond à l’expression de besoins approuvée."
    )

    manifest = forms.CharField(widget=forms.HiddenInput, required=False)  # the verb refuses none

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Read before what the page shows: of a page that changes meanwhile, the older is sent.
        workspace = (
            Workspace.objects.select_related("extract").filter(request=self.access_request).first()
        )
        self._now = confirming.manifest_sha256(workspace)
        self.fields["manifest"].initial = self._now

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        # A page refused shows what is prepared now: what it sends next is that.
        self.data = self.data.copy()
        self.data["manifest"] = self._now
        return cleaned


class CloseForm(ActForm):
    note = text_field(_("Observations"), required=False, rows=3)


class CloseTaskForm(ActForm):
    """The conclusions are those of the procedure's task."""

    outcome = forms.ChoiceField(label=_("Conclusion"), widget=forms.RadioSelect)
    note = text_field(_("Analyse"), rows=4)

    def __init__(self, *args: Any, task: Task, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = next(rule for rule in self.procedure.tasks if rule.code == task.code)
        self.task = task
        self.intro = str(rule.expected)
        self.fields["outcome"].choices = [(one.code, str(one.label)) for one in rule.outcomes]  # type: ignore[attr-defined]


# The numbers that a correction may put right, with the rules of the form they were typed in.
_TYPED_IN: dict[str, type[ActForm]] = {
    "record_receipt": RecordReceiptForm,
    "record_authorisation": RecordAuthorisationForm,
    "record_refusal": RecordRefusalForm,
}
_NUMBERS = ("number", "application_number", "reference")


class CorrectActForm(ActForm):
    """A correction is a new act with its reason; both stay visible and due dates are recomputed.

    Date, numbers, words and document can be put right; what is left as it is stays.
    """

    has_date = True
    has_document = True
    intro = _(
        "La correction est un nouvel acte : l’ancien reste visible, les échéances sont recalculées."
    )
    reason = text_field(_("Motif de la correction"), rows=3)

    def __init__(self, *args: Any, act: Act, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.act = act
        self.fields["effective_on"].initial = act.effective_at.astimezone(PARIS).date()
        self.fields["document"].help_text = _("Laissez vide pour garder le document de l’acte.")
        typed = _TYPED_IN[act.code].base_fields if act.code in _TYPED_IN else {}
        self.numbers = [name for name in _NUMBERS if name in act.data]
        for name in self.numbers:
            known = typed.get(name) or LineField(label=_("Référence"), max_length=100)
            self.fields[name] = copy.deepcopy(known)
            self.fields[name].initial = act.data[name]
        if act.text:
            self.fields["text"] = text_field(_("Texte de l’acte"), initial=act.text)
        self.order_fields(["reason", "effective_on", *self.numbers, "text", "document"])

    @property
    def effective_at(self) -> date | datetime | None:
        """The act's own instant when its day is kept, so that it stays after those of that day."""
        day = super().effective_at
        same = day == self.act.effective_at.astimezone(PARIS).date()
        return self.act.effective_at if same else day

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        numbers = {name: values.pop(name) for name in self.numbers}
        changed = {name: new for name, new in numbers.items() if new != self.act.data[name]}
        return values | {"act": self.act, "data": changed}
