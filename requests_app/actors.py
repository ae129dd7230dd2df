"""In what quality a person stands before a request: team, signatory, holder, president…"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q

from portal.accounts.models import Membership, Role, User
from portal.accounts.roles import has_role, scopes
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    RapporteurAssignment,
    RequestDataset,
    RequestMember,
    Stage,
    Task,
)
from requests_app.visibility import TEAM_KINDS, Person, conflict


def is_conflicted(user: Person, request: AccessRequest) -> bool:
    """Whether a committee member must not see the request (A14)."""
    if not isinstance(user, User):
        return False
    hidden = conflict(user)
    return hidden is not None and AccessRequest.objects.filter(Q(hidden), pk=request.pk).exists()


def in_team(user: Person, request: AccessRequest) -> bool:
    return (
        isinstance(user, User)
        and user.is_active
        and RequestMember.objects.filter(
            request=request, user=user, kind__in=TEAM_KINDS, removed_at__isnull=True
        ).exists()
    )


def is_signatory(user: Person, request: AccessRequest) -> bool:
    """Whether the person's signature counts for the controller: confirmed, with the capacity."""
    return (
        isinstance(user, User)
        and user.is_active
        and Membership.objects.signatory()
        .filter(user=user, organisation=request.organisation_id)
        .exists()
    )


def _committee(role_set: Iterable[Role]) -> Callable[..., bool]:
    def check(user: User, request: AccessRequest, stage: Stage | None, task: Task | None) -> bool:
        return stage is not None and any(
            stage.committee_id in scopes(user, role) for role in role_set
        )

    return check


def _declared(user: User, request: AccessRequest) -> bool:
    return InterestDeclaration.objects.filter(
        request=request, member=user, answer=InterestDeclaration.Answer.NONE
    ).exists()


def _rapporteur(user: User, request: AccessRequest, stage: Stage | None, task: Any) -> bool:
    return (
        stage is not None
        and _MEMBER(user, request, stage, task)
        and RapporteurAssignment.objects.filter(
            stage=stage, member=user, ended_at__isnull=True
        ).exists()
    )


def _main_base(user: User, request: AccessRequest, stage: Stage | None, task: Any) -> bool:
    return RequestDataset.objects.filter(
        request=request,
        dataset__kind="main_base",
        dataset__holder__organisation__in=scopes(user, Role.MAIN_BASE_OFFICER),
    ).exists()


_MEMBER = _committee((Role.PRESIDENT, Role.COMMITTEE_MEMBER))
_PRESIDENT = _committee((Role.PRESIDENT,))
_ACTORS: dict[str, Callable[[User, AccessRequest, Stage | None, Task | None], bool]] = {
    "team": lambda u, r, s, t: in_team(u, r),
    "signatory": lambda u, r, s, t: is_signatory(u, r),
    "secretariat": lambda u, r, s, t: has_role(u, Role.SECRETARIAT),
    "legal_officer": lambda u, r, s, t: has_role(u, Role.LEGAL_OFFICER),
    "operator": lambda u, r, s, t: has_role(u, Role.OPERATOR),
    "administrator": lambda u, r, s, t: has_role(u, Role.ADMINISTRATOR),
    "staff": lambda u, r, s, t: has_role(u, Role.SECRETARIAT, Role.LEGAL_OFFICER),
    "holder": lambda u, r, s, t: (
        s is not None and s.holder_id in scopes(u, Role.HOLDER_REPRESENTATIVE)
    ),
    "main_base_officer": _main_base,
    "member": _MEMBER,
    "president": lambda u, r, s, t: _PRESIDENT(u, r, s, t) and _declared(u, r),
    "rapporteur": lambda u, r, s, t: _rapporteur(u, r, s, t) and _declared(u, r),
    "investigator": lambda u, r, s, t: RequestMember.objects.filter(
        request=r, user=u, kind=RequestMember.Kind.INVESTIGATOR, removed_at__isnull=True
    ).exists(),
    "task_role": lambda u, r, s, t: (
        t is not None and t.role in Role.values and has_role(u, Role(t.role))
    ),
}
_APPLICANT_SIDE = frozenset({"team", "signatory", "investigator"})


def is_actor(
    user: Person | None,
    actor: str,
    request: AccessRequest,
    stage: Stage | None = None,
    task: Task | None = None,
) -> bool:
    """Whether a person may act in a quality on a request; `None` is the system and only that."""
    if user is None or actor == "system":
        return user is None and actor == "system"
    if not isinstance(user, User) or not user.is_active:
        return False
    if not _ACTORS[actor](user, request, stage, task):
        return False
    return actor in _APPLICANT_SIDE or not is_conflicted(user, request)
