"""The applicant's answer to the opinion."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.common.forms import mark_conditional
from requests_app.workflow.kinds.answer import points_of

from .base import ActForm, Callouts, Line, text_field


class AnswerPointsForm(ActForm):
    """One answer per point of the opinion, then go or stop (A15)."""

    verb = "answer_points"
    with_the_file = True
    beside = frozenset({"reports", "remarks", "opinions"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.points = points_of(self.access_request)
        for point in self.points:
            self.fields[f"answer_{point.key}"] = text_field(
                _("Réponse au point %(number)s") % {"number": point.words},
                required=False,
                rows=3,
                help_text=point.text,
            )
            mark_conditional(self, f"answer_{point.key}")
        self.fields["decision"] = forms.ChoiceField(
            label=_("Suite donnée"),
            choices=[
                (
                    "go",
                    _("Poursuivre : la procédure continue avec vos réponses et vos corrections"),
                ),
                ("stop", _("Renoncer : la demande s’arrête ici et reste consultable")),
            ],
            widget=forms.RadioSelect,
            error_messages={"required": _("Indiquez si vous poursuivez ou si vous renoncez.")},
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("decision") == "go":
            for point in self.points:
                name = f"answer_{point.key}"
                if not cleaned.get(name):
                    self.add_error(name, _("Répondez à ce point avant de poursuivre."))
        return cleaned

    def payload(self) -> dict[str, Any]:
        return {
            "decision": self.cleaned_data["decision"],
            "answers": {
                point.key: self.cleaned_data[f"answer_{point.key}"] for point in self.points
            },
        }

    def callouts(self) -> Callouts:
        url = reverse("requests_app:draft", args=[self.access_request.pk])
        line = Line(gettext("Corriger le dossier ; la version corrigée part avec la réponse"), url)
        return [(gettext("Avant de répondre, si l’avis le demande"), [line])]
