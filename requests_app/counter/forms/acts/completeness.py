"""Acts of the completeness check."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.common.fields import LineField
from portal.common.forms import mark_conditional
from requests_app.models import Stage
from requests_app.procedures.schema import Procedure
from requests_app.procedures.words import period_in_words
from requests_app.rights.visibility import Person
from requests_app.workflow import completeness_grid

from .base import ActForm, text_field


def completion_warnings(stage: Stage, procedure: Procedure) -> list[str]:
    """One message says everything: what is not judged yet, and whether it is the last."""
    found = []
    if left := completeness_grid.unreviewed(stage.request):
        found.append(
            ngettext(
                "%(n)d pièce n’est pas encore examinée : elle ne sera pas dans ce message.",
                "%(n)d pièces ne sont pas encore examinées : elles ne seront pas dans ce message.",
                left,
            )
            % {"n": left}
        )
    if completeness_grid.is_last_request(stage, procedure):
        found.append(_("Le demandeur a déjà été sollicité : cette demande est la dernière."))
    return found


class AcceptCompletenessForm(ActForm):
    verb = "accept_completeness"
    before = ("completeness", _("Contrôler les pièces"))
    intro = _(
        "Le dossier est complet : les délais des responsables de données et du comité commencent."
    )

    urgent = forms.BooleanField(label=_("Procédure d’urgence"), required=False)
    urgent_reason = text_field(_("Motif de l’urgence"), required=False, rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.procedure.committees:
            self.intro = _("Le dossier est complet : l’étape suivante commence.")
        clocks = [one.clock for one in self.procedure.stages if one.clock]
        short = next((clock.urgent_period for clock in clocks if clock.urgent_period), None)
        if short is None:  # the procedure knows no urgency
            del self.fields["urgent"], self.fields["urgent_reason"]
            return
        self.fields["urgent"].help_text = _("Le comité a %(period)s.") % {
            "period": period_in_words(short)
        }
        mark_conditional(self, "urgent_reason")
        self.fields["urgent_reason"].help_text = _("Obligatoire si la procédure est d’urgence.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("urgent") and not cleaned.get("urgent_reason"):
            self.add_error("urgent_reason", _("Motivez l’urgence."))
        return cleaned


class RequestCompletionForm(ActForm):
    verb = "request_completion"
    intro = _("Un seul message est envoyé ; il reprend les commentaires laissés sur chaque pièce.")
    message = text_field(_("Message au demandeur"), required=False)

    def warnings(self) -> list[str]:
        return completion_warnings(self.stage, self.procedure) if self.stage is not None else []

    @classmethod
    def start_from(cls, stage: Stage, *, user: Person, query: Mapping[str, str]) -> dict[str, Any]:
        """The desk's message: every piece to mend, with its comment."""
        return {"message": completeness_grid.completion_message(stage.request)}


class RedirectForm(ActForm):
    verb = "redirect"
    route = LineField(label=_("Procédure indiquée"), max_length=200)
    message = text_field(_("Explication donnée au demandeur"))


class CloseIncompleteForm(ActForm):
    verb = "close_incomplete"
    message = text_field(_("Explication donnée au demandeur"))
