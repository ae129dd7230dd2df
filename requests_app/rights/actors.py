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
    StageState,
    Task,
)
from requests_app.rights import duties
from requests_app.rights.kept import kept_for_pages
from requests_app.rights.visibility import TEAM_KINDS, Person, conflict


def is_conflicted(user: Person, request: AccessRequest) -> bool:
    """Whether a committee member must not see the request (A14)."""
    if not isinstance(user, User):
        return False
    hidden = conflict(user)
    return hidden is not None and AccessRequest.objects.filter(Q(hidden), pk=request.pk).exists()


def in_team(user: Person, request: AccessRequest) -> bool:
    """Whether the person is of the applicant's team now: not removed, account open."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return kept_for_pages(
        user,
        f"team {request.pk}",
        lambda: (
            RequestMember.objects.current()
            .filter(request=request, user=user, kind__in=TEAM_KINDS)
            .exists()
        ),
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
_BEGUN = frozenset({StageState.RUNNING, StageState.PAUSED, StageState.DONE})
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
    # of a committee that the file has come to, once their interests are declared
    "declared_member": lambda u, r, s, t: (
        _MEMBER(u, r, s, t) and s is not None and s.state in _BEGUN and _declared(u, r)
    ),
    "president": lambda u, r, s, t: _PRESIDENT(u, r, s, t) and _declared(u, r),
    "rapporteur": lambda u, r, s, t: _rapporteur(u, r, s, t) and _declared(u, r),
    "investigator": lambda u, r, s, t: (
        RequestMember.objects.current()
        .filter(request=r, user=u, kind=RequestMember.Kind.INVESTIGATOR)
        .exists()
    ),
    "task_role": lambda u, r, s, t: (
        t is not None and t.role in Role.values and has_role(u, Role(t.role))
    ),
}


def qualifies(
    user: Person | None,
    actor: str,
    request: AccessRequest,
    stage: Stage | None = None,
    task: Task | None = None,
) -> bool:
    """Whether a person has a quality on a request, before asking what sets them apart from it."""
    if user is None or actor == "system":
        return user is None and actor == "system"
    return isinstance(user, User) and user.is_active and _ACTORS[actor](user, request, stage, task)


def is_barred(user: Person, request: AccessRequest, actor: str) -> bool:
    """Whether something sets a person apart from the file: interests (A14), or their own part in it
    (`duties`). The applicant's side is never barred from its own file."""
    if actor in duties.APPLICANT_SIDE or not isinstance(user, User):
        return False
    return is_conflicted(user, request) or duties.apart(user, request, actor) is not None


def barred_from(user: User, actor: str) -> Q:
    """Requests from which `is_barred` sets the person apart in a quality: its set form."""
    if actor in duties.APPLICANT_SIDE:
        return Q(pk__in=[])
    hidden = conflict(user)
    own = duties.set_apart(user, actor)
    return own if hidden is None else own | Q(hidden)


def is_actor(
    user: Person | None,
    actor: str,
    request: AccessRequest,
    stage: Stage | None = None,
    task: Task | None = None,
) -> bool:
    """Whether a person may act in a quality on a request; `None` is the system and only that."""
    if not qualifies(user, actor, request, stage, task):
        return False
    return user is None or not is_barred(user, request, actor)


def why_barred(
    user: Person | None,
    actors: Iterable[str],
    request: AccessRequest,
    stage: Stage | None = None,
    task: Task | None = None,
) -> str:
    """Why a person who has one of the qualities may not use it on this file, and who may instead.

    Empty for anyone else: whoever has none of the qualities, and members who withdrew, to whom
    nothing is said of the file.
    """
    if not isinstance(user, User):
        return ""
    for actor in sorted(set(actors) - duties.APPLICANT_SIDE):
        if qualifies(user, actor, request, stage, task) and not is_conflicted(user, request):
            if said := duties.why_apart(user, request, actor):
                return said
    return ""
