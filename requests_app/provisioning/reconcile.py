"""One step of one workspace: read the rows, decide, do, record; or record why it failed.

No automatic rollback: what is half built stays and is tried again; only what closes narrows. A
failed step never stops a closing: it is taken up again within a minute, whatever failed before.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.models import Grant, Workspace
from requests_app.provisioning import buckets, drift, keys, labels, plan, proofs, steps
from requests_app.provisioning.backends.base import Backend, BackendError, Denied, Transient
from requests_app.provisioning.backends.transport import backoff
from requests_app.provisioning.custody import CustodyError
from requests_app.provisioning.extract_sources import ExtractError
from requests_app.provisioning.facts import Snapshot, is_over, right_of, snapshot
from requests_app.provisioning.hints import announce
from requests_app.provisioning.lease import Lease
from requests_app.provisioning.moves import fenced_move, move
from requests_app.provisioning.plan import Action
from requests_app.provisioning.steps import Pass, Wait


logger = logging.getLogger(__name__)

STEPS: dict[str, Callable[[Pass, Action], None]] = {
    "ensure_project": steps.ensure_project,
    "ensure_bucket": buckets.ensure_bucket,
    "ensure_encryption": steps.ensure_encryption,
    "put_fence": steps.put_fence,
    "deliver_extract": steps.deliver_extract,
    "ensure_application": steps.ensure_application,
    "ensure_group": steps.ensure_group,
    "ensure_iam_policy": steps.ensure_iam_policy,
    "set_members": steps.set_members,
    "make_key": keys.make_key,
    "delete_key": keys.delete_key,
    "verify_open": proofs.verify_open,
    "prove_closed": proofs.prove_closed,
    "delete_application": steps.delete_application,
    "delete_iam_policy": steps.delete_iam_policy,
    "delete_group": steps.delete_group,
    "inspect": drift.inspect,
}
# Failures in a row before a person is told of a transient error; a permanent one tells at once.
TELL_AFTER = 8
WAITING_SECONDS = 60.0  # conditions are asked again this often, signals apart
CLOSING_RETRY, OPENING_RETRY = 60.0, 300.0  # seconds, at most
PROPAGATION_RETRY = 10.0  # longer than a worker sleeps: its slot goes to others meanwhile
PERMANENT_RETRY = 900.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: `did` (go on), `wait` some seconds, `idle` until an instant."""

    kind: Literal["did", "wait", "idle"]
    seconds: float = 0.0
    until: datetime | None = None
    action: str = ""


def step(lease: Lease, backend: Backend) -> Outcome:
    """Do the next thing. Raises LeaseLost only; what a provider answers is recorded here."""
    action = Action("read")
    work: Pass | None = None
    try:
        portal = backend.portal_principal()
        work = Pass(lease, backend, snapshot(lease.workspace_id, portal=portal))
        _expire(work)
        _tell_missing(work)
        found = plan.next_action(work.snap.facts) or _inspection(work.snap)
        if found is None:
            return Outcome("idle", until=next_time(work.snap))
        action = found
        lease.renew()
        if action.name in STEPS:
            STEPS[action.name](work, action)
        else:
            fenced_move(lease, work.grant(action), action.name)
        _succeeded(lease, action)
        return Outcome("did", action=action.name)
    except Wait as wait:
        return Outcome("wait", seconds=wait.seconds, action=action.name)
    except (BackendError, CustodyError, ExtractError) as error:
        return _failed(lease, work, action, error)


# --- Before deciding ----------------------------------------------------------------------------


def _expire(work: Pass) -> None:
    """The end of an access is written down as a wish before anything acts on it."""
    now = legal_now()
    over = [
        grant
        for grant in work.snap.grants.values()
        if grant.state != "closed" and grant.wanted != "closed" and is_over(grant, now=now)
    ]
    if not over:
        return
    with work.lease.write():
        for grant in over:
            reason = _("Fin de l’autorisation.")
            Grant.objects.filter(pk=grant.pk).exclude(wanted="closed").update(
                wanted="closed", reason=reason, closing_requested_at=timezone.now()
            )
            grant.wanted, grant.reason = "closed", reason
            record("grant.expire", by=None, on=grant, about=work.workspace.request_id)


def _tell_missing(work: Pass) -> None:
    """What each person still lacks, where pages read it."""
    changed = [
        (grant, work.snap.missing[key])
        for key, grant in work.snap.grants.items()
        if grant.missing != work.snap.missing[key] and grant.state != "closed"
    ]
    if changed:
        with work.lease.write():
            for grant, codes in changed:
                Grant.objects.filter(pk=grant.pk).update(missing=codes)
                grant.missing = codes


