"""The invitation's machine: its table of moves, and the one function that writes its state.

That a link is void since some day is no move: `Invitation.is_expired` reads it of the date.
"""

from typing import Any

from django.utils import timezone

from portal.common.machine import Machine, transition

from . import signals
from .models import Invitation, User


_S = Invitation.State

MACHINE = Machine(
    "invitation",
    Invitation.State.values,
    transition("resend", (_S.OPEN,), "", "inviter", "organisation"),
    transition("accept", (_S.OPEN,), _S.ACCEPTED, "invited"),
    # By hand, or with the place of the person in the organisation.
    transition("cancel", (_S.OPEN,), _S.CANCELLED, "inviter", "organisation"),
)


def locked(invitation: Invitation) -> Invitation:
    """The row as it is now, locked in the caller's transaction."""
    rows = Invitation.objects.select_for_update(of=("self",))
    return rows.select_related("invited_by", "organisation").get(pk=invitation.pk)


def move(invitation: Invitation, name: str, *, by: User, **changes: Any) -> None:
    """One row of the table, on a row that the caller has locked (`locked`). Raises IllegalMove."""
    invitation.state = MACHINE.target(name, invitation.state)
    now = timezone.now()
    dates = {"accept": {"accepted_at": now, "accepted_by": by}, "cancel": {"cancelled_at": now}}
    changes |= dates.get(name, {})
    for field, value in changes.items():
        setattr(invitation, field, value)
    invitation.save(update_fields=["state", *changes])
    told = {"kind": invitation.kind} if name == "accept" else {}
    signals.event(f"{MACHINE.what}.{name}", by=by, on=invitation, data=told)
