"""What is due now: one `apply()` per due stage, in the order of the due dates. Needs no worker."""

from functools import partial
from uuid import UUID

from portal.common import sweeps
from portal.common.calendar import legal_now
from requests_app.models import Stage

from .catalogue import VERBS
from .engine import apply, expire
from .errors import WorkflowError


def run_due() -> int:
    """Let every clock that has ended take effect, and stages that end by themselves end.

    What an end opens may be due too (the worker was down for long): it is taken up in the same
    call.
    Returns how many acts were done. One stage that fails does not keep the others waiting.
    """
    done, tried = 0, set[UUID]()
    while True:
        due = Stage.objects.due(at=legal_now()).exclude(pk__in=tried)
        found = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:1])
        if not found:
            break
        expired = sweeps.each(found, _expire, what="clocks")
        done += expired
        if not expired:  # a reminder that was given may be due again, what failed is left
            tried.update(found)
    return done + run_ripe()


def _expire(stage_id: UUID) -> bool:
    try:
        expire(stage_id)
    except WorkflowError:
        return False  # someone acted between the query and the lock
    return True


def run_ripe() -> int:
    """Play what needs no due date: an opening with an open right ends, a use whose every right is
    closed ends, a lost extract is to prepare again. Each verb says where (`Verb.ripe`)."""
    done = 0

    def play(name: str) -> None:
        nonlocal done
        if (stages := VERBS[name].ripe()) is not None:
            done += sweeps.each(stages, partial(_try, name), what=name)

    sweeps.each(sorted(VERBS), play, what="ripe")
    return done


def _try(name: str, stage: Stage) -> bool:
    try:
        apply(stage, name, by=None)
    except WorkflowError:
        return False
    return True
