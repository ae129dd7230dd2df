"""Filters of the inbox, kept in the address."""

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.models import RequestState


class InboxFilterForm(forms.Form):
    q = forms.CharField(label=_("Numéro ou titre"), required=False, max_length=100)
    etape = forms.CharField(required=False, max_length=60)
    a_moi = forms.BooleanField(label=_("Qui me sont attribués"), required=False)
    en_retard = forms.BooleanField(label=_("En retard"), required=False)


class RequestsFilterForm(forms.Form):
    """Filters of the list of requests; a value nobody offered is left out."""

    q = forms.CharField(label=_("Numéro ou titre"), required=False, max_length=100)
    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("Tous")), *RequestState.choices]
    )


class NoteForm(forms.Form):
    text = forms.CharField(
        label=_("Note interne"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Visible du guichet seulement : ni le demandeur ni le comité ne la voient."),
    )
