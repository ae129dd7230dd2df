"""What the log hears from the rooms below it (`portal.accounts`, the base of admin lists)."""

from typing import Any
from uuid import UUID

from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts import signals
from portal.accounts.models import User
from portal.common.signals import admin_looked, admin_refused

from .actions import register
from .record import record, record_refusal, record_view


# Accounts lie below the log and cannot register their actions themselves.
ACCOUNT_ACTIONS = {
    "account.login": _("Connexion"),
    "account.logout": _("Déconnexion"),
    "account.registration_ask": _("Lien de création de compte demandé"),
    "account.register": _("Compte créé"),
    "account.identity_change": _("Identité modifiée"),
    "account.email_change": _("Adresse changée"),
    "account.reset_ask": _("Lien de mot de passe demandé"),
    "account.password_change": _("Mot de passe changé"),
    "account.terms_accept": _("Conditions d’utilisation acceptées"),
    "account.second_factor_enrol": _("Second facteur installé"),
    "account.second_factor_pass": _("Second facteur présenté"),
    "account.second_factor_fail": _("Code de second facteur faux"),
    "account.second_factor_remove": _("Second facteur retiré par son titulaire"),
    "account.second_factor_reset": _("Second facteur réinitialisé"),
    "account.factor_reset_propose": _("Réinitialisation du second facteur proposée"),
    "account.factor_reset_confirm": _("Réinitialisation du second facteur confirmée"),
    "account.factor_reset_cancel": _("Réinitialisation du second facteur annulée"),
    "account.recovery_codes": _("Codes de secours renouvelés"),
    "account.recovery_code_use": _("Code de secours utilisé"),
    "account.suspend": _("Personne suspendue"),
    "account.resume": _("Personne rétablie"),
    "account.create": _("Compte créé par un administrateur"),
    "account.change": _("Compte modifié par un administrateur"),
    "training.record": _("Formation enregistrée"),
    "declaration.record": _("Déclaration d’intérêts enregistrée"),
    "membership.ask": _("Appartenance demandée"),
    "membership.ask_to_sign": _("Capacité de signer demandée"),
    "membership.confirm": _("Appartenance confirmée"),
    "membership.refuse": _("Appartenance refusée"),
    "membership.refuse_to_sign": _("Capacité de signer refusée"),
    "membership.end": _("Appartenance terminée"),
    "organisation.establish": _("Organisme proposé accepté"),
    "organisation.create": _("Organisme créé par un administrateur"),
    "organisation.change": _("Organisme modifié par un administrateur"),
    "organisation.suspend": _("Organisme suspendu"),
    "organisation.resume": _("Organisme rétabli"),
    "invitation.send": _("Invitation envoyée"),
    "invitation.resend": _("Invitation renvoyée"),
    "invitation.cancel": _("Invitation annulée"),
    "invitation.accept": _("Invitation acceptée"),
    "role.grant": _("Rôle attribué"),
    "role.end": _("Rôle terminé"),
    "token.create": _("Jeton d’API créé"),
    "token.revoke": _("Jeton d’API retiré"),
}
for _code, _label in ACCOUNT_ACTIONS.items():
    register(_code, _label)


@receiver(signals.account_event, dispatch_uid="audit.account_event")
def account_event(
    *,
    action: str,
    by: User | None,
    on: Model | None,
    text: str,
    data: dict[str, Any],
    refused: bool,
    **_kwargs: Any,
) -> None:
    """An act of the accounts room, in its transaction; a refused one in its own."""
    if refused:
        record_refusal(action, by=by, on=on, text=text, data=data)
    else:
        record(action, by=by, on=on, text=text, data=data)


@receiver(admin_looked, dispatch_uid="audit.admin_looked")
def admin_look(
    *, request: HttpRequest, kind: str, on: Model | type[Model], about: UUID | None, **_kwargs: Any
) -> None:
    """One row per person, list or object, and hour. Raises AuditUnavailable (503)."""
    record_view(request, f"admin.{kind}_view", on=on, about=about)


@receiver(admin_refused, dispatch_uid="audit.admin_refused")
def admin_refusal(
    *, request: HttpRequest, model: type[Model] | None, detail: str, **_kwargs: Any
) -> None:
    """Each refused page or look-up. Raises AuditUnavailable (503)."""
    record_refusal(
        "admin.refuse",
        by=request.user,
        on=model,
        data={"asked": detail, "method": request.method or ""},
    )
