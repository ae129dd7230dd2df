"""What time brings: ends of accesses, keys nobody looked at, notices, announcements left behind."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.audit.record import record
from portal.common import sweeps
from portal.common.calendar import legal_now
from requests_app.models import Credential, Grant, Outbox, Permit, Workspace
from requests_app.provisioning.locks import lock_study
from requests_app.provisioning.outbox import TOPICS, announce, resend
from requests_app.provisioning.waking import wake


NOTICES = (90, 30, 7)  # days before the end
KEY_NOTICE = timedelta(days=14)


def sweep() -> None:
    """Cheap when nothing is due: six indexed reads. What fails in one does not stop the others."""
    sweeps.all_of(wake_ending, withdraw_unrevealed, notice_ends, notice_keys, resend, forget_outbox)


def wake_ending() -> int:
    """Accesses whose closing must begin now, whatever their workspace planned. One study a
    transaction (`locks`)."""
    limit = legal_now() + timedelta(seconds=settings.PROVISIONING["expiry_margin"])
    now = timezone.now()
    ending = (
        Grant.objects.live()
        .exclude(wanted="closed")
        .filter(Q(expires_at__lte=limit) | Q(permit__expires_at__lte=limit))
    )
    asleep = Workspace.objects.filter(
        Q(next_reconcile_at__isnull=True) | Q(next_reconcile_at__gt=now)
    )
    found = asleep.filter(pk__in=ending.values("workspace_id")).values_list("pk", flat=True)

    def wake_one(workspace_id: UUID) -> int:
        return asleep.filter(pk=workspace_id).update(next_reconcile_at=now)

    return sweeps.each(list(found), wake_one, what="ends of accesses")


def withdraw_unrevealed() -> int:
    """Keys that nobody had shown within 72 hours are deleted; their person asks for another."""
    limit = timezone.now() - timedelta(hours=settings.PROVISIONING["reveal_hours"])
    stale = Credential.objects.filter(
        use=Credential.Use.PERSON,
        ciphertext__isnull=False,
        revealed_at__isnull=True,
        withdrawn_at__isnull=True,
        created_at__lt=limit,
        grant__state="open",
    ).select_related("grant__permit")
    return sweeps.each(stale, _withdraw, what="keys never shown")


def _withdraw(credential: Credential) -> bool:
    with transaction.atomic():
        lock_study(credential.grant.workspace_id)
        changed = Credential.objects.filter(
            pk=credential.pk, revealed_at__isnull=True, withdrawn_at__isnull=True
        ).update(withdrawn_at=timezone.now(), withdrawn_reason="unrevealed", ciphertext=None)
        if not changed:
            return False
        record(
            "key.unrevealed",
            by=None,
            on=credential,
            about=credential.grant.permit.request_id,
            data={"grant": str(credential.grant_id)},
        )
        announce("key_unrevealed", credential.grant_id)
        wake(credential.grant.workspace_id)
    return True


def notice_ends() -> int:
    """Permits with 90, 30 or 7 days left, each told once."""
    now = legal_now()
    running = Permit.objects.filter(
        revoked_at__isnull=True,
        expires_at__gt=now,
        expires_at__lte=now + timedelta(days=max(NOTICES)),
        grants__state__in=["wanted", "opening", "open", "suspended"],
    ).distinct()
    return sweeps.each(running, _notice_end, what="ends of permits")


def _notice_end(permit: Permit) -> bool:
    left = (permit.expires_at - legal_now()).days
    sent = permit.notices_sent
    new = [days for days in NOTICES if left < days and days not in sent]
    if not new:
        return False
    with transaction.atomic():
        changed = Permit.objects.filter(pk=permit.pk, notices_sent=sent).update(
            notices_sent=sorted({*sent, *new}, reverse=True)
        )
        if changed:  # several at once after a jump: the nearest is the one to tell
            announce("permit_expiring", permit.pk, days=min(new))
    return bool(changed)


def notice_keys() -> int:
    """Persons whose key ends before their access does: they rotate it themselves."""
    now = timezone.now()
    ending = Credential.objects.filter(
        use=Credential.Use.PERSON,
        withdrawn_at__isnull=True,
        expiry_told_at__isnull=True,
        expires_at__lte=now + KEY_NOTICE,
        grant__state="open",
        grant__expires_at__gt=now + KEY_NOTICE + timedelta(days=1),
    )
    return sweeps.each(ending, _notice_key, what="ends of keys")


def _notice_key(credential: Credential) -> bool:
    now = timezone.now()
    with transaction.atomic():
        told = Credential.objects.filter(pk=credential.pk, expiry_told_at__isnull=True)
        if not told.update(expiry_told_at=now) or credential.expires_at is None:
            return False
        days = max(0, (credential.expires_at - now).days)
        announce("key_expiring", credential.grant_id, days=days)
    return True


def forget_outbox() -> None:
    """Announcements made are kept a day, for whoever looks into yesterday; those of a topic that
    nobody consumes (an earlier version's) go too: "not sent" means that somebody waits.
    """
    yesterday = timezone.now() - timedelta(days=1)
    Outbox.objects.filter(done_at__lt=yesterday).delete()
    Outbox.objects.filter(created_at__lt=yesterday).exclude(topic__in=TOPICS).delete()
