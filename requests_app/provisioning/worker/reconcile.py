"""One step of one workspace: read the rows, decide, do, record; or record why it failed.

No automatic rollback: what is half built stays and is tried again; only what closes narrows. A
failed step never stops a closing: it is taken up again within a minute, whatever failed before. On
the way down one pass tries every side, each whatever becomes of the others.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.models import CloudResource, Credential, ExtractState, Grant, Workspace
from requests_app.provisioning import gates, labels, plan
from requests_app.provisioning.custody import CustodyError
from requests_app.provisioning.extract import delivery
from requests_app.provisioning.extract.sources import ExtractError
from requests_app.provisioning.facts import (
    PORTAL,
    READY,
    Snapshot,
    is_over,
    right_of,
    snapshot,
)
from requests_app.provisioning.moves import fenced_move, move
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.errors import Denied, ProviderError, Transient
from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.providers.retrying import backoff
from requests_app.provisioning.worker import buckets, drift, keys, pace, persons, proofs, study
from requests_app.provisioning.worker.lease import Lease, LeaseLost
from requests_app.provisioning.worker.passes import Pass, Wait


logger = logging.getLogger(__name__)

STEPS: dict[str, Callable[[Pass, Action], None]] = {
    "ensure_study": study.ensure_study,
    "ensure_bucket": buckets.ensure_bucket,
    "ensure_encryption": study.ensure_encryption,
    "put_fence": study.put_fence,
    "deliver_extract": study.deliver_extract,
    "ensure_person": persons.ensure_person,
    "ensure_rights": persons.ensure_rights,
    "set_members": persons.set_members,
    "make_key": keys.make_key,
    "delete_key": keys.delete_key,
    "verify_open": proofs.verify_open,
    "prove_closed": proofs.prove_closed,
    "remove_person": persons.remove_person,
    "remove_rights": persons.remove_rights,
    "inspect": drift.inspect,
}
# Failures in a row before a person is told of a transient error; a permanent one tells at once.
TELL_AFTER, CLOSING_TELL_AFTER = 8, 4
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


def step(lease: Lease, backend: Provider) -> Outcome:
    """Do what comes next. Raises LeaseLost only; what a provider answers is recorded here."""
    # Before any call: that something is closing is known from rows alone, whatever answers.
    work = Pass(lease, backend, snapshot(lease.workspace_id, shape=backend.shape))
    _expire(work)
    backend.hurry = closing = plan.closing(work.snap.facts)
    nameless = _name_portal(work)
    backend.hurry = False
    if nameless is not None and not closing:
        return _failed(work, [(Action("read"), nameless)])
    _tell_missing(work)
    if _send_back(work):
        return Outcome("did", action="deliver_extract")
    found = plan.next_actions(work.snap.facts) or _inspection(work.snap)
    if not found:
        return Outcome("idle", until=next_time(work.snap))
    return _perform(work, found, nameless)


def _perform(work: Pass, actions: Sequence[Action], nameless: ProviderError | None) -> Outcome:
    """Try every action whose time has come, then say what came of them; several are sides of one
    closing, each with a pace of its own."""
    failures: list[tuple[Action, Exception]] = []
    waits: dict[Action, float] = {}
    broken: Exception | None = None
    paces = pace.load(work.workspace)
    held = pace.held(paces, actions, now=timezone.now())
    tried = [action for action in actions if action not in held]
    for action in tried:
        work.lease.renew()
        # One attempt each where another side waits behind: the next pass is the retry.
        work.backend.hurry = len(actions) > 1
        try:
            _do(work, action, nameless)
        except Wait as wait:
            waits[action] = wait.seconds
        except (ProviderError, CustodyError, ExtractError) as error:
            failures.append((action, error))
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 (ours to mend; the other side goes on)
            broken = broken or error
    work.backend.hurry = False
    progress = len(tried) > len(failures) + len(waits) + (broken is not None)
    kept = {pace.key(action): paces[pace.key(action)] for action in held}
    outcome = _failed(work, failures, waits=waits, kept=kept) if failures else None
    if broken is not None:
        raise broken
    if progress:
        if not failures and not any(one.code for one in kept.values()):
            _succeeded(work.lease, actions[-1])
        return Outcome("did", action=actions[-1].name)
    if outcome is not None and outcome.kind == "did":
        return outcome
    left = [*waits.values(), *held.values(), *([outcome.seconds] if outcome is not None else [])]
    return Outcome("wait", seconds=min(left), action=actions[0].name)


def _do(work: Pass, action: Action, nameless: ProviderError | None) -> None:
    if action.name == "put_fence" and nameless is not None and not work.snap.facts.portal:
        raise nameless  # a fence that forgets the portal is never written
    if action.name in STEPS:
        STEPS[action.name](work, action)
    else:
        fenced_move(work.lease, work.grant(action), action.name)


# --- Before deciding ----------------------------------------------------------------------------


def _name_portal(work: Pass) -> ProviderError | None:
    """Ask the provider who the portal is, and remember it beside the study; the refusal, if any.

    Without an answer, a closing goes on with the name that the fences hold: object storage may be
    well while the rest of the provider is not.
    """
    facts = work.snap.facts
    try:
        portal = work.backend.portal_name()
    except ProviderError as error:
        return error
    work.snap.facts = replace(facts, portal=portal)
    row = work.snap.resource(PORTAL)
    if facts.buckets and (row is None or row.external_id != portal):
        with work.lease.write():
            CloudResource.objects.update_or_create(
                workspace=work.workspace,
                kind=PORTAL,
                logical_key="",
                defaults={"external_id": portal, "status": READY},
            )
    return None


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


def _send_back(work: Pass) -> bool:
    """An extract confirmed of what nobody is allowed any more (a table of the catalogue changed):
    whoever waits would wait for ever."""
    if work.workspace.extract.state != ExtractState.CONFIRMED:
        return False
    waiting = [work.snap.missing[p.grant] for p in work.snap.facts.persons if p.right == "open"]
    if not waiting or not all("extract_differs" in codes for codes in waiting):
        return False
    with work.lease.write():
        delivery.send_back(work.workspace, reason=str(gates.label("extract_differs")))
    return True


def _inspection(snap: Snapshot) -> tuple[Action, ...]:
    """Comparison with the provider is due: only once something is built, when nothing else is."""
    if not snap.facts.study:
        return ()
    every = timedelta(minutes=settings.PROVISIONING["check_minutes"])
    seen = snap.workspace.observed_at
    if seen is not None and timezone.now() - seen < every:
        return ()
    live = any(person.state not in {"closed", "wanted"} for person in snap.facts.persons)
    return (Action("inspect"),) if live else ()


def next_time(snap: Snapshot) -> datetime | None:
    """When to look again without being woken (real time); None when nothing is alive."""
    now = timezone.now()
    offset = legal_now() - now
    margin = timedelta(seconds=settings.PROVISIONING["expiry_margin"])
    times: list[datetime] = []
    soon = now + timedelta(seconds=1)
    times += [  # a person's key goes at its end, whoever the provider
        max(soon, key.expires_at)
        for key in snap.credentials.values()
        if key.use == Credential.Use.PERSON and key.expires_at and key.withdrawn_at is None
    ]
    for name, grant in snap.grants.items():
        if grant.state == "closed":
            continue
        ends = min(grant.expires_at, grant.permit.expires_at)
        times.append(max(soon, ends - margin - offset))
        if snap.missing[name] and right_of(grant, now=now + offset) == "open":
            times.append(now + timedelta(seconds=WAITING_SECONDS))
        if grant.state in {"open", "suspended"} and snap.facts.study:
            every = timedelta(minutes=settings.PROVISIONING["check_minutes"])
            times.append((snap.workspace.observed_at or now) + every)
    return min(times) if times else None


# --- After --------------------------------------------------------------------------------------


def _succeeded(lease: Lease, action: Action) -> None:
    with lease.write():
        Workspace.objects.filter(pk=lease.workspace_id).update(
            last_step=action.name,
            last_error="",
            failure_code="",
            failing_since=None,
            tries=0,
            paces={},
        )


def _failed(
    work: Pass,
    failures: Sequence[tuple[Action, Exception]],
    *,
    waits: Mapping[Action, float] | None = None,
    kept: pace.Paces | None = None,
) -> Outcome:
    """Write down what failed and when to try each again; tell a person when it will not pass alone,
    or, of a closing, when it does not pass at once. `waits`, `kept`: the other sides."""
    now = timezone.now()
    workspace = Workspace.objects.get(pk=work.workspace.pk)
    since = workspace.failing_since or now

    def passing(error: Exception) -> bool:
        return isinstance(error, Transient) or (
            isinstance(error, Denied) and now - since < buckets.propagation()
        )

    action, error = next(
        ((one, why) for one, why in failures if not passing(why)), failures[0]
    )  # the one that will not pass alone, if any
    tries = workspace.tries + 1
    closing = plan.closing(work.snap.facts)
    alone = len(failures) + len(waits or {}) + len(kept or {}) == 1
    before, young = pace.load(workspace), _young(work)
    failing: dict[str, pace.Pace] = {}
    for one, why in failures:
        name = pace.key(one)
        times = tries if alone or name not in before else before[name].tries + 1
        until = now + timedelta(seconds=_pause(why, times, passing=passing(why), closing=closing))
        text = labels.failure(
            why, action=one.name, again=until if passing(why) else None, young=young
        )
        code = getattr(why, "code", "internal")
        failing[name] = pace.Pace(until, times, code, text, lasting=not passing(why))
    others = dict(kept or {}) | {
        pace.key(one): pace.Pace(now + timedelta(seconds=left))
        for one, left in (waits or {}).items()
    }
    code = failing[pace.key(action)].code
    lasting_before = [one.code for one in others.values() if one.lasting]
    if passing(error) and lasting_before:
        code = lasting_before[0]
    wait = min((one.until - now).total_seconds() for one in failing.values())
    logger.warning(
        "workspace %s: %s failed (%s), try %d, again in %.1f s: %s",
        work.workspace.pk,
        ", ".join(one.name for one, _why in failures),
        code,
        tries,
        wait,
        type(error).__name__,
    )
    tell_after = CLOSING_TELL_AFTER if closing else TELL_AFTER
    said = [one.text for one in (*failing.values(), *others.values()) if one.text]
    with work.lease.write():
        Workspace.objects.filter(pk=work.workspace.pk).update(
            last_step=action.name,
            last_error=" ".join(dict.fromkeys(said)),
            failure_code=code,
            failing_since=since,
            tries=F("tries") + 1,
            paces={} if alone else pace.plain(others | failing),
        )
        # Rights may take minutes to open; nothing of the kind explains a closing refused.
        lasting = tries >= tell_after and (closing or not isinstance(error, Denied))
        alarming = any(getattr(why, "alarming", False) for _one, why in failures)
        if not passing(error) or lasting or alarming:
            told = [_fail_grants(work, one, failing[pace.key(one)].text) for one, _why in failures]
            new = not passing(error) and workspace.failure_code != code
            if closing:  # each time: the notice is written once, whatever was told before of this
                announce("workspace_failed", work.workspace.pk, code=code, closing=True)
            elif any(told) or new:
                announce("workspace_failed", work.workspace.pk, code=code)
    if action.grant and not passing(error) and not closing and _others_can_go_on(work, action):
        return Outcome("did", action=action.name)
    return Outcome("wait", seconds=wait, action=action.name)


def _pause(error: Exception, tries: int, *, passing: bool, closing: bool) -> float:
    """Seconds before a failed step is tried again."""
    if not passing:
        return CLOSING_RETRY if closing else PERMANENT_RETRY
    wait = backoff(tries, base=1.0, cap=CLOSING_RETRY if closing else OPENING_RETRY)
    if isinstance(error, Denied):  # flapping rights: Terraform retries every 2 s
        wait = min(wait, 2.0 if closing else PROPAGATION_RETRY)
    return wait


def _young(work: Pass) -> bool:
    """Whether rights on the study's place may still be on their way."""
    made = buckets.study_made_at(work)
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
    fresh = snapshot(
        work.lease.workspace_id, portal=work.snap.facts.portal, shape=work.backend.shape
    )
    found = plan.next_action(fresh.facts)
    return found is not None and found.grant != action.grant and found.name != action.name
