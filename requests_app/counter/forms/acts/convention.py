"""The convention: the act that creates rights in the French procedures."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation
from portal.common.calendar import legal_today
from portal.common.days import DayField, years_from_now
from portal.common.forms import field_of, mark_conditional
from requests_app.counter.forms.fields import RadioSelect
from requests_app.counter.reading import quotas
from requests_app.deadlines import access_period
from requests_app.models import RequestMember
from requests_app.permits import extraction
from requests_app.permits.parties import convention_parties
from requests_app.procedures.content import DELIVERY_MODES, is_available
from requests_app.procedures.parts import DAUGHTER_SYSTEM

from .addresses import AddressesField
from .base import ActForm, Callouts, Line, text_field


class RecordConventionForm(ActForm):
    """The act that creates rights: delivery mode, dates, parties, and each person's addresses."""

    verb = "record_convention"
    intro = _(
        "C’est l’acte qui ouvre les accès : chaque personne habilitée reçoit le sien dès que ses"
        " conditions sont réunies."
    )
    has_date = True
    has_document = True
    document_required = True
    delivery_mode = forms.ChoiceField(
        label=_("Mode de mise à disposition"),
        choices=list(DELIVERY_MODES.items()),
        widget=RadioSelect,
    )
    starts_on = DayField(
        label=_("Début de l’accès"), earliest=legal_today, latest=years_from_now(2)
    )
    # The latest start and the longest duration of any file; that of one is the act's rule.
    ends_on = DayField(label=_("Fin de l’accès"), earliest=legal_today, latest=years_from_now(22))
    longer_because = text_field(
        _("Motif d’une fin au-delà de la durée demandée"),
        required=False,
        rows=2,
        max_length=1000,
        help_text=_("Obligatoire au-delà de la durée demandée ; gardé dans l’acte."),
    )
    homologated_on = DayField(
        earliest=date(2000, 1, 1),
        latest=legal_today,
        label=_("Homologation du système fils, le"),
        required=False,
        help_text=_("Obligatoire pour un système fils."),
    )
    parties = forms.ModelMultipleChoiceField(
        label=_("Parties"),
        queryset=Organisation.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # by what the file asks for: CNAM for the main base, HDH and holders
        ids = convention_parties(self.access_request)
        parties = field_of(self, "parties", forms.ModelMultipleChoiceField)
        parties.queryset = Organisation.objects.filter(pk__in=ids)
        parties.initial = list(parties.queryset)
        self.persons = list(
            RequestMember.objects.current()
            .filter(request=self.access_request, has_data_access=True)
            .select_related("user")
        )
        addresses = [f"{self.ADDRESSES}{member.user_id}" for member in self.persons]
        for name, member in zip(addresses, self.persons, strict=True):
            self.fields[name] = AddressesField(
                label=_("Adresses de connexion de %(person)s") % {"person": member.user},
                required=False,
                help_text=_(
                    "Obligatoire pour un système fils : adresses ou réseaux, séparés par des"
                    " espaces."
                ),
            )
        mark_conditional(self, "homologated_on", "longer_because", *addresses)
        self._start_from_what_was_asked()
        period = ["starts_on", "ends_on", "longer_because"]
        first = ["delivery_mode", "homologated_on", *addresses, *period, "parties"]
        self.order_fields(first)

    def _start_from_what_was_asked(self) -> None:
        """The file says how the data are to be delivered and for how long: nothing typed twice."""
        asked = self.access_request.form.value(self.access_request.content, "delivery_mode")
        field = self.fields["delivery_mode"]
        field.widget.closed = {mode for mode in DELIVERY_MODES if not is_available(mode)}  # type: ignore[attr-defined]
        if asked in self.procedure.terms.delivery_modes and is_available(asked):
            field.initial = asked
        elif asked:
            field.help_text = _("Le dossier demande : %(mode)s.") % {
                "mode": DELIVERY_MODES.get(asked, asked)
            }
        known = self.period = access_period.frame(self.access_request, self.procedure)
        today = legal_today()
        starts, ends = (field_of(self, name, DayField) for name in ("starts_on", "ends_on"))
        starts.initial, ends.initial = today, known.asked_end(today)
        starts.set_bounds(known.first_start, known.last_start)
        ends.set_bounds(today, known.latest_end(known.last_start))
        ends.help_text = " ".join(access_period.lines(known, self._day_typed("starts_on") or today))

    def _day_typed(self, name: str) -> date | None:
        """The day sent for a field, before the form is cleaned; None when it is not one, or beyond
        the field's bounds: an end counted from the year 9999 is no date."""
        try:
            return self.fields[name].clean(self.data.get(name))
        except ValidationError:
            return None

    def ask_confirmation(self, name: str) -> None:
        """Confirming says which end, against which one was asked."""
        super().ask_confirmation(name)
        starts = self._day_typed("starts_on") or legal_today()
        ends = self._day_typed("ends_on") or self.period.asked_end(starts)
        self.fields["confirm"].help_text = " ".join(access_period.lines(self.period, starts, ends))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        starts, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts and ends:
            reason = cleaned.get("longer_because") or ""
            for name, words in access_period.faults(
                self.period, starts=starts, ends=ends, reason=reason
            ):
                self.add_error(name, words)
        daughter = cleaned.get("delivery_mode") == DAUGHTER_SYSTEM
        if daughter and not cleaned.get("homologated_on"):
            self.add_error("homologated_on", _("Indiquez la date d’homologation du système fils."))
        if not self.persons:
            self.add_error(None, _("Aucune personne habilitée n’est nommée dans le dossier."))
        for member in self.persons:
            name = f"{self.ADDRESSES}{member.user_id}"
            if daughter and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, _("Indiquez au moins une adresse pour cette personne."))
        return cleaned

    def payload(self) -> dict[str, Any]:
        values = {
            name: self.cleaned_data[name]
            for name in (
                "delivery_mode",
                "starts_on",
                "ends_on",
                "longer_because",
                "homologated_on",
            )
        }
        return values | {
            "parties": [str(organisation.pk) for organisation in self.cleaned_data["parties"]],
            "persons": [str(member.user_id) for member in self.persons],
        }

    def callouts(self) -> Callouts:
        request, known = self.access_request, self.period
        persons = [Line(str(member.user)) for member in self.persons]
        return [
            (gettext("Demandeur"), [Line(str(request.organisation))]),
            (
                gettext("Durée demandée"),
                [Line(text) for text in access_period.lines(known, legal_today())],
            ),
            (gettext("Personnes habilitées"), persons or [Line(gettext("aucune"))]),
            (gettext("Extraction"), [Line(extraction.state(request))]),
            (
                gettext("Quotas chez le fournisseur"),
                [Line(text) for text in quotas.lines(persons=max(len(persons), 1))],
            ),
        ]
