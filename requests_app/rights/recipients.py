"""Who is told: the people behind a quality on a request."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, QuerySet, Value

from portal.accounts.models import Membership, Role, RoleAssignment, User
from portal.audit.permissions import hide_from_log
from portal.notifications.permissions import hide_about
from requests_app.models import AccessRequest, InterestDeclaration, RequestMember, Stage
from requests_app.rights import duties
from requests_app.rights.actors import is_barred
from requests_app.rights.visibility import TEAM_KINDS, hidden_requests, requests_with, sees_every


def with_role(*roles: Role, scope: UUID | None = None) -> QuerySet[User]:
    """Active holders of one of the roles, of the site or of one organisation."""
    held = RoleAssignment.objects.active().filter(role__in=roles)
    held = held.filter(scope=scope) if scope is not None else held.filter(scope__isnull=True)
    return User.objects.filter(pk__in=held.values("user"), is_active=True)


def office(request: AccessRequest, *roles: Role, scope: UUID | None = None) -> QuerySet[User]:
    """Holders of one of the roles who may act on this file: not those whose own file it is."""
    return duties.without(with_role(*roles, scope=scope), request, roles)


def team(request: AccessRequest) -> QuerySet[User]:
    """Current members of the applicant's team with an open account."""
    return _members(request, kind__in=TEAM_KINDS)


def investigators(request: AccessRequest) -> QuerySet[User]:
    """The principal investigators of the file, likewise."""
    return _members(request, kind=RequestMember.Kind.INVESTIGATOR)


def named(request: AccessRequest) -> QuerySet[User]:
    """People of the file who are to have access."""
    return _members(request, has_data_access=True)


def _members(request: AccessRequest, **conditions: object) -> QuerySet[User]:
    rows = RequestMember.objects.current().filter(request=request, **conditions)
    return User.objects.filter(pk__in=rows.values("user"), is_active=True)


def signatories(request: AccessRequest) -> list[User]:
    """The representatives named in the file who may sign; failing them, every signatory."""
    signing = Membership.objects.signatory().filter(organisation=request.organisation_id)
    able = User.objects.filter(pk__in=signing.values("user"), is_active=True)
    chosen = list(
        able.filter(
            pk__in=RequestMember.objects.current()
            .filter(request=request, kind=RequestMember.Kind.REPRESENTATIVE)
            .values("user")
        )
    )
    return chosen or list(able)


def data_holders(request: AccessRequest) -> QuerySet[User]:
    """Representatives of the holders of the data asked for, and the main base's officers."""
    holders = request.datasets.values("dataset__holder__organisation")
    held = RoleAssignment.objects.active().filter(
        role__in=[Role.HOLDER_REPRESENTATIVE, Role.MAIN_BASE_OFFICER], scope__in=holders
    )
    people = User.objects.filter(pk__in=held.values("user"), is_active=True)
    return duties.without(people, request, [Role.HOLDER_REPRESENTATIVE, Role.MAIN_BASE_OFFICER])


def of_stage(stage: Stage) -> Iterable[User]:
    """Who must act in a stage; nobody when all who could stand apart from the file."""
    request = stage.request
    if stage.assignee is not None and not is_barred(stage.assignee, request, stage.role):
        return [stage.assignee]
    if stage.holder_id is not None:
        return office(request, Role.HOLDER_REPRESENTATIVE, scope=stage.holder_id)
    if stage.committee_id is not None:
        return office(request, Role.PRESIDENT, Role.COMMITTEE_MEMBER, scope=stage.committee_id)
    if stage.role == "applicant":
        return team(request)
    return office(request, Role(stage.role))


def reached(
    people: Iterable[User], request: AccessRequest, *, page: bool = True
) -> list[tuple[User, bool]]:
    """Whom a message about the request reaches, and whether a page of the file opens to them.

    Without the committee members from whom it is hidden (A14). `page`: whether the second matters.
    The team and the desk, told of nearly every move, are asked of together, in one statement.
    """
    told = {person.pk: person for person in people}
    team, asked = _asked_of(told, request)
    deposited = request.number is not None

    def opens(person: User) -> bool:
        return (
            (person.pk in team and person.is_active)
            or sees_every(person, deposited=deposited)
            or requests_with(person).filter(pk=request.pk).exists()
        )

    return [
        (person, page and opens(person))
        for person in told.values()
        if person.pk not in asked or not hidden_among(person, {request.pk})
    ]


def _asked_of(people: Collection[UUID], request: AccessRequest) -> tuple[set[UUID], set[UUID]]:
    """Those of the team, to whom the file is always open, and those of whom `conflict` has to be
    asked: whoever sits on a committee, or ever declared."""
    team = RequestMember.objects.current().filter(
        request=request, kind__in=TEAM_KINDS, user__in=people
    )
    seats = RoleAssignment.objects.active().filter(
        role__in=[Role.PRESIDENT, Role.COMMITTEE_MEMBER], user__in=people
    )
    declared = InterestDeclaration.objects.filter(member__in=people)

    def named(rows: QuerySet[Any], column: str, *, in_team: bool) -> QuerySet[Any]:
        flag = Value(in_team, output_field=BooleanField())
        return rows.order_by().values_list(column, flag)

    found = set(
        named(team, "user", in_team=True).union(
            named(seats, "user", in_team=False), named(declared, "member", in_team=False)
        )
    )
    return {pk for pk, in_team in found if in_team}, {pk for pk, in_team in found if not in_team}


@hide_about
def hidden_among(user: User, abouts: set[UUID]) -> set[UUID]:
    """Those of the requests that a member who withdrew may no longer hear of."""
    hidden = hidden_requests(user) if abouts else None
    if hidden is None:
        return set()
    return set(hidden.filter(pk__in=abouts).values_list("pk", flat=True))


@hide_from_log
def hidden_in_log(user: User) -> QuerySet[AccessRequest] | None:
    """The log of such a request is closed too, even to an auditor who sits on the committee.

    So is the log of one's own file: an auditor of its team reads there what the team reads.
    """
    own = AccessRequest.objects.filter(duties.set_apart(user))
    hidden = hidden_requests(user)
    return own if hidden is None else own | hidden
