"""Forms of the account pages: each message says what to do."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.common.digits import packed
from portal.common.fields import AddressField, LineField, NameField, SirenField
from portal.common.fold import same

from .models import Invitation, Membership, Organisation, User
from .permissions import can_name_manager, invitable_organisations
from .tokens import MAX_DAYS


_REQUIRED = {"required": _("Remplissez ce champ.")}
PASSWORD_HELP = _("Au moins 12 caractères, sans mot de passe courant ni vos nom et adresse.")


def _password(label: Any, *, new: bool, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        strip=False,
        widget=forms.PasswordInput(
            attrs={
                "autocomplete": "new-password" if new else "current-password",
                "data-show-label": _("Afficher"),
            }
        ),
        error_messages=_REQUIRED,
    )


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("Nom d’utilisateur"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages=_REQUIRED,
    )
    password = _password(_("Mot de passe"), new=False)


class EmailForm(forms.Form):
    email = AddressField(
        label=_("Adresse électronique"),
        help_text=_("Format attendu : nom@exemple.fr"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages=_REQUIRED
        | {"invalid": _("Écrivez une adresse complète, par exemple nom@exemple.fr.")},
    )


class IdentityForm(forms.ModelForm):
    first_name = NameField(
        label=_("Prénom"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        error_messages=_REQUIRED,
    )
    last_name = NameField(
        label=_("Nom"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
        error_messages=_REQUIRED,
    )
    title = NameField(
        label=_("Fonction"),
        help_text=_("Par exemple : épidémiologiste, cheffe de projet."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "title")


class RegistrationForm(IdentityForm):
    """The account of a confirmed address: opened from the link only."""

    username = LineField(
        label=_("Nom d’utilisateur"),
        help_text=_("Il sert à vous connecter. Lettres, chiffres et . + - _ @, sans espace."),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages=_REQUIRED,
    )
    password1 = _password(_("Mot de passe"), new=True, help_text=PASSWORD_HELP)
    password2 = _password(_("Mot de passe, une seconde fois"), new=True)
    field_order = ("first_name", "last_name", "title", "username", "password1", "password2")

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_username(self) -> str:
        username: str = User.normalize_username(self.cleaned_data["username"])
        taken = User.objects.values_list("username", flat=True)
        if any(same(username, other) for other in taken.iterator()):
            raise ValidationError(_("Ce nom d’utilisateur est déjà pris. Choisissez-en un autre."))
        return username

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, second = data.get("password1"), data.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("Les deux mots de passe diffèrent. Retapez-les."))
        elif first:
            person = User(
                username=data.get("username", ""),
                email=self.email,
                first_name=data.get("first_name", ""),
                last_name=data.get("last_name", ""),
            )
            try:
                password_validation.validate_password(first, person)
            except ValidationError as error:
                self.add_error("password1", error)
        return data

    def identity(self) -> dict[str, str]:
        """Fields of the person, without the user name and the password."""
        return {name: self.cleaned_data[name] for name in ("first_name", "last_name", "title")}


class NewPasswordForm(SetPasswordForm):
    new_password1 = _password(_("Nouveau mot de passe"), new=True, help_text=PASSWORD_HELP)
    new_password2 = _password(_("Nouveau mot de passe, une seconde fois"), new=True)
    error_messages = {"password_mismatch": _("Les deux mots de passe diffèrent. Retapez-les.")}


class PasswordChangeForm(NewPasswordForm):
    old_password = _password(_("Mot de passe actuel"), new=False)
    field_order = ("old_password", "new_password1", "new_password2")

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if not self.user.check_password(old):
            raise ValidationError(_("Ce n’est pas votre mot de passe actuel. Retapez-le."))
        return old


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        help_text=_("Les six chiffres de votre application, ou un code de secours."),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages=_REQUIRED,
    )

    def clean_code(self) -> str:
        return packed(self.cleaned_data["code"])


class TermsForm(forms.Form):
    accept = forms.BooleanField(
        label=_("J’ai lu et j’accepte les conditions d’utilisation"),
        error_messages={"required": _("Cochez la case pour accepter les conditions.")},
    )


class TokenForm(forms.Form):
    name = LineField(
        label=_("Nom du jeton"),
        help_text=_("Pour le reconnaître : l’outil ou la machine qui s’en sert."),
        max_length=100,
        error_messages=_REQUIRED,
    )
    days = forms.TypedChoiceField(
        label=_("Durée"),
        coerce=int,
        choices=[(30, _("30 jours")), (90, _("90 jours")), (MAX_DAYS, _("un an"))],
        initial=90,
    )


class MembershipForm(forms.Form):
    """One's organisation: chosen in the list, or described when it is not there."""

    organisation = forms.ModelChoiceField(
        label=_("Organisme"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=_("Mon organisme n’est pas dans la liste"),
    )
    name = NameField(
        label=_("Nom de l’organisme"),
        help_text=_("Seulement s’il n’est pas dans la liste ci-dessus."),
        max_length=200,
        required=False,
    )
    acronym = NameField(label=_("Sigle"), max_length=30, required=False)
    siren = SirenField(
        label=_("SIREN"),
        help_text=_("Neuf chiffres, pour un organisme français. Exemple : 732 829 320."),
        required=False,
    )
    address = forms.CharField(
        label=_("Adresse postale"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    website = forms.URLField(label=_("Site"), required=False, assume_scheme="https")
    to_sign = forms.BooleanField(
        label=_("Je demande la capacité de signer les demandes pour cet organisme"),
        help_text=_("Réservé au représentant légal ou à la personne à qui il a délégué."),
        required=False,
    )
    NEW = ("name", "acronym", "siren", "address", "website")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        mine = Membership.objects.open().filter(user=user).values("organisation_id")
        for name in ("organisation", "name"):  # one or the other: neither is optional
            self.fields[name].conditional = True  # type: ignore[attr-defined]
        field = self.fields["organisation"]
        field.queryset = Organisation.objects.joinable().exclude(pk__in=mine)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("organisation") and data.get("name"):
            self.add_error(
                "name", _("Choisissez un organisme de la liste, ou décrivez-en un : pas les deux.")
            )
        elif not data.get("organisation") and not data.get("name"):
            self.add_error(
                "organisation", _("Choisissez un organisme, ou donnez son nom plus bas.")
            )
        elif data.get("name"):
            self._refuse_known(data["name"], data.get("siren", ""))
        return data

    def _refuse_known(self, name: str, siren: str) -> None:
        """One organisation is described once: listed, stopped or waiting for the secretariat."""
        listed = list(Organisation.objects.joinable().order_by("name"))
        known = next((one for one in listed if same(one.name, name)), None)
        if known is None and siren:
            known = next((one for one in listed if one.siren == siren), None)
        if known is not None:
            text = _("Cet organisme est dans la liste sous le nom « %(name)s » : choisissez-le.")
            self.add_error("organisation", text % {"name": known.name})
            return
        mine = Membership.objects.open().filter(user=self.user).values("organisation_id")
        waiting = Organisation.objects.filter(proposed_at__isnull=False)
        if any(same(one.name, name) for one in waiting.filter(pk__in=mine)):
            self.add_error("name", _("Vous l’avez déjà proposé : attendez la réponse."))
        elif siren and waiting.filter(siren=siren).exists():
            self.add_error(
                "siren",
                _(
                    "Un organisme de ce SIREN est déjà proposé. Le secrétariat l’examine :"
                    " choisissez-le dans la liste dès qu’il y figure."
                ),
            )
        elif siren and Organisation.objects.filter(siren=siren).exists():
            self.add_error(
                "siren",
                _("L’organisme de ce SIREN ne peut pas être rejoint : écrivez au secrétariat."),
            )

    def described(self) -> dict[str, Any]:
        """Fields of a new organisation."""
        return {name: self.cleaned_data[name] for name in self.NEW}


class AnswerForm(forms.Form):
    """The answer to a membership: all that is asked, the membership alone, or nothing of it.

    Each answer says what it gives: what is refused of a demand is chosen, with its reason, and
    never a box that was left alone.
    """

    ACCEPT, SIGN, MEMBER, REFUSE = "accept", "sign", "member", "refuse"
    answer = forms.ChoiceField(
        label=_("Votre réponse"), widget=forms.RadioSelect, error_messages=_REQUIRED
    )
    manager = forms.BooleanField(
        label=_("Cette personne gère les appartenances de l’organisme"), required=False
    )
    reason = forms.CharField(
        label=_("Motif de ce que vous refusez"),
        help_text=_("La personne le lira."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, membership: Membership, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        member = membership.confirmed_at is not None
        if member:
            choices = [
                (self.SIGN, _("Confirmer la capacité de signer")),
                (self.REFUSE, _("Refuser la capacité de signer")),
            ]
        elif membership.asks_to_sign:
            choices = [
                (self.SIGN, _("Confirmer l’appartenance et la capacité de signer")),
                (self.MEMBER, _("Confirmer l’appartenance, refuser la capacité de signer")),
                (self.REFUSE, _("Refuser l’une et l’autre")),
            ]
        else:
            choices = [
                (self.ACCEPT, _("Confirmer l’appartenance")),
                (self.REFUSE, _("Refuser l’appartenance")),
            ]
        self.fields["answer"].choices = choices  # type: ignore[attr-defined]
        if member or membership.asks_to_sign:
            self.fields["answer"].help_text = _(
                "Avant de confirmer la capacité de signer, vérifiez sa qualité : représentant légal"
                " ou délégation écrite."
            )
        if member or not can_name_manager(user):
            del self.fields["manager"]
        self.fields["reason"].conditional = True  # type: ignore[attr-defined]
        self.signing_only = member

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        refusing = data.get("answer") in {self.MEMBER, self.REFUSE}
        if refusing and not data.get("reason", "").strip():
            self.add_error("reason", _("Donnez le motif du refus : la personne le lira."))
        return data

    @property
    def may_sign(self) -> bool:
        return bool(self.cleaned_data["answer"] == self.SIGN)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Motif"),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Donnez un motif.")},
    )


class InvitationForm(forms.Form):
    """Invitations that are sent from the account: representatives and holders."""

    kind = forms.ChoiceField(label=_("Invitation comme"), widget=forms.RadioSelect)
    email = AddressField(
        label=_("Adresse électronique de la personne"),
        help_text=_("L’invitation ne vaudra que pour cette adresse."),
        error_messages=_REQUIRED
        | {"invalid": _("Écrivez une adresse complète, par exemple nom@exemple.fr.")},
    )
    organisation = forms.ModelChoiceField(
        label=_("Organisme"),
        queryset=Organisation.objects.none(),
        empty_label=_("Choisir un organisme"),
        error_messages={"required": _("Choisissez un organisme.")},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowed = {
            kind: invitable_organisations(user, kind)
            for kind in (Invitation.Kind.REPRESENTATIVE, Invitation.Kind.HOLDER)
        }
        kinds = [kind for kind, found in self.allowed.items() if found.exists()]
        self.fields["kind"].choices = [(kind.value, kind.label) for kind in kinds]  # type: ignore[attr-defined]
        if len(kinds) == 1:
            self.initial.setdefault("kind", kinds[0].value)
        ids = {pk for found in self.allowed.values() for pk in found.values_list("pk", flat=True)}
        self.fields["organisation"].queryset = Organisation.objects.filter(pk__in=ids)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        kind, organisation = data.get("kind"), data.get("organisation")
        if kind and organisation:
            found = self.allowed[Invitation.Kind(kind)].filter(pk=organisation.pk)
            if not found.exists():
                self.add_error(
                    "organisation",
                    _(
                        "Cette invitation n’est pas possible pour cet organisme."
                        " Choisissez-en un autre."
                    ),
                )
        return data
