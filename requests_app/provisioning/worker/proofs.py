"""Steps that prove by use: openings by successes in a row, closings by refusals in a row."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import CloudResource, Credential, Grant, Probe
from requests_app.provisioning import plan
from requests_app.provisioning.custody import CustodyError
from requests_app.provisioning.facts import READY
from requests_app.provisioning.moves import move
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.plan import Action, PersonFacts
from requests_app.provisioning.providers.errors import Permanent, ProviderError, Transient
from requests_app.provisioning.worker import drift, probes
from requests_app.provisioning.worker.keys import forget_missing, probe_secret
from requests_app.provisioning.worker.passes import Pass, Wait


class Leak(Permanent):
    """Something that must be refused is allowed: the fences do not hold."""

    code = "leak"


class NotArrived(Transient):
    """Rights did not arrive within the propagation window."""

    code = "not_arrived"
    alarming = True


class StillAllowed(Transient):
    """The key is deleted, the fences are cut, and yet it answers: a person must look."""

    code = "still_allowed"
    alarming = True


class Silent(Transient):
    """No clear answer to the tries of a closing: neither allowed nor refused."""

    code = "silent"
    alarming = True


def verify_open(work: Pass, action: Action) -> None:
    """One round for every person inside the fences who was not yet seen working.

    Raises Wait until enough rounds held; Leak at once when a refused try passes; NotArrived when
    rights did not within the propagation window.
    """
    late = pending = False
    for person in plan.to_verify(work.snap.facts):
        grant = work.snap.grants[person.grant]
        done = _round(work, person, opening=True)
        if done.leaks:
            kinds = ", ".join(sorted({one.kind for one in done.leaks}))
            raise Leak(_("un essai qui doit être refusé est admis : %(what)s") % {"what": kinds})
        with work.lease.write():
            streak = _count(grant, done)
            if streak >= settings.PROVISIONING["open_rounds"]:
                move(grant, "confirm_open", observed="allowed")
                announce("key_ready", grant.pk)
                continue
            _observe(grant, done, code="not_yet")
        pending = True
        late = late or (not done.holds and _waited_too_long(grant))
    if late:
        raise NotArrived(_("les droits ne sont pas arrivés dans le délai de propagation"))
    if pending:
        raise Wait(settings.PROVISIONING["open_spacing"])


def prove_closed(work: Pass, action: Action) -> None:
    """One round for every person outside the fences; the proof and its time once enough refused.

    A try that is allowed has what the provider holds read and written again at once: another hand
    may have undone what was cut. So has the last round, before the proof is written. Raises Wait
    until then; StillAllowed, Silent when the propagation window passes without refusals. One
    person's error keeps no other from being proven.
    """
    pending = False
    errors: list[Exception] = []
    differed = cache(partial(drift.hold_shut, work))  # once a round, however many leave
    for person in plan.to_prove(work.snap.facts):
        try:
            pending = not _try_one(work, person, differed) or pending
        except (ProviderError, CustodyError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    if pending:
        raise Wait(settings.PROVISIONING["refusal_spacing"])


def _try_one(work: Pass, person: PersonFacts, differed: Callable[[], bool]) -> bool:
    """One round for one person; whether the closing is proven."""
    grant = work.snap.grants[person.grant]
    if person.bereft:  # nobody is left to try as
        if differed():
            return False
        with work.lease.write():
            _start_again(grant)
            _prove(work, grant, tries=0, absent=_identity_of(work, person))
        return True
    done = _round(work, person, opening=False)
    with work.lease.write():
        streak = _count(grant, done)
        _observe(grant, done, code="still_allowed" if done.leaks else "no_answer")
    enough = streak >= settings.PROVISIONING["refusal_rounds"]
    if (done.leaks or done.bucket_gone or enough) and differed():
        with work.lease.write():  # cut again: what was refused before proves nothing of now
            _start_again(grant)
        enough = False
    if enough and _probe_is_dead(work, person):
        with work.lease.write():
            _start_again(grant)
        enough = False
    if enough:
        with work.lease.write():
            _prove(work, grant, tries=len(done.tries))
        return True
    if not done.holds and _waited_too_long(grant):
        if done.leaks:
            raise StillAllowed(_("un essai est encore admis après le délai de propagation"))
        raise Silent(_("l’hébergeur ne répond pas clairement aux essais"))
    return False


def _round(work: Pass, person: PersonFacts, *, opening: bool) -> probes.Round:
    key = person.key("probe")
    assert key is not None  # noqa: S101 (plan.to_verify and to_prove chose it)
    credential: Credential = work.snap.credentials[key.id]
    holder = work.backend.key_holder(*probe_secret(credential))
    names = work.snap.facts.names
    if opening:
        done = probes.open_round(
            holder,
            bucket_in=names["in"],
            bucket_ws=names["ws"],
            name=person.grant,
            others=_another_study(work),
        )
    else:
        done = probes.closed_round(
            holder,
            bucket_in=names["in"],
            bucket_ws=names["ws"],
            name=person.grant,
            gone=work.snap.facts.gone,
        )
    now = timezone.now()
    with work.lease.write():
        Probe.objects.bulk_create(
            Probe(
                grant_id=credential.grant_id,
                kind=one.kind,
                expected=one.expected,
                status=one.answer.status,
                provider_request_id=one.answer.request_id[:100],
                at=now,
            )
            for one in done.tries
        )
    return done


def _another_study(work: Pass) -> list[str]:
    """The input bucket of one other study, fenced: a neighbour that must refuse."""
    fenced = CloudResource.objects.filter(kind="fence", logical_key="in", status=READY)
    other = (
        CloudResource.objects.filter(
            kind="bucket",
            logical_key="in",
            status=READY,
            workspace__in=fenced.exclude(spec_hash="").values("workspace"),
        )
        .exclude(workspace=work.workspace)
        .order_by("pk")
        .values_list("external_id", flat=True)
        .first()
    )
    return [other] if other else []


def _count(grant: Grant, done: probes.Round) -> int:
    """Rounds in a row that held; an unexpected answer starts again, silence changes nothing."""
    now = timezone.now()
    if done.holds:
        grant.streak += 1
        grant.streak_since = grant.streak_since or now
    elif done.answered or done.leaks:
        grant.streak, grant.streak_since = 0, None
    Grant.objects.filter(pk=grant.pk).update(streak=grant.streak, streak_since=grant.streak_since)
    return grant.streak


def _probe_is_dead(work: Pass, person: PersonFacts) -> bool:
    """Whether the refusals were those of a key that is not there, which prove nothing: it is
    forgotten, and the plan makes another."""
    key = person.key("probe")
    if key is None:
        return True
    credential = work.snap.credentials[key.id]
    if work.backend.key_exists(credential.access_key):
        return False
    with work.lease.write():
        forget_missing(credential)
    return True


def _identity_of(work: Pass, person: PersonFacts) -> str:
    row = work.person_row(person.grant)
    return row.external_id if row is not None else ""


def _start_again(grant: Grant) -> None:
    grant.streak, grant.streak_since = 0, None
    Grant.objects.filter(pk=grant.pk).update(streak=0, streak_since=None)


def _observe(grant: Grant, done: probes.Round, *, code: str) -> None:
    if done.holds:
        return
    Grant.objects.filter(pk=grant.pk).update(
        observed=code if done.answered or done.leaks else "no_answer", observed_at=timezone.now()
    )


def _waited_too_long(grant: Grant) -> bool:
    window = timedelta(seconds=settings.PROVISIONING["propagation"])
    return grant.verify_since is not None and timezone.now() - grant.verify_since > window


def _prove(work: Pass, grant: Grant, *, tries: int, absent: str = "") -> None:
    """The proof: keys gone, fences read back, refusals seen; time from the wish to it stored.

    `absent`: id of the identity that is no more, so that there was nothing to try with.
    """
    now = timezone.now()
    asked = grant.closing_requested_at or grant.verify_since or now
    seconds = max(0.0, (now - asked).total_seconds())
    Grant.objects.filter(pk=grant.pk).update(
        proof_at=now,
        revocation_seconds=seconds,
        observed="absent" if not tries else "refused",
        observed_at=now,
    )
    gone = grant.credentials.filter(use=Credential.Use.PERSON, deleted_at__isnull=False)
    without_tries = {} if tries else {"application_absent": absent}
    record(
        "grant.prove_closed",
        by=None,
        on=grant,
        about=grant.permit.request_id,
        data={
            "rounds": grant.streak,
            "tries": tries,
            "since": (grant.streak_since or now).isoformat(),
            "until": now.isoformat(),
            "seconds": f"{seconds:.2f}",
            "keys_gone": list(gone.exclude(access_key="").values_list("access_key", flat=True)),
            "policies_read": len(work.snap.facts.buckets),
            "buckets_gone": sorted(work.snap.facts.gone),
            **without_tries,
        },
    )
