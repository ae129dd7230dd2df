"""Acts of the operator on accesses: each has a reason, told to those concerned."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Motif"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Il est transmis aux personnes concernées et gardé au journal."),
    )


class ConsultationForm(forms.Form):
    """Why an administrator opens a file: kept in the log before anything is shown."""

    reason = forms.CharField(
        label=_("Motif de la consultation"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("L’accès dure une heure ; le motif et chaque page vue sont au journal."),
    )
