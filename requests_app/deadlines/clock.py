"""The clock of a stage, read from its rows: start event, pauses, extension, end of the access."""

from datetime import datetime
from uuid import UUID

from portal.common.calendar import deadline
from requests_app.models import Act, Permit, Stage
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.parts import Clock
from requests_app.procedures.parts import Stage as StageSpec

from .rules import Pause, due_at


def start_of(stage: Stage, clock: Clock) -> datetime | None:
    """The start event's instant, corrections included; None when it has not happened."""
    if clock.start == "deposit":
        return stage.request.submitted_at
    if clock.start == "stage":
        return stage.started_at
    if clock.start == "receipt":
        return (
            Act.objects.in_force()
            .filter(stage=stage, code=KINDS[stage.kind].receipt)
            .values_list("effective_at", flat=True)
            .order_by("-entered_at")
            .first()
        )
    return None


def permit_end(request_id: UUID) -> datetime | None:
    """End of the latest version of the access (an earlier revocation included)."""
    permit = Permit.objects.filter(request=request_id).order_by("-number").first()
    if permit is None:
        return None
    return min(permit.expires_at, permit.revoked_at) if permit.revoked_at else permit.expires_at


def completion_due(stage: Stage, spec: StageSpec) -> datetime | None:
    """Until when the applicant of a stopped stage is asked to complete; None without a rule."""
    pause = stage.pauses.filter(ended_at__isnull=True).first()
    if pause is None or spec.time_to_complete is None:
        return None
    return deadline(pause.started_at, spec.time_to_complete)


def computed_due(stage: Stage, clock: Clock | None) -> datetime | None:
    """Due date of a stage by its rows as they are now; None without a clock or while it is
    stopped."""
    if clock is None:
        return None
    return due_at(
        clock,
        start=start_of(stage, clock),
        urgent=stage.request.urgent,
        extended=stage.extended_at is not None,
        pauses=[Pause(p.started_at, p.ended_at) for p in stage.pauses.all() if clock.pauses],
        permit_end=permit_end(stage.request_id) if clock.start == "permit_end" else None,
    )
