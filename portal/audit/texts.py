"""Rectifying or erasing the words of an event (GDPR 16 and 17); the chain keeps their hash."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User

from .models import AuditText
from .record import record


def rectify(event_id: UUID, *, by: User | None, text: str, reason: str) -> AuditText:
    """Replace the words. Raises AuditText.DoesNotExist, and ValueError when they were erased."""
    if not text:
        raise ValueError("an empty text is an erasure")
    return _change(event_id, by=by, text=text, reason=reason)


def erase(event_id: UUID, *, by: User | None, reason: str) -> AuditText:
    """Empty the words and forget their salt, without which the hash no longer tells anything."""
    return _change(event_id, by=by, text="", reason=reason)


def _change(event_id: UUID, *, by: User | None, text: str, reason: str) -> AuditText:
    if not reason.strip():
        raise ValueError("a reason is required")
    with transaction.atomic():
        row = AuditText.objects.select_for_update().get(pk=event_id)
        if row.erased_at:
            raise ValueError("this text is already erased")
        now = timezone.now()
        row.salt, row.text = "", text
        if text:
            row.rectified_at = now
        else:
            row.erased_at = now
        row.save()
        action = "audit.text_rectify" if text else "audit.text_erase"
        event = row.event
        record(action, by=by, on=event, about=event.about, text=reason)
    return row
