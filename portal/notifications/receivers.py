"""What notifications hear from the rooms below them (signals of `portal.accounts`)."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _

from portal.accounts import signals
from portal.accounts.models import User

from .base import Notice
from .models import Message


class AccountNotice(Notice):
    """Messages about accounts; the code of the signal follows `account.`."""


class ConfirmAddress(AccountNotice):
    code = "account.confirm"
    label = _("lien de création de compte")
    sensitive = True


class AccountExists(AccountNotice):
    code = "account.exists"
    label = _("rappel d’un compte existant")


class EmailChange(AccountNotice):
    code = "account.email_change"
    label = _("lien de changement d’adresse")
    sensitive = True


class EmailChanged(AccountNotice):
    code = "account.email_changed"
    label = _("adresse changée")


class EmailNew(AccountNotice):
    code = "account.email_new"
    label = _("adresse donnée par un administrateur")


class PasswordReset(AccountNotice):
    code = "account.reset"
    label = _("lien de mot de passe")
    sensitive = True


class PasswordChanged(AccountNotice):
    code = "account.password_changed"
    label = _("mot de passe changé")


class Suspended(AccountNotice):
    code = "account.suspended"
    label = _("compte suspendu")


class SecondFactorChanged(AccountNotice):
    code = "account.second_factor_changed"
    label = _("second facteur changé")


class ResetAsked(AccountNotice):
    code = "account.reset_asked"
    label = _("lien de mot de passe demandé, dit à l’ancienne adresse")


class FactorResetProposed(AccountNotice):
    code = "account.factor_reset_proposed"
    label = _("réinitialisation du second facteur proposée")


class FactorResetToConfirm(AccountNotice):
    code = "account.factor_reset_to_confirm"
    label = _("réinitialisation du second facteur à confirmer")


class FactorResetCancelled(AccountNotice):
    code = "account.factor_reset_cancelled"
    label = _("réinitialisation du second facteur annulée")


class FactorResetRefused(AccountNotice):
    code = "account.factor_reset_refused"
    label = _("réinitialisation du second facteur refusée par la personne")


class AdministratorNamed(AccountNotice):
    code = "account.administrator_named"
    label = _("administrateur nommé")


class TokenCreated(AccountNotice):
    code = "account.token_created"
    label = _("jeton d’API créé")


class RoleGranted(AccountNotice):
    code = "account.role_granted"
    label = _("rôle attribué")


class MembershipAsked(AccountNotice):
    code = "account.membership_asked"
    label = _("appartenance à confirmer")


class MembershipConfirmed(AccountNotice):
    code = "account.membership_confirmed"
    label = _("appartenance confirmée")


class MembershipRefused(AccountNotice):
    code = "account.membership_refused"
    label = _("appartenance refusée")


class MembershipEnded(AccountNotice):
    code = "account.membership_ended"
    label = _("appartenance terminée")


class InvitationSent(AccountNotice):
    code = "account.invitation"
    label = _("invitation")
    sensitive = True


NOTICES: dict[str, type[Notice]] = {
    notice.code.removeprefix("account."): notice for notice in AccountNotice.__subclasses__()
}


@receiver(signals.address_replaced, dispatch_uid="notifications.address_replaced")
def address_replaced(*, user: User, old: str, **_kwargs: Any) -> None:
    """What was written to a person of their account and has not left goes to the address they read
    then, too: whoever replaces it would otherwise receive the warning in their stead.

    Never a link that acts by itself. One being sent may leave for either address.
    """
    waiting = Message.objects.filter(
        recipient=user,
        code__startswith="account.",
        sensitive=False,
        state__in=[Message.State.PENDING, Message.State.SENDING],
    )
    Message.objects.bulk_create(
        Message(
            code=one.code,
            address=old,
            subject=one.subject,
            body=one.body,
            about=one.about,
            created_at=one.created_at,
        )
        for one in waiting
    )


@receiver(signals.mail_wanted, dispatch_uid="notifications.mail_wanted")
def mail_wanted(
    *,
    code: str,
    to: list[User | str],
    context: dict[str, Any],
    until: datetime | None = None,
    **_kwargs: Any,
) -> None:
    """A message the accounts room asks for, written in its transaction."""
    NOTICES[code].send(to, context, until=until)
