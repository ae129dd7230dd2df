"""What a committee hears and writes before its opinion: its members', and the desk's."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet
from django.db.models.expressions import Exists

from portal.accounts.models import Role, RoleAssignment
from portal.accounts.roles import has_role, scopes
from requests_app.models import Opinion, Stage
from requests_app.procedures.kind import Trait
from requests_app.rights.visibility import Person


_SEATS = (Role.PRESIDENT, Role.COMMITTEE_MEMBER)


def _reads_all(user: Person) -> bool:
    return any(has_role(user, role) for role in (Role.SECRETARIAT, Role.AUDITOR))


def _seated(user: Person) -> frozenset[UUID]:
    return scopes(user, Role.PRESIDENT) | scopes(user, Role.COMMITTEE_MEMBER)


def committee_stages_read_by(user: Person) -> QuerySet[Stage]:
    """Stages whose deliberation the person may read: of their committees; the desk's, of all."""
    stages = Stage.objects.having(Trait.OF_COMMITTEE)
    return stages if _reads_all(user) else stages.filter(committee__in=_seated(user))


def declarations_read_by(user: Person) -> Q:
    """Condition on declarations of interests, beside one's own: of the committees that the person
    presides over; the desk's, of all."""
    return Q() if _reads_all(user) else Q(committee__in=scopes(user, Role.PRESIDENT))


def reads_declarations(user: Person, committee: UUID | None) -> bool:
    """The same, of one committee."""
    return _reads_all(user) or committee in scopes(user, Role.PRESIDENT)


def marked_beside(user: Person) -> Q:
    """Condition on marks of the answers that somebody of a committee reads: of those who sit with
    them, and of the desk's people. Whoever sits, or sat, on another committee only wrote for it."""
    mine = _seated(user)
    desk = RoleAssignment.objects.filter(role__in=[Role.SECRETARIAT, Role.LEGAL_OFFICER])
    return Q(author__in=_sitting(mine)) | (
        Q(author__in=desk.values("user")) & ~Q(author__in=_sitting())
    )


def _sitting(committees: Collection[UUID] | None = None) -> QuerySet[RoleAssignment, Any]:
    held = RoleAssignment.objects.filter(role__in=_SEATS)
    return (held if committees is None else held.filter(scope__in=committees)).values("user")


def deliberated(user: Person) -> Q:
    """Condition on acts: their committee has given its opinion, or the person is one of those who
    read its deliberation. What another committee has given opens nothing."""
    given = Opinion.objects.filter(
        request=OuterRef("request"), stage__committee=OuterRef("stage__committee")
    )
    return Q(Exists(given)) | Q(stage__in=committee_stages_read_by(user))
