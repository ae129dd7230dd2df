"""Acts of the applicant once the file is deposited."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.models import RequestState

from .base import ActForm, text_field


class AnswerPointsForm(ActForm):
    """One answer per point of the opinion, then go or stop (A15)."""

    def __init__(self, *args: Any, points: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.points = points
        for point in points:
            self.fields[f"answer_{point['number']}"] = text_field(
                _("Réponse au point %(number)s") % {"number": point["number"]},
                required=False,
                rows=3,
                help_text=point["text"],
            )
            self.mark_conditional(f"answer_{point['number']}")
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
                name = f"answer_{point['number']}"
                if not cleaned.get(name):
                    self.add_error(name, _("Répondez à ce point avant de poursuivre."))
        return cleaned

    def payload(self) -> dict[str, Any]:
        return {
            "decision": self.cleaned_data["decision"],
            "answers": {
                point["number"]: self.cleaned_data[f"answer_{point['number']}"]
                for point in self.points
            },
        }


class WithdrawForm(ActForm):
    intro = _("La demande s’arrête. Elle reste consultable.")
    reason = text_field(
        _("Motif"), rows=3, error_messages={"required": _("Indiquez le motif du retrait.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.access_request.state == RequestState.DRAFT:  # nobody is waiting for it
            self.fields["reason"].required = False
