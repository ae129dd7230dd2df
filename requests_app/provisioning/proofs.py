"""Steps that prove by use: openings by successes in a row, closings by refusals in a row."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import CloudResource, Credential, Grant, Probe
from requests_app.provisioning import plan, probes
from requests_app.provisioning.backends.base import Permanent, Transient
from requests_app.provisioning.facts import READY
from requests_app.provisioning.fences import BUCKETS, names_application
from requests_app.provisioning.hints import announce
from requests_app.provisioning.keys import probe_secret
from requests_app.provisioning.moves import move
from requests_app.provisioning.plan import Action, PersonFacts
from requests_app.provisioning.steps import Pass, Wait


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

    Raises Wait until then; StillAllowed when something is admitted after the propagation window.
    """
    late = pending = False
    for person in plan.to_prove(work.snap.facts):
        grant = work.snap.grants[person.grant]
        done = _round(work, person, opening=False)
        with work.lease.write():
            streak = _count(grant, done)
            _observe(grant, done, code="still_allowed")
        if streak >= settings.PROVISIONING["refusal_rounds"]:
            _read_back(work, person)
            with work.lease.write():
                _prove(grant, tries=len(done.tries))
            continue
        pending = True
        late = late or (not done.holds and _waited_too_long(grant))
    if late:
        raise StillAllowed(_("un essai est encore admis après le délai de propagation"))
    if pending:
        raise Wait(settings.PROVISIONING["refusal_spacing"])


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
            holder, bucket_in=names["in"], bucket_ws=names["ws"], name=person.grant
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
    elif done.answered:
        grant.streak, grant.streak_since = 0, None
    Grant.objects.filter(pk=grant.pk).update(streak=grant.streak, streak_since=grant.streak_since)
    return grant.streak


def _observe(grant: Grant, done: probes.Round, *, code: str) -> None:
    if done.holds:
        return
    Grant.objects.filter(pk=grant.pk).update(
        observed=code if done.answered else "no_answer", observed_at=timezone.now()
    )


def _waited_too_long(grant: Grant) -> bool:
    window = timedelta(seconds=settings.PROVISIONING["propagation"])
    return grant.verify_since is not None and timezone.now() - grant.verify_since > window


def _read_back(work: Pass, person: PersonFacts) -> None:
    """Both policies, as the provider holds them now, without the person. Raises Transient."""
    for kind in BUCKETS:
        fence, bucket = work.snap.resource("fence", kind), work.snap.external_id("bucket", kind)
        if not bucket:
            continue
        policy = work.backend.bucket_policy(bucket, project=work.project)
        if person.application and names_application(policy, person.application):
            if fence is not None:  # another hand wrote it since: written again, then proven again
                with work.lease.write():
                    CloudResource.objects.filter(pk=fence.pk).update(spec_hash="")
            raise Transient(_("les règles relues nomment encore la personne"))


def _prove(grant: Grant, *, tries: int) -> None:
    """The proof: keys gone, policies read back, refusals seen; time from the wish to it stored."""
    now = timezone.now()
    asked = grant.closing_requested_at or grant.verify_since or now
    seconds = max(0.0, (now - asked).total_seconds())
    Grant.objects.filter(pk=grant.pk).update(
        proof_at=now, revocation_seconds=seconds, observed="refused", observed_at=now
    )
    gone = grant.credentials.filter(use=Credential.Use.PERSON, deleted_at__isnull=False)
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
            "policies_read": len(BUCKETS),
        },
    )
