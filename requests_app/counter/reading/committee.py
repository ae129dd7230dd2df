"""What the committee's own tab shows: rapporteurs, declarations of interests, who stood down."""

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
from requests_app.procedures import kinds
from requests_app.procedures.kind import Trait


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


def sitting(request: AccessRequest, *, user: User, parts: frozenset[str]) -> dict[str, Any]:
    """Context of the tab. Declarations are the president's and the desk's; one's own is shown."""
    found = Stage.objects.having(Trait.OF_COMMITTEE).filter(
        request=request, committee__isnull=False
    )
    stages = sorted(found, key=lambda one: not kinds.has(one.kind, Trait.GIVES_OPINION))
    stage = next(iter(stages), None)
    if stage is None:
        return {"seats": [], "rapporteurs": []}
    return {
        "seats": _seats(request, stage, user=user, everyone="interests" in parts),
        "rapporteurs": _rapporteurs(stage) if "committee" in parts else [],
        "sees_interests": "interests" in parts,
    }


def _rapporteurs(stage: Stage) -> list[dict[str, Any]]:
    filed = dict(
        Report.objects.filter(stage=stage, filed_at__isnull=False).values_list("author", "filed_at")
    )
    assigned = RapporteurAssignment.objects.filter(stage=stage, ended_at__isnull=True)
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
        people = list(
            User.objects.filter(Q(pk__in=sits.values("user")) | Q(pk__in=said)).order_by(
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
