"""From where each person will come to the data: fields of the acts that open rights."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.common.forms import mark_conditional
from requests_app.permits.source_addresses import AddressRefused, network
from requests_app.procedures.moves import CHOSEN
from requests_app.procedures.parts import DAUGHTER_SYSTEM
from requests_app.workflow import granting
from requests_app.workflow.definition import stage_moves

from .base import ActForm


class AddressesField(forms.CharField):
    """Addresses or networks, separated by anything; cleaned to CIDR."""

    def clean(self, value: object) -> list[str]:
        found = []
        for word in str(super().clean(value)).replace(",", " ").replace(";", " ").split():
            try:
                found.append(network(word))
            except AddressRefused as error:
                raise ValidationError(str(error)) from error
        return found


def ask_addresses(form: ActForm) -> None:
    """Where an outcome of the act opens rights by itself: for each person, as a convention asks."""
    request, procedure, stage = form.access_request, form.procedure, form.stage
    spec = procedure.stage(stage.code) if stage is not None else None
    if spec is None or not granting.asked_of(procedure, spec, form.verb):
        return
    if granting.delivery_mode(request, procedure) != DAUGHTER_SYSTEM:
        return
    chosen = stage_moves(spec)[form.verb].outcome == CHOSEN
    for person in granting.persons_of(request):
        name = f"{form.ADDRESSES}{person.pk}"
        form.fields[name] = AddressesField(
            label=_("Adresses de connexion de %(person)s") % {"person": person},
            required=not chosen,
            help_text=_("Adresses ou réseaux du système fils, séparés par des espaces."),
        )
        if chosen:  # another outcome opens nothing
            mark_conditional(form, name)
