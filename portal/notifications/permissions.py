"""Who reads which message. Rules about requests come from the rooms above."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from portal.accounts.models import Role, User
from portal.accounts.roles import has_role

from .models import Message


HidingRule = Callable[[User, set[UUID]], set[UUID]]
_hiding_rules: list[HidingRule] = []


def hide_about(rule: HidingRule) -> HidingRule:
    """Register which of some requests a person may no longer hear of (usable as decorator).

    A14: after a withdrawal, messages received before are hidden too and waiting ones are not sent.
    """
    if rule not in _hiding_rules:
        _hiding_rules.append(rule)
    return rule


def hidden_from(user: User, abouts: set[UUID]) -> set[UUID]:
    """Those of the requests that the person may no longer hear of."""
    hidden: set[UUID] = set()
    for rule in _hiding_rules:
        hidden |= rule(user, abouts - hidden)
    return hidden


def visible_to(user: "User | AnonymousUser") -> QuerySet[Message]:
    """A person's own messages: not those with a secret, nor about a request now closed to them."""
    if not isinstance(user, User):
        return Message.objects.none()
    mine = Message.objects.filter(recipient=user, sensitive=False)
    abouts = set(
        mine.filter(about__isnull=False).order_by().values_list("about", flat=True).distinct()
    )
    hidden = hidden_from(user, {about for about in abouts if about}) if abouts else set()
    return mine.exclude(about__in=hidden) if hidden else mine


def can_see_sending(user: "User | AnonymousUser") -> bool:
    """Whoever tries again, and auditors, who read everything. Never the text of a message."""
    return can_operate(user) or has_role(user, Role.AUDITOR)


def can_operate(user: "User | AnonymousUser") -> bool:
    """Who tries again what was not sent."""
    return has_role(user, Role.ADMINISTRATOR, Role.SECRETARIAT, Role.OPERATOR)
