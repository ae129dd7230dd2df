"""Acts of the audition: convened, recorded."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common.calendar import legal_today
from portal.common.days import DayField, years_from_now
from portal.common.fields import LineField
from requests_app.workflow.kinds.audition import earliest_day, latest_day

from .base import ActForm, text_field
from .interests import MemberChoice, committee_members


class ConveneAuditionForm(ActForm):
    verb = "convene_audition"
    intro = _("Le demandeur et le comité reçoivent la convocation, puis un rappel avant la date.")
    on = DayField(label=_("Jour de l’audition"), earliest=legal_today, latest=years_from_now(1))
    hour = forms.TimeField(
        label=_("Heure"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Heure de Paris, par exemple 14:30."),
    )
    place = LineField(label=_("Lieu, ou lien de la réunion"), max_length=300)
    message = text_field(_("Ce que le demandeur prépare"), required=False, rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stage is not None:
            spec = self.procedure.stage(self.stage.code)
            self.fields["on"].set_bounds(earliest_day(spec), latest_day(spec))  # type: ignore[attr-defined]


class RecordAuditionForm(ActForm):
    verb = "record_audition"
    with_the_file = True
    beside = frozenset({"reports", "remarks"})
    outcome = forms.ChoiceField(label=_("Issue"), widget=forms.RadioSelect)
    text = text_field(_("Compte rendu"), help_text=_("Il est lu avec l’avis du comité."))
    present = MemberChoice(
        label=_("Membres présents"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stage is not None:
            spec = self.procedure.stage(self.stage.code)
            chosen = [(one.code, str(one.label)) for one in spec.outcomes if not one.tacit]
            self.fields["outcome"].choices = chosen  # type: ignore[attr-defined]
            self.fields["present"].queryset = committee_members(self.stage)  # type: ignore[attr-defined]

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        return values | {"present": list(values["present"])}
