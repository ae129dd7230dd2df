"""What is due now: one `apply()` per due stage, in the order of the due dates. Needs no worker."""

import logging
from uuid import UUID

from portal.common.calendar import legal_now
from requests_app.models import Grant, GrantState, Stage, StageState

from .engine import apply, expire
from .errors import WorkflowError


logger = logging.getLogger(__name__)


def run_due() -> int:
    """Let every clock that has ended take effect, and stages that end by themselves end.

    What an end opens may be due too (the worker was down for long): it is taken up in the same
    call.
    Returns how many acts were done. One stage that fails does not keep the others waiting.
    """
    done, failed = 0, set[UUID]()
    while True:
        due = (
            Stage.objects.due(at=legal_now())
            .exclude(pk__in=failed)
            .order_by("due_at", "pk")
            .values_list("pk", flat=True)
        )
        first = due.first()
        if first is None:
            break
        try:
            expire(first)
            done += 1
        except WorkflowError:
            failed.add(first)  # someone acted between the query and the lock
        except Exception:
            logger.exception("the clock of stage %s failed", first)
            failed.add(first)
    return done + run_grants()


def run_grants() -> int:
    """Openings with an open right end; uses whose every right is closed end."""
    done = 0
    for stage in Stage.objects.filter(kind="opening", state=StageState.RUNNING):
        if Grant.objects.filter(permit__request=stage.request_id, state=GrantState.OPEN).exists():
            done += _try(stage, "finish_opening")
    for stage in Stage.objects.filter(kind="use", state=StageState.RUNNING):
        grants = Grant.objects.filter(permit__request=stage.request_id)
        if not grants.exclude(state=GrantState.CLOSED).exists():
            done += _try(stage, "finish_use")
    return done


def _try(stage: Stage, name: str) -> int:
    try:
        apply(stage, name, by=None)
    except WorkflowError:
        return 0
    return 1
