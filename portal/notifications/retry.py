"""Trying again what was not sent."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.record import record

from .models import Message


def retry(messages: Iterable[Message], *, by: User) -> tuple[int, int]:
    """Put failed and skipped messages back in the queue: (put back, left as they are).

    One whose text was wiped stays: the person asks for a new link instead.
    """
    done = left = 0
    for message in messages:
        with transaction.atomic():
            changed = (
                Message.objects.filter(
                    pk=message.pk, state__in=[Message.State.FAILED, Message.State.SKIPPED]
                )
                .exclude(body="")
                .update(state=Message.State.PENDING, tries=0, send_after=timezone.now())
            )
            if changed:
                record("message.retry", by=by, on=message, about=message.about)
        done, left = done + changed, left + (not changed)
    return done, left
