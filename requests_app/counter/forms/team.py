"""Inviting into a file, and removing from it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.fields import AddressField
from requests_app.models import RequestMember


Kind = RequestMember.Kind


PLACES = (
    (Kind.EDITOR, _("membre de l’équipe : lit et complète le dossier")),
    (Kind.NAMED, _("personne habilitée : accède aux données, sans lire le dossier")),
    (Kind.REPRESENTATIVE, _("représentant légal : signe la demande")),
)


class InviteForm(forms.Form):
    email = AddressField(
        label=_("Adresse électronique"),
        help_text=_("Un lien personnel y est envoyé, valable 14 jours."),
        error_messages={
            "required": _("Indiquez l’adresse de la personne."),
            "invalid": _("Cette adresse est incomplète. Exemple : prenom.nom@organisme.fr."),
        },
    )
    kind = forms.TypedChoiceField(
        label=_("Place dans le dossier"),
        coerce=Kind,
        choices=PLACES,
        widget=forms.RadioSelect,
        initial=Kind.EDITOR,
    )

    def __init__(self, *args: Any, opens_rights: bool, **kwargs: Any) -> None:
        """Without rights to open, nobody is named for access."""
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        if not opens_rights and isinstance(kind, forms.TypedChoiceField):
            kind.choices = [one for one in PLACES if one[0] != Kind.NAMED]


class RemoveForm(forms.Form):
    reason = forms.CharField(
        label=_("Motif"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000
    )

    def __init__(self, *args: Any, needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_reason:
            del self.fields["reason"]
        else:
            self.fields["reason"].error_messages["required"] = _("Indiquez le motif.")
