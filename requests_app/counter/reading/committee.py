"""What the committee's own tab shows: rapporteurs, declarations of interests, who stood down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import RoleAssignment, User
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    RapporteurAssignment,
    Report,
    Stage,
)
from requests_app.rights.deliberation import committee_stages_read_by, reads_declarations


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of the committee before one request."""

    member: User
    answer: str
    said: bool
    stands_down: bool
    cause: str = ""  # code of the origin
    origin: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sitting:
    """One committee before the request, as one person sees it."""

    name: str
    seats: list[Seat]
    rapporteurs: list[dict[str, Any]]


def sittings(request: AccessRequest, *, user: User, parts: frozenset[str]) -> list[Sitting]:
    """Each committee that the person reads. Declarations are the president's and the desk's; one's
    own is shown."""
    found = committee_stages_read_by(user).filter(request=request, committee__isnull=False)
    mine: dict[str, list[Stage]] = {}
    for stage in found.select_related("committee").order_by("position", "pk"):
        mine.setdefault(str(stage.committee), []).append(stage)
    return [
        Sitting(
            name,
            sitting_of(request, stages[0], user=user, parts=parts),
            _rapporteurs(stages) if "committee" in parts else [],
        )
        for name, stages in mine.items()
    ]


def sitting_of(
    request: AccessRequest, stage: Stage, *, user: User, parts: frozenset[str]
) -> list[Seat]:
    """Members of the committee of one stage."""
    everyone = "interests" in parts and reads_declarations(user, stage.committee_id)
    return _seats(request, stage, user=user, everyone=everyone)


def _rapporteurs(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    reports = Report.objects.filter(stage__in=stages, filed_at__isnull=False)
    filed = dict(reports.values_list("author", "filed_at"))
    assigned = RapporteurAssignment.objects.filter(stage__in=stages, ended_at__isnull=True)
    return [
        {"member": one.member, "since": one.assigned_at, "filed_at": filed.get(one.member_id)}
        for one in assigned.select_related("member").order_by("assigned_at")
    ]


def _seats(request: AccessRequest, stage: Stage, *, user: User, everyone: bool) -> list[Seat]:
    said = {
        one.member_id: one
        for one in InterestDeclaration.objects.filter(request=request).select_related("member")
    }
    if everyone:
        sits = RoleAssignment.objects.active().filter(
            scope_id=stage.committee_id, role__in=["committee_member", "president"]
        )
        own = [pk for pk, one in said.items() if one.committee_id == stage.committee_id]
        people = list(
            User.objects.filter(Q(pk__in=sits.values("user")) | Q(pk__in=own)).order_by(
                "last_name", "first_name"
            )
        )
    else:
        people = [user] if user.pk in said else []
    return [_seat(person, said.get(person.pk)) for person in people]


def _seat(member: User, said: InterestDeclaration | None) -> Seat:
    if said is None:
        return Seat(member, _("n’a pas encore déclaré"), said=False, stands_down=False)
    return Seat(
        member,
        said.words,
        said=True,
        stands_down=said.answer == InterestDeclaration.Answer.WITHDRAWN,
        cause=said.origin,
        origin=said.get_origin_display(),
        reason=said.reason,
        at=said.declared_at,
    )
