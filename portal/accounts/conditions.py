"""What a person must have before a key is made (A30), as dated facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.common.calendar import legal_today

from .models import DeclarationOfInterests, Role, TermsAcceptance, Training, User
from .roles import has_role
from .terms import CURRENT_TERMS


LABELS: dict[str, str | Promise] = {
    "training": _("une formation valable"),
    "terms": _("l’acceptation des conditions d’utilisation en vigueur"),
    "second_factor": _("un second facteur installé"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of one person: since when it is met (None: not met), until when it will be."""

    code: str
    since: date | datetime | None
    until: date | None = None

    @property
    def met(self) -> bool:
        return self.since is not None

    @property
    def label(self) -> str:
        return str(LABELS[self.code])


def conditions_for(users: Iterable[User], *, on: date | None = None) -> dict[UUID, list[Condition]]:
    """The conditions of several people in three queries, always in the same order.

    `on`: the legal day, where the caller has read it.
    """
    ids = [user.pk for user in users]
    today = on or legal_today()
    trainings: dict[UUID, Training] = {}
    for training in Training.objects.filter(
        user_id__in=ids, followed_on__lte=today, valid_until__gte=today
    ).order_by("valid_until"):
        trainings[training.user_id] = training
    terms = dict(
        TermsAcceptance.objects.filter(user_id__in=ids, version=CURRENT_TERMS).values_list(
            "user_id", "accepted_at"
        )
    )
    factors = dict(
        TOTPDevice.objects.filter(user_id__in=ids, confirmed=True)
        .order_by("-created_at")  # the first that was installed stays
        .values_list("user_id", "created_at")
    )
    return {
        pk: [
            Condition(
                "training",
                trainings[pk].followed_on if pk in trainings else None,
                trainings[pk].valid_until if pk in trainings else None,
            ),
            Condition("terms", terms.get(pk)),
            Condition("second_factor", factors.get(pk)),
        ]
        for pk in ids
    }


def conditions_of(user: User) -> list[Condition]:
    return conditions_for([user])[user.pk]


@dataclass(frozen=True, slots=True)
class Interests:
    """A committee member's public declaration: its day, and whether it is of the year (A14)."""

    declared_on: date | None
    current: bool


def interests_of(user: User) -> Interests | None:
    """None for who sits on no committee."""
    if not has_role(user, Role.PRESIDENT, Role.COMMITTEE_MEMBER):
        return None
    last = DeclarationOfInterests.objects.filter(user=user).order_by("-declared_on").first()
    if last is None:
        return Interests(None, current=False)
    return Interests(last.declared_on, legal_today() - last.declared_on <= timedelta(days=365))


def missing(user: User) -> list[Condition]:
    """What the person still lacks; empty when a key may be made."""
    return [condition for condition in conditions_of(user) if not condition.met]
