"""Signing a frozen version, online or by depositing its signed PDF; saying who signed on paper."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.fields import LineField, NameField, WholeNumberField
from portal.common.forms import mark_conditional
from requests_app.models import AccessRequest
from requests_app.rights import standing


OTHER = "other"


class SignForm(forms.Form):
    """The version and fingerprint that the person has read; a stale page is refused."""

    version = WholeNumberField(widget=forms.HiddenInput)
    sha256 = forms.CharField(widget=forms.HiddenInput)
    confirm = forms.BooleanField(
        label=_("J’ai lu cette version et je la signe au nom de l’organisme"),
        error_messages={"required": _("Cochez cette case pour signer.")},
    )


class PaperSignatory(forms.Form):
    """Fields that name who signed on paper: a confirmed signatory when there is one, or words."""

    def name_signatory(
        self, request: AccessRequest, *, known: dict[str, Any] | None = None
    ) -> None:
        """Add the fields; `known` is what was said before."""
        people = standing.confirmed_signatories(request)
        said = known or {}
        if people:
            choices = [
                ("", _("Choisissez")),
                *((str(one.pk), str(one)) for one in people),
                (OTHER, _("Une autre personne, à nommer")),
            ]
            self.fields["signatory"] = forms.ChoiceField(
                label=_("Qui a signé"),
                choices=choices,
                initial=said.get("_signatory") or (OTHER if said.get("_name") else ""),
                error_messages={"required": _("Indiquez qui a signé.")},
            )
        named = _("Si la personne n’est pas dans la liste.") if people else ""
        self.fields["signatory_name"] = NameField(
            label=_("Nom de la personne qui a signé"),
            max_length=140,
            required=not people,
            initial=said.get("_name", ""),
            help_text=named,
            error_messages={"required": _("Écrivez le nom de la personne qui a signé.")},
        )
        self.fields["signatory_capacity"] = LineField(
            label=_("Sa qualité"),
            max_length=140,
            required=not people,
            initial=said.get("_capacity", ""),
            help_text=_("Par exemple : directrice générale, par délégation du président."),
            error_messages={"required": _("Écrivez la qualité de la personne qui a signé.")},
        )
        if people:
            mark_conditional(self, "signatory_name", "signatory_capacity")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("signatory") == OTHER:
            for name in ("signatory_name", "signatory_capacity"):
                if name in cleaned and not cleaned[name]:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return cleaned

    def signatory(self) -> dict[str, str]:
        """The payload: an id, or a name and a capacity."""
        chosen = self.cleaned_data.get("signatory", OTHER)
        if chosen != OTHER:
            return {"signatory": chosen}
        return {name: self.cleaned_data[name] for name in ("signatory_name", "signatory_capacity")}


class SignedVersionForm(PaperSignatory, forms.Form):
    """The signed PDF of the frozen version, and who signed it."""

    file = forms.FileField(
        label=_("Version signée"),
        help_text=_("Le PDF de la version, signé par le représentant légal ; 25 Mo au plus."),
        error_messages={"required": _("Choisissez le PDF signé.")},
    )

    def __init__(self, *args: Any, request: AccessRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name_signatory(request)