def _inspection(snap: Snapshot) -> Action | None:
    """Comparison with the provider is due: only once something is built, when nothing else is."""
    if not snap.facts.project:
        return None
    every = timedelta(minutes=settings.PROVISIONING["check_minutes"])
    seen = snap.workspace.observed_at
    if seen is not None and timezone.now() - seen < every:
        return None
    live = any(person.state not in {"closed", "wanted"} for person in snap.facts.persons)
    return Action("inspect") if live else None


def next_time(snap: Snapshot) -> datetime | None:
    """When to look again without being woken (real time); None when nothing is alive."""
    now = timezone.now()
    offset = legal_now() - now
    margin = timedelta(seconds=settings.PROVISIONING["expiry_margin"])
    times: list[datetime] = []
    for key, grant in snap.grants.items():
        if grant.state == "closed":
            continue
        ends = min(grant.expires_at, grant.permit.expires_at)
        times.append(max(now + timedelta(seconds=1), ends - margin - offset))
        if snap.missing[key] and right_of(grant, now=now + offset) == "open":
            times.append(now + timedelta(seconds=WAITING_SECONDS))
        if grant.state in {"open", "suspended"} and snap.facts.project:
            every = timedelta(minutes=settings.PROVISIONING["check_minutes"])
            times.append((snap.workspace.observed_at or now) + every)
    return min(times) if times else None


# --- After --------------------------------------------------------------------------------------


def _succeeded(lease: Lease, action: Action) -> None:
    with lease.write():
        Workspace.objects.filter(pk=lease.workspace_id).update(
            last_step=action.name, last_error="", failure_code="", failing_since=None, tries=0
        )


def _failed(lease: Lease, work: Pass | None, action: Action, error: Exception) -> Outcome:
    """Write down what failed and when to try again; tell a person when it will not pass alone."""
    now = timezone.now()
    workspace = Workspace.objects.get(pk=lease.workspace_id)
    since = workspace.failing_since or now
    window = buckets.propagation()
    passing = isinstance(error, Transient) or (isinstance(error, Denied) and now - since < window)
    tries = workspace.tries + 1
    closing = work is not None and any(p.leaving for p in work.snap.facts.persons)
    if passing:
        wait = backoff(tries, base=1.0, cap=CLOSING_RETRY if closing else OPENING_RETRY)
        if isinstance(error, Denied):  # flapping rights: Terraform retries every 2 s
            wait = min(wait, 2.0 if closing else PROPAGATION_RETRY)
    else:
        wait = CLOSING_RETRY if closing else PERMANENT_RETRY
    again = now + timedelta(seconds=wait) if passing else None
    text = labels.failure(error, action=action.name, again=again, young=_young(work))
    code = getattr(error, "code", "internal")
    logger.warning(
        "workspace %s: %s failed (%s), try %d, again in %.1f s: %s",
        lease.workspace_id,
        action.name,
        code,
        tries,
        wait,
        type(error).__name__,
    )
    with lease.write():
        Workspace.objects.filter(pk=lease.workspace_id).update(
            last_step=action.name,
            last_error=text,
            failure_code=code,
            failing_since=since,
            tries=F("tries") + 1,
        )
        lasting = tries >= TELL_AFTER and not isinstance(error, Denied)  # rights may take minutes
        if work is not None and (not passing or lasting or getattr(error, "alarming", False)):
            told = _fail_grants(work, action, text)
            if told or (not passing and workspace.failure_code != code):
                announce("workspace_failed", lease.workspace_id, code=code)
    others = work is not None and action.grant and not passing and _others_can_go_on(work, action)
    if others:
        return Outcome("did", action=action.name)
    return Outcome("wait", seconds=wait, action=action.name)


def _young(work: Pass | None) -> bool:
    """Whether rights on the study's project may still be on their way."""
    made = buckets.project_made_at(work) if work is not None else None
    return made is not None and timezone.now() - made < buckets.propagation()


def _fail_grants(work: Pass, action: Action, text: str) -> bool:
    """The grants that the failed step was for; all that are on their way when it was for all."""
    told = False
    for key, grant in work.snap.grants.items():
        concerned = action.grant in {"", key} and action.name != "inspect"
        if concerned and grant.state in {"opening", "closing"}:
            move(grant, "fail", text=text)
            told = True
        elif concerned and grant.state == "failed" and grant.reason != text:
            Grant.objects.filter(pk=grant.pk).update(reason=text)
    return told


def _others_can_go_on(work: Pass, action: Action) -> bool:
    """Whether the next decision will be about somebody else than the person who just failed."""
    fresh = snapshot(work.lease.workspace_id, portal=work.snap.facts.portal)
    found = plan.next_action(fresh.facts)
    return found is not None and found.grant != action.grant and found.name != action.name
