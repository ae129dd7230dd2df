"""What is expected of a person, due first: open stages and tasks of the roles they hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Page
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from portal.accounts.models import Membership, Role, User
from portal.accounts.roles import has_role, scopes
from portal.common.calendar import legal_now
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    RapporteurAssignment,
    Report,
    RequestMember,
    RequestState,
    RequestVersion,
    Stage,
    StageState,
    Task,
    TransitionLog,
)
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.registry import UnknownProcedure
from requests_app.rights import duties, parts_held, permissions
from requests_app.rights.seen import deposited_seen
from requests_app.rights.visibility import TEAM_KINDS
from requests_app.workflow import assignment
from requests_app.workflow.abilities import unreadable
from requests_app.workflow.catalogue import KINDS


APPLICANT = "applicant"
DESK_ROLES = (Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR, Role.DPO)


@dataclass(frozen=True, slots=True)
class Awaited:
    """A stage of the list: what is expected, of which file, by when."""

    pk: UUID
    request_id: UUID
    number: str
    title: str
    holder: str
    expected: str
    started_at: datetime | None
    due_at: datetime | None
    reminder_at: datetime | None  # then the date is no deadline
    assignee: str
    is_mine: bool
    assignable: bool


@dataclass(frozen=True, slots=True)
class ToConclude:
    """A task of the list."""

    pk: UUID
    request_id: UUID
    number: str
    title: str
    label: str
    opened_at: datetime
    due_at: datetime | None


def _held(user: User) -> list[str]:
    return [role.value for role in DESK_ROLES if has_role(user, role)]


def stages_for(user: User) -> QuerySet[Stage]:
    """Open stages in which the person has something to do: rows to count or to page, no more.

    A committee member who has declared and reports on nothing waits for the sitting: the stage is
    the president's then, and the rapporteurs' until their report is filed.
    """
    mine = Q(pk__in=[])
    if parts_held.of(user).kinds.intersection(TEAM_KINDS):
        own_files = RequestMember.objects.current().filter(
            request=OuterRef("request"), user=user, kind__in=TEAM_KINDS
        )
        mine |= Q(role=APPLICANT) & Q(Exists(own_files))
    for role in _held(user):
        desk = Q(role=role, holder__isnull=True, committee__isnull=True)
        mine |= desk & ~duties.set_apart(user, role, at="request")
    if holders := scopes(user, Role.HOLDER_REPRESENTATIVE):
        mine |= Q(holder__in=holders) & ~duties.set_apart(user, "holder", at="request")
    president = scopes(user, Role.PRESIDENT)
    if committees := president | scopes(user, Role.COMMITTEE_MEMBER):
        asked = _asked_of_member(user)
        to_report = Q(asked["is_rapporteur"]) & ~Q(asked["has_reported"])
        mine |= (
            Q(committee__in=committees)
            & (~Q(asked["has_declared"]) | to_report | Q(committee__in=president))
            & ~duties.set_apart(user, at="request")
        )
    return Stage.objects.open().filter(mine, deposited_seen(user, "request"))


def _asked_of_member(user: User) -> dict[str, Exists]:
    """Where the person stands in a stage of their committee."""
    rapporteurs = RapporteurAssignment.objects.filter(stage=OuterRef("pk"), ended_at__isnull=True)
    filed = Report.objects.filter(stage=OuterRef("pk"), author=user, filed_at__isnull=False)
    return {
        "has_declared": Exists(
            InterestDeclaration.objects.filter(request=OuterRef("request"), member=user)
        ),
        "has_rapporteurs": Exists(rapporteurs),
        "is_rapporteur": Exists(rapporteurs.filter(member=user)),
        "has_reported": Exists(filed),
    }


def due_first(stages: QuerySet[Stage]) -> QuerySet[Stage]:
    return stages.order_by(F("due_at").asc(nulls_last=True), "started_at", "pk")


def shown(stages: QuerySet[Stage], user: User) -> QuerySet[Stage]:
    """The same rows with what a list says of them, and what `expected_of()` reads."""
    return (
        stages.annotate(**_asked_of_member(user))
        .select_related("request", "assignee", "holder")
        .defer("request__content", "request__orientation")
    )


def page_of(page: "Page[Any]", user: User) -> list[Stage]:
    """The rows of a page of `stages_for()`, in its order: chosen without their details, which are
    read for these alone."""
    rows: Any = page.object_list
    found = list(rows.values_list("pk", flat=True))
    places = {pk: place for place, pk in enumerate(found)}
    read = shown(Stage.objects.filter(pk__in=found), user) if found else []
    return sorted(read, key=lambda stage: places[stage.pk])


def awaited(stage: Stage, user: User) -> Awaited:
    """A row of `shown()`; one whose procedure cannot be read leaves the others readable."""
    try:
        expected, reminder_at = expected_of(stage), reminder_of(stage)
    except UnknownProcedure:
        expected, reminder_at = unreadable(), None
    return Awaited(
        pk=stage.pk,
        request_id=stage.request_id,
        number=stage.request.number or "",
        title=stage.request.title,
        holder=str(stage.holder or ""),
        expected=expected,
        started_at=stage.started_at,
        due_at=stage.due_at,
        reminder_at=reminder_at,
        assignee=str(stage.assignee or ""),
        is_mine=stage.assignee_id == user.pk,
        # Whoever sees a desk's stage in this list has its role; the right to assign is one more.
        assignable=stage.role in assignment.ASSIGNABLE_ROLES,
    )


def expected_of(stage: Any) -> str:
    """What the person is asked to do in a stage of `shown()`, in words."""
    if said := KINDS[stage.kind].to_do(stage):
        return said
    if stage.state == StageState.PAUSED:
        if stage.due_at is not None and stage.due_at < legal_now():
            return _("Attendre encore le demandeur, ou clore le dossier incomplet")
        return _("En attente du demandeur")
    spec = _spec(stage)
    if spec.outside is not None and stage.due_at is not None:
        return str(spec.outside.expected)
    return str(spec.expected)


def reminder_of(stage: Any) -> datetime | None:
    """When the actor is reminded, in a stage whose date is no deadline; else None."""
    clock = _spec(stage).clock
    if stage.state == StageState.RUNNING and clock and clock.on_expiry.effect == "remind":
        due: datetime | None = stage.due_at
        return due
    return None


def _spec(stage: Any) -> StageSpec:
    request: AccessRequest = stage.request
    return request.procedure.stage(stage.code)


def to_conclude(user: User) -> list[ToConclude]:
    """Open tasks of the person's roles, due first, in words."""
    return [
        ToConclude(
            pk=task.pk,
            request_id=task.request_id,
            number=task.request.number or "",
            title=task.request.title,
            label=_label_of(task),
            opened_at=task.opened_at,
            due_at=task.due_at,
        )
        for task in tasks_for(user)
    ]


