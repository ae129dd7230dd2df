"""Closing the door to a person or to a whole organisation (A30), and opening it again.

The rooms above hear of a suspension and suspend what was open. Lifting it reopens nothing by
itself.
"""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from . import signals
from .models import ApiToken, Organisation, User
from .permissions import is_administrator


def suspend_person(user: User, *, by: User, reason: str) -> None:
    """No more login, sessions and tokens die; accesses are suspended by the rooms above."""
    if not is_administrator(by) or by.pk == user.pk:
        raise PermissionDenied
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            return
        ApiToken.objects.filter(user=user, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
        signals.event("account.suspend", by=by, on=user, text=reason)
        signals.access_suspended.send(
            sender=None, user=user, organisation=None, by=by, reason=reason
        )
        signals.mail("suspended", to=[user.email], context={"reason": reason})


def resume_person(user: User, *, by: User, reason: str) -> None:
    """Login is possible again; tokens stay revoked, and an operator resumes the accesses."""
    if not is_administrator(by) or by.pk == user.pk:
        raise PermissionDenied
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            return
        signals.event("account.resume", by=by, on=user, text=reason)


def suspend_organisation(organisation: Organisation, *, by: User, reason: str) -> None:
    """Its people sign nothing more and its accesses are suspended."""
    if not is_administrator(by):
        raise PermissionDenied
    with transaction.atomic():
        if not Organisation.objects.filter(pk=organisation.pk, suspended_at__isnull=True).update(
            suspended_at=timezone.now(), suspension_reason=reason
        ):
            return
        signals.event("organisation.suspend", by=by, on=organisation, text=reason)
        signals.access_suspended.send(
            sender=None, user=None, organisation=organisation, by=by, reason=reason
        )


def resume_organisation(organisation: Organisation, *, by: User, reason: str) -> None:
    if not is_administrator(by):
        raise PermissionDenied
    with transaction.atomic():
        if not Organisation.objects.filter(pk=organisation.pk, suspended_at__isnull=False).update(
            suspended_at=None, suspension_reason=""
        ):
            return
        signals.event("organisation.resume", by=by, on=organisation, text=reason)
