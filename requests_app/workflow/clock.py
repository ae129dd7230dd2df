"""What is due now: one `apply()` per due stage, in the order of the due dates. Needs no worker."""

from uuid import UUID

from portal.common import sweeps
from portal.common.calendar import legal_now
from requests_app.models import Grant, GrantState, Stage, StageState
from requests_app.provisioning.extract import delivery

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
    return done + run_grants() + run_sent_back()


def _expire(stage_id: UUID) -> bool:
    try:
        expire(stage_id)
    except WorkflowError:
        return False  # someone acted between the query and the lock
    return True


def run_grants() -> int:
    """Openings with an open right end; uses whose every right is closed end."""
    opening = Stage.objects.of_kind("opening").filter(state=StageState.RUNNING)
    use = Stage.objects.of_kind("use").filter(state=StageState.RUNNING)
    return sweeps.each(opening, _opened, what="openings") + sweeps.each(use, _used_up, what="uses")


def run_sent_back() -> int:
    """Extracts that were confirmed and cannot be delivered are to prepare again."""
    lost = Stage.objects.of_kind("extract").filter(
        state=StageState.DONE,
        request__workspace__in=delivery.sent_back(),
        request__stages__in=Stage.objects.of_kind("opening").filter(state=StageState.RUNNING),
    )
    return sweeps.each(lost, lambda stage: _try(stage, "reopen_extract"), what="lost extracts")


def _opened(stage: Stage) -> bool:
    grants = Grant.objects.filter(permit__request=stage.request_id)
    return grants.filter(state=GrantState.OPEN).exists() and _try(stage, "finish_opening")


def _used_up(stage: Stage) -> bool:
    grants = Grant.objects.filter(permit__request=stage.request_id)
    return not grants.live().exists() and _try(stage, "finish_use")


def _try(stage: Stage, name: str) -> bool:
    try:
        apply(stage, name, by=None)
    except WorkflowError:
        return False
    return True
