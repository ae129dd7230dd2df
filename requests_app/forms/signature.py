"""Signing a frozen version, online or by depositing its signed PDF."""

from django import forms
from django.utils.translation import gettext_lazy as _


class SignForm(forms.Form):
    """The version and fingerprint that the person has read; a stale page is refused."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    sha256 = forms.CharField(widget=forms.HiddenInput)
    confirm = forms.BooleanField(
        label=_("J’ai lu cette version et je la signe au nom de l’organisme"),
        error_messages={"required": _("Cochez cette case pour signer.")},
    )


class SignedVersionForm(forms.Form):
    """The signed PDF of the frozen version."""

    file = forms.FileField(
        label=_("Version signée"),
        help_text=_("Le PDF de la version, signé par le représentant légal ; 25 Mo au plus."),
        error_messages={"required": _("Choisissez le PDF signé.")},
    )
