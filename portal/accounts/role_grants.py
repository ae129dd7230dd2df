"""Granting and ending roles: administrators only, never to oneself."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from . import signals
from .models import Organisation, Role, RoleAssignment, User
from .permissions import can_end_role, can_grant_role
from .roles import forget


def grant(
    *, to: User, role: Role, by: User | None, scope: Organisation | None = None
) -> RoleAssignment:
    """Grant a role; `by=None` is the command line, for the first administrator.

    The same open role is returned as it is. Raises PermissionDenied, and ValidationError when the
    scope does not fit the role.
    """
    if by is not None and not can_grant_role(by, to=to):
        raise PermissionDenied
    assignment = RoleAssignment(user=to, role=role, scope=scope, granted_by=by)
    with transaction.atomic():
        same = RoleAssignment.objects.active().filter(user=to, role=role, scope=scope).first()
        if same is not None:
            return same
        assignment.full_clean()
        assignment.save()
        told(assignment)
    return assignment


def told(assignment: RoleAssignment) -> None:
    """Tell the log and the person of a role just granted."""
    signals.event(
        "role.grant",
        by=assignment.granted_by,
        on=assignment,
        data={
            "role": str(assignment.role),
            "user": str(assignment.user_id),
            "scope": str(assignment.scope_id or ""),
        },
    )
    signals.mail(
        "role_granted",
        to=[assignment.user],
        context={
            "role": str(assignment.get_role_display()),
            "scope": assignment.scope.name if assignment.scope else "",
        },
    )
    forget(assignment.user)
    if assignment.role == Role.ADMINISTRATOR and assignment.granted_by is not None:
        # A colleague nobody knew of is how one administrator would become two.
        held = RoleAssignment.objects.active().filter(role=Role.ADMINISTRATOR)
        others = User.objects.filter(pk__in=held.values("user_id"), is_active=True)
        signals.mail(
            "administrator_named",
            to=others.exclude(pk__in=[assignment.user_id, assignment.granted_by_id]),
            context={"person": str(assignment.user), "by": str(assignment.granted_by)},
        )


def end(assignment: RoleAssignment, *, by: User, reason: str) -> None:
    """End a role; nothing when it is ended already. Raises PermissionDenied."""
    with transaction.atomic():
        assignment = RoleAssignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
        if assignment.ended_at is not None:
            return
        if not can_end_role(by, assignment):
            raise PermissionDenied
        assignment.ended_at, assignment.ended_by = timezone.now(), by
        assignment.save(update_fields=["ended_at", "ended_by"])
        signals.event(
            "role.end",
            by=by,
            on=assignment,
            text=reason,
            data={"role": str(assignment.role), "user": str(assignment.user_id)},
        )
    forget(assignment.user)
    forget(by)  # who gives a role up is the same person, and another object
