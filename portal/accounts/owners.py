"""Telling the owner of an account what touches it, where they read their mail.

Whoever changes the address of an account would otherwise receive in its owner's stead what warns
the owner. For `TOLD` after a change, the former addresses hear of it too: never the links.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from . import signals
from .models import FormerEmail, User


TOLD = timedelta(days=30)


def addresses_of(user: User) -> "list[User | str]":
    """The person, and the addresses that were theirs not long ago."""
    since = timezone.now() - TOLD
    former = FormerEmail.objects.filter(user=user, ended_at__gte=since).values_list(
        "email", flat=True
    )
    # Letter for letter: ß is ss once folded, and another mailbox (`portal.common.fold`).
    return [user, *(email for email in dict.fromkeys(former) if email != user.email)]


def tell_owner(code: str, *, user: User, context: dict[str, Any]) -> None:
    """A message that warns: it holds no link that acts by itself."""
    signals.mail(code, to=addresses_of(user), context={"username": user.username} | context)


def email_replaced(*, user: User, old: str, by: User) -> None:
    """Called in the transaction of a change of address: kept, and told to all of them."""
    if old:
        signals.address_replaced.send(sender=None, user=user, old=old)
    if old and old != user.email:
        FormerEmail.objects.create(user=user, email=old, changed_by=by)
    context = {"username": user.username, "by_administrator": by.pk != user.pk}
    former = [one for one in addresses_of(user) if isinstance(one, str)]
    signals.mail("email_changed", to=former, context=context)
    if by.pk != user.pk:  # by the person, the new address was proved by its link
        signals.mail("email_new", to=[user], context=context)
