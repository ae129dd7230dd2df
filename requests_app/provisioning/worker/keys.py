"""Steps about keys: made last, opened and closed by proof, deleted and seen to be gone."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import Credential, Grant
from requests_app.provisioning import custody
from requests_app.provisioning.facts import READY
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.errors import NotFound, Transient
from requests_app.provisioning.worker.passes import INTENDED, Pass, note, wait_out_lag


PROBE_OUTLIVES = timedelta(days=7)


def marker_of(credential: Credential) -> str:
    """Description of the key at the provider: how one whose answer was lost is found."""
    return f"guichet grant={credential.grant_id} cred={credential.pk} gen={credential.generation}"


def new_intent(grant: Grant, use: str) -> Credential:
    """The next generation of a key, wanted and not made yet; inside the caller's transaction."""
    last = Credential.objects.filter(grant=grant, use=use).aggregate(last=Max("generation"))["last"]
    return Credential.objects.create(grant=grant, use=use, generation=(last or 0) + 1)


def key_end(grant: Grant, use: str) -> datetime:
    """When a key ends at the provider: with the access, never later than its longest life.

    The probe's outlives the access by a week: the closing at its end must still be proven by a key
    that is refused for want of rights, and not for its age.

    Permit dates are legal time and the provider's are real: in training, where legal time runs
    ahead, the provider's end comes later than ours, and ours is the one that acts.
    """
    longest = timezone.now() + timedelta(days=settings.PROVISIONING["key_days"])
    ends = min(grant.expires_at, grant.permit.expires_at)
    if use == Credential.Use.PROBE:
        ends += PROBE_OUTLIVES
    return min(ends, longest)


def make_key(work: Pass, action: Action) -> None:
    """Make a key of use `action.target`; a lost answer costs a generation, never a live orphan.

    For who leaves, an identity that another hand deleted is noted: no key can be made of it any
    more, and none opens anything.
    """
    try:
        _make_key(work, action)
    except NotFound:
        if not _person_is_gone(work, action):
            raise


def _person_is_gone(work: Pass, action: Action) -> bool:
    """Whether the provider, asked by its id, says that a leaving person's identity is no more.
    What is known of its keys is withdrawn: each is then asked for by name."""
    person = next(p for p in work.snap.facts.persons if p.grant == action.grant)
    row = work.person_row(action.grant)
    if not person.leaving or not person.was_keyed or row is None or row.status != READY:
        return False
    if work.backend.person_exists(row.external_id):
        return False
    with work.lease.write():
        row.status = INTENDED
        row.save(update_fields=["status", "updated_at"])
        live = Credential.objects.filter(grant=work.grant(action), deleted_at__isnull=True)
        for credential_id in live.values_list("pk", flat=True):
            withdraw(credential_id, reason="missing")
        note(work, "person_gone", action.grant, row.external_id)
    return True


def _make_key(work: Pass, action: Action) -> None:
    grant, use = work.grant(action), action.target
    ring: custody.Ring = "person" if use == Credential.Use.PERSON else "probe"
    if not custody.available(ring):  # before the call: a secret that cannot be kept is lost
        raise custody.CustodyError(f"{ring} ring")
    person = work.snap.external_id(work.snap.rows.person, str(grant.pk))
    credential = next(
        (
            c
            for c in work.snap.credentials.values()
            if c.grant_id == grant.pk
            and c.use == use
            and not c.access_key
            and c.withdrawn_at is None
            and c.deleted_at is None
        ),
        None,
    )
    if credential is None:
        with work.lease.write():
            credential = new_intent(grant, use)
    elif credential.attempted_at is not None:
        if _delete_orphans(work, credential, person):
            # The next generation in this same step: a key lost again and again is a failure that
            # counts, not progress.
            with work.lease.write():
                _retire(credential, reason="lost")
                _audit("key.lost", credential)
                credential = new_intent(grant, use)
        else:
            wait_out_lag(credential.attempted_at)
    ends = key_end(grant, use)
    with work.lease.write():
        credential.attempted_at = timezone.now()
        credential.save(update_fields=["attempted_at"])
    made = work.backend.make_key(
        person, marker=marker_of(credential), study=work.study, expires_at=ends
    )
    sealed = custody.seal(made.secret_key, ring=ring, credential=credential.pk)
    with work.lease.write():
        credential.access_key, credential.ciphertext = made.access_key, sealed
        credential.expires_at = ends
        credential.save(update_fields=["access_key", "ciphertext", "expires_at"])
        _audit("key.create", credential)
        if use == Credential.Use.PERSON and grant.state == "open":  # asked again by the person
            announce("key_ready", grant.pk)


def _delete_orphans(work: Pass, credential: Credential, person: str) -> bool:
    """Delete keys that carry this credential's marker: their secret is lost. True if any was."""
    mark = f"cred={credential.pk}"
    orphans = [k for k in work.backend.keys_of(person) if mark in k.description]
    for orphan in orphans:
        work.backend.delete_key(orphan.access_key)
        if work.backend.key_exists(orphan.access_key):
            raise Transient(_("la clé à supprimer est encore là"))
    return bool(orphans)


def delete_key(work: Pass, action: Action) -> None:
    """Delete a key and read 404 for it; wipe what is left of its secret."""
    credential = work.snap.credentials[action.target]
    if credential.access_key:
        work.backend.delete_key(credential.access_key)
        if work.backend.key_exists(credential.access_key):
            raise Transient(_("la clé supprimée répond encore"))
    elif credential.attempted_at is not None:
        person = work.snap.external_id(work.snap.rows.person, str(credential.grant_id))
        if person and not _delete_orphans(work, credential, person):
            wait_out_lag(credential.attempted_at)  # it may show up later
    with work.lease.write():
        _retire(credential, reason=credential.withdrawn_reason or _why_gone(credential))
        _audit("key.delete", credential)


def _why_gone(credential: Credential) -> str:
    """Nobody withdrew it: its access closed, or a person's key came to its end before that."""
    if credential.use == Credential.Use.PROBE or credential.expires_at is None:
        return "closed"
    return "expired" if credential.expires_at <= timezone.now() else "closed"


def _retire(credential: Credential, *, reason: str) -> None:
    now = timezone.now()
    credential.withdrawn_at = credential.withdrawn_at or now
    credential.withdrawn_reason = reason
    credential.deleted_at, credential.ciphertext = now, None
    credential.save(update_fields=["withdrawn_at", "withdrawn_reason", "deleted_at", "ciphertext"])


def withdraw(credential_id: UUID, *, reason: str) -> bool:
    """A live key is no longer wanted: the reconciler deletes it. False when it was not live."""
    return bool(
        Credential.objects.filter(pk=credential_id, withdrawn_at__isnull=True).update(
            withdrawn_at=timezone.now(), withdrawn_reason=reason, ciphertext=None
        )
    )


def forget_missing(credential: Credential) -> None:
    """Deleted at the provider by another hand; not made again by itself."""
    _retire(credential, reason="missing")


def probe_secret(credential: Credential) -> tuple[str, str]:
    """Access and secret key of a probe credential. Raises CustodyError, NotFound when wiped."""
    if credential.ciphertext is None:
        raise NotFound("the probe's secret is gone")
    secret = custody.unseal(credential.ciphertext, ring="probe", credential=credential.pk)
    return credential.access_key, secret


def _audit(action: str, credential: Credential) -> None:
    record(
        action,
        by=None,
        on=credential,
        about=credential.grant.permit.request_id,
        data={
            "grant": str(credential.grant_id),
            "use": credential.use,
            "generation": credential.generation,
            "access_key": credential.access_key,
        },
    )
