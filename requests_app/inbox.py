"""What is expected of a person, due first: open stages and tasks of the roles they hold."""

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from portal.accounts.models import Role, User
from portal.accounts.roles import has_role, scopes
from portal.common.calendar import legal_now

from .models import (
    InterestDeclaration,
    RapporteurAssignment,
    Report,
    RequestMember,
    Stage,
    Task,
)


APPLICANT = "applicant"
DESK_ROLES = (Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR, Role.DPO)


def _held(user: User) -> list[str]:
    return [role.value for role in DESK_ROLES if has_role(user, role)]


def stages_for(user: User) -> QuerySet[Stage]:
    """Open stages in which the person may have something to do, with what a list shows."""
    withdrawn = InterestDeclaration.objects.filter(
        request=OuterRef("request"), member=user, answer=InterestDeclaration.Answer.WITHDRAWN
    )
    own_files = RequestMember.objects.filter(
        request=OuterRef("request"), user=user, removed_at__isnull=True
    )
    committees = scopes(user, Role.PRESIDENT) | scopes(user, Role.COMMITTEE_MEMBER)
    mine = (
        Q(role__in=_held(user), holder__isnull=True, committee__isnull=True)
        | Q(holder__in=scopes(user, Role.HOLDER_REPRESENTATIVE))
        | (Q(committee__in=committees) & ~Exists(withdrawn))
        | (Q(role=APPLICANT) & Exists(own_files))
    )
    return (
        Stage.objects.open()
        .filter(mine)
        .select_related("request__organisation", "assignee", "holder", "committee")
        .annotate(
            has_declared=Exists(
                InterestDeclaration.objects.filter(request=OuterRef("request"), member=user)
            ),
            is_rapporteur=Exists(
                RapporteurAssignment.objects.filter(
                    stage=OuterRef("pk"), member=user, ended_at__isnull=True
                )
            ),
            has_reported=Exists(
                Report.objects.filter(stage=OuterRef("pk"), author=user, filed_at__isnull=False)
            ),
        )
        .order_by(F("due_at").asc(nulls_last=True), "started_at", "pk")
    )


def tasks_for(user: User) -> QuerySet[Task]:
    """Open tasks of the person's roles, due first."""
    return (
        Task.objects.filter(closed_at__isnull=True, role__in=_held(user))
        .select_related("request__organisation", "stage")
        .order_by(F("due_at").asc(nulls_last=True), "opened_at")
    )


def overdue(stages: QuerySet[Stage]) -> QuerySet[Stage]:
    return stages.filter(due_at__lt=legal_now())
