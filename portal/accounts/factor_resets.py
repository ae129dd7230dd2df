"""Resetting the second factor of somebody who holds powers takes two administrators (ADR 0008).

A single one, with the address of the account changed, would otherwise become anybody.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from . import second_factor, signals
from .links import absolute
from .models import FactorReset, FormerEmail, Membership, Role, RoleAssignment, User
from .owners import tell_owner
from .permissions import is_administrator, needs_second_factor


VALID = timedelta(days=3)
COOLING = timedelta(days=3)
# What was taken from a person, or given to an administrator, less than this ago is not yet settled:
# ending a role, or naming a colleague, just before would otherwise go round the second person.
SETTLED = timedelta(days=7)


def holds_powers(user: User) -> bool:
    """Whether two administrators are needed: a role, a signature or an organisation to manage,
    held, asked for or until lately; an access or a part in a file, as the rooms above say; whether
    or not the account is suspended."""
    lately = Q(ended_at=None) | Q(ended_at__gte=timezone.now() - SETTLED)
    if RoleAssignment.objects.filter(lately, user=user).exists():
        return True
    # Unconfirmed too: whoever confirms it next confirms it to who holds the account by then.
    engaged = Q(can_sign_since__isnull=False) | Q(is_manager=True) | Q(asks_to_sign=True)
    if Membership.objects.filter(lately, engaged, user=user).exists():
        return True
    return needs_second_factor(user) or signals.holds_above(user, lately=SETTLED)


def first_factor_from(user: User) -> datetime | None:
    """When who holds powers and has no factor yet may install one; None: now.

    Not just after an administrator gave the account another address: with the password link read
    there, they would install theirs. The former address, told of it, has that long to write.
    """
    if second_factor.has_second_factor(user) or not holds_powers(user):
        return None
    since = timezone.now() - COOLING
    moved = FormerEmail.objects.filter(user=user, ended_at__gte=since).exclude(changed_by=user)
    last = moved.order_by("-ended_at").first()
    return last.ended_at + COOLING if last is not None else None


def propose(user: User, *, by: User, reason: str) -> FactorReset:
    """Ask for another administrator's confirmation. Raises PermissionDenied, and ValidationError
    when there is nothing to reset or it is proposed already."""
    if not is_administrator(by) or by.pk == user.pk:
        raise PermissionDenied
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # one proposal of two at once
        if not second_factor.has_second_factor(user):
            raise ValidationError(
                _("%(person)s n’a pas de second facteur : rien à réinitialiser.") % {"person": user}
            )
        waiting = FactorReset.objects.filter(user=user, confirmed_at=None, cancelled_at=None)
        if waiting.open().exists():
            raise ValidationError(
                _("Une réinitialisation est déjà proposée pour %(person)s : confirmez-la, ou"
                  " annulez-la d’abord.") % {"person": user}
            )  # fmt: skip
        now = timezone.now()
        waiting.update(cancelled_at=now)  # those that count no more
        proposal = FactorReset.objects.create(
            user=user, proposed_by=by, reason=reason, created_at=now, expires_at=now + VALID
        )
        signals.event("account.factor_reset_propose", by=by, on=proposal, text=reason,
                      data={"user": str(user.pk)})  # fmt: skip
        context = {"by": str(by), "reason": reason, "expires_at": proposal.expires_at}
        tell_owner("factor_reset_proposed", user=user, context=context)
        page = absolute(reverse("admin:accounts_factorreset_change", args=[proposal.pk]))
        signals.mail(
            "factor_reset_to_confirm",
            to=confirmers(proposal),
            context=context | {"person": str(user), "url": page},
        )
    return proposal


def confirmers(proposal: FactorReset) -> list[User]:
    """Administrators whom nothing keeps from confirming now."""
    return [one for one in administrators() if not why_not(proposal, by=one)]


def administrators() -> list[User]:
    held = RoleAssignment.objects.active().filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return list(User.objects.filter(pk__in=held.values("user_id")))


def behind(user: User, *, since: datetime) -> set[UUID]:
    """The person, and who made them lately what they are: granted them administration, or changed
    their address, and so on upwards."""
    found, waiting = {user.pk}, [user.pk]
    while waiting:
        pk = waiting.pop()
        granted = RoleAssignment.objects.active().filter(
            user=pk, role=Role.ADMINISTRATOR, granted_at__gte=since, granted_by__isnull=False
        )
        moved = FormerEmail.objects.filter(user=pk, ended_at__gte=since).exclude(changed_by=pk)
        makers = {*granted.values_list("granted_by", flat=True)}
        makers |= {*moved.values_list("changed_by", flat=True)}
        waiting += makers - found
        found |= makers
    return found


def why_not(proposal: FactorReset, *, by: User) -> str:
    """What keeps this person from confirming, in words; "" when nothing does.

    The page asks it before it shows the button, and `confirm` before it acts.
    """
    if by.pk == proposal.user_id:
        return _("Il s’agit de votre propre compte : un autre administrateur doit confirmer.")
    if by.pk == proposal.proposed_by_id:
        return _("Vous l’avez proposée : un autre administrateur doit confirmer.")
    if not FactorReset.objects.open().filter(pk=proposal.pk).exists():
        return _(
            "Elle n’est plus à confirmer : confirmée, annulée, expirée, ou proposée par quelqu’un"
            " qui n’est plus administrateur. Proposez-la de nouveau s’il le faut."
        )
    mine = RoleAssignment.objects.active().filter(user=by, role=Role.ADMINISTRATOR)
    if not mine.filter(granted_at__lt=proposal.created_at).exists():
        return _("Vous n’étiez pas administrateur quand elle a été proposée : un autre confirme.")
    since = timezone.now() - SETTLED
    if behind(by, since=since) & behind(proposal.proposed_by, since=since):
        return _(
            "L’un de vous deux doit à l’autre, depuis moins de %(days)s jours, son rôle ou son"
            " adresse : un administrateur indépendant doit confirmer."
        ) % {"days": SETTLED.days}
    return ""


def confirm(proposal: FactorReset, *, by: User) -> None:
    """Reset the factor, as proposed by another. Raises PermissionDenied, and ValidationError with
    the reason of `why_not`; a refusal is in the log."""
    if not is_administrator(by):
        raise PermissionDenied
    with transaction.atomic():
        locked = FactorReset.objects.select_for_update(of=("self",)).get(pk=proposal.pk)
        reason = why_not(locked, by=by)
        if not reason:
            locked.confirmed_by, locked.confirmed_at = by, timezone.now()
            locked.save(update_fields=["confirmed_by", "confirmed_at"])
            second_factor.reset_by_two(locked.user, proposal=locked)
    if reason:
        signals.refusal("account.factor_reset_confirm", by=by, on=proposal)
        raise ValidationError(reason)


def cancel(proposal: FactorReset, *, by: User, reason: str = "") -> bool:
    """By the person concerned or an administrator; False when there was nothing left to cancel.

    Raises PermissionDenied.
    """
    if by.pk != proposal.user_id and not is_administrator(by):
        raise PermissionDenied
    with transaction.atomic():
        waiting = FactorReset.objects.filter(pk=proposal.pk, confirmed_at=None, cancelled_at=None)
        if not waiting.update(cancelled_at=timezone.now(), cancelled_by=by):
            return False
        signals.event("account.factor_reset_cancel", by=by, on=proposal, text=reason)
        tell_owner("factor_reset_cancelled", user=proposal.user, context={"by": str(by)})
        if by.pk == proposal.user_id:
            signals.mail(
                "factor_reset_refused",
                to=administrators(),
                context={"person": str(proposal.user), "by": str(proposal.proposed_by)},
            )
    return True


def ask_reset(user: User, *, by: User, reason: str) -> str | None:
    """What the administration's button does: at once, or a proposal (then words that say so)."""
    if by.pk == user.pk or not holds_powers(user):
        second_factor.reset(user, by=by, reason=reason)
        return None
    proposal = propose(user, by=by, reason=reason)
    if not confirmers(proposal):
        return _(
            "Proposé pour %(person)s, mais aucun administrateur ne peut le confirmer aujourd’hui :"
            " il en faut un autre que vous, qui ne vous doive ni son rôle ni son adresse depuis"
            " moins de %(days)s jours. Nommez-en un, ou faites utiliser un code de secours, puis"
            " proposez de nouveau."
        ) % {"person": user, "days": SETTLED.days}
    return _(
        "Proposé pour %(person)s, qui a un rôle, une signature, un organisme à gérer, un accès ou"
        " une part dans une demande : un autre administrateur doit confirmer avant le"
        " %(day)s. La personne en est prévenue."
    ) % {"person": user, "day": timezone.localtime(proposal.expires_at).strftime("%d/%m à %H h %M")}