def _label_of(task: Task) -> str:
    try:
        return str(task.request.procedure.task(task.code).label)
    except UnknownProcedure:
        return unreadable()


def tasks_for(user: User) -> QuerySet[Task]:
    """Open tasks of the person's roles, due first."""
    held = _held(user)
    if not held:
        return Task.objects.none()
    return (
        Task.objects.filter(
            ~duties.set_apart(user, at="request"),  # no task is an operator's or a holder's
            deposited_seen(user, "request"),
            closed_at__isnull=True,
            role__in=held,
        )
        .select_related("request")
        .defer("request__content", "request__orientation")
        .order_by(F("due_at").asc(nulls_last=True), "opened_at")
    )


def to_sign_for(user: User) -> QuerySet[AccessRequest]:
    """Requests whose frozen version waits for this person's signature."""
    signs = Membership.objects.signatory().filter(user=user).values("organisation")
    return (
        AccessRequest.objects.filter(state=RequestState.AWAITING_SIGNATURE, organisation__in=signs)
        .select_related("organisation")
        .defer("content", "orientation")
        .order_by("updated_at")
    )


def to_verify_for(user: User) -> QuerySet[AccessRequest]:
    """Requests whose signature on paper waits for this person's comparison, the oldest first."""
    if not has_role(user, Role.SECRETARIAT):
        return AccessRequest.objects.none()
    handed_in = RequestVersion.objects.filter(
        request=OuterRef("pk"), status=RequestVersion.Status.CHECKING
    )
    return (
        permissions.requests_visible_to(user)
        .filter(state=RequestState.SIGNATURE_CHECK)
        .select_related("organisation")
        .defer("content", "orientation")
        .annotate(handed_in_at=Subquery(handed_in.values("signed_file__uploaded_at")[:1]))
        .order_by("handed_in_at", "pk")
    )


def last_done(user: User, *, count: int = 5) -> list[AccessRequest]:
    """Requests on which the person acted last, latest first: what an empty inbox leads to."""
    place = OuterRef("pk")
    moved = TransitionLog.objects.filter(request=place, by=user).order_by("-recorded_at")
    # the committee's inner work moves nothing, so the log does not hold it
    reported = Report.objects.filter(stage__request=place, author=user, filed_at__isnull=False)
    declared = InterestDeclaration.objects.filter(request=place, declared_by=user)
    acted = Coalesce(
        Subquery(moved.values("recorded_at")[:1]),
        Subquery(reported.values("filed_at")[:1]),
        Subquery(declared.values("declared_at")[:1]),
    )
    return list(
        permissions.requests_visible_to(user)
        .annotate(acted_at=acted)
        .filter(acted_at__isnull=False)
        .order_by("-acted_at")[:count]
    )


def overdue() -> Q:
    return Q(due_at__lt=legal_now())


def count_for(user: User) -> int:
    """How many things are expected of the person: one query, which the menu keeps (`badge`)."""
    stages = stages_for(user).filter(state=StageState.RUNNING)
    others: list[QuerySet[Any]] = [to_sign_for(user)] if parts_held.of(user).signs else []
    others += [tasks_for(user)] if _held(user) else []
    others += [to_verify_for(user)] if has_role(user, Role.SECRETARIAT) else []
    ids = [found.order_by().values("pk") for found in others]
    return stages.order_by().values("pk").union(*ids, all=True).count()
