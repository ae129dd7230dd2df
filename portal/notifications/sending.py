"""Taking messages up and sending them: one worker at a time per message, retries with backoff."""

import logging
import re
import smtplib
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .base import why_skipped
from .models import Message
from .permissions import hidden_from


logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than EMAIL_TIMEOUT: a live worker always ends in time
BACKOFF = [timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720)]
MAX_TRIES = len(BACKOFF) + 1
BATCH = 100
_LONG_WORD = re.compile(r"\S{16,}")
EXPIRED = gettext_noop("le lien a expiré avant l’envoi")


class ServerDown(Exception):
    """The mail server cannot be reached: no use trying the next message now."""


@dataclass(frozen=True, slots=True)
class Result:
    sent: int = 0
    failed: int = 0
    skipped: int = 0


def wipe_expired() -> int:
    """Wipe the text of links that have ended, whatever became of their messages; how many.

    One that still waited is not sent: its reader asks for a new link.
    """
    ended = Message.objects.filter(sensitive=True, expires_at__lte=timezone.now()).exclude(body="")
    waiting = ended.filter(state=Message.State.PENDING)
    wiped = waiting.update(state=Message.State.SKIPPED, body="", last_error=_(EXPIRED))
    # One being sent is its worker's, for as long as its lease: it is wiped either way.
    return wiped + ended.exclude(state=Message.State.SENDING).update(body="")


def claim() -> Message | None:
    """Take the oldest message due, for `LEASE`; None when nothing is due or free."""
    now = timezone.now()
    due = Q(state=Message.State.PENDING, send_after__lte=now)
    # A worker died while sending: the message goes again, under the same Message-ID.
    abandoned = Q(state=Message.State.SENDING, lease_until__lt=now)
    with transaction.atomic():
        message = (
            Message.objects.select_for_update(skip_locked=True)
            .filter(due | abandoned)
            .order_by("send_after", "id")
            .first()
        )
        if message is None:
            return None
        message.state = Message.State.SENDING
        message.lease += 1
        message.lease_until = now + LEASE
        message.tries += 1
        message.save(update_fields=["state", "lease", "lease_until", "tries"])
    return message


def _finish(message: Message, **fields: object) -> bool:
    """Write the end of a try, unless another worker has taken the message since."""
    held = Message.objects.filter(
        pk=message.pk, state=Message.State.SENDING, lease=message.lease
    ).update(lease_until=None, **fields)
    return bool(held)


def _skip_reason(message: Message) -> str:
    if message.sensitive and (not message.body or _has_ended(message)):
        return _(EXPIRED)
    if message.recipient is None:
        return ""
    if message.about and hidden_from(message.recipient, {message.about}):
        return _("le dossier n’est plus visible de cette personne")
    return why_skipped(message.recipient)


def _has_ended(message: Message) -> bool:
    return message.expires_at is not None and message.expires_at <= timezone.now()


def _mail(message: Message, address: str, connection: BaseEmailBackend) -> EmailMessage:
    host = urlsplit(settings.PUBLIC_URL).hostname or "guichet.invalid"
    return EmailMessage(
        subject=message.subject,
        body=message.body,
        to=[address],
        connection=connection,
        headers={
            "Message-ID": f"<{message.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )


def _error_text(error: Exception) -> tuple[str, bool]:
    """What to show, and whether trying again is useless."""
    if isinstance(error, smtplib.SMTPRecipientsRefused) and error.recipients:
        code, words = next(iter(error.recipients.values()))
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        return f"{code} {text}"[:300], code >= 500
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        # 4xx is temporary; a 5xx about the sender or the content will be the same next time.
        permanent = error.smtp_code >= 500 and not isinstance(
            error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError
        )
        return f"{error.smtp_code} {text}"[:300], permanent
    # ValueError: an address or a header that cannot be written, today or tomorrow.
    return f"{type(error).__name__}: {error}"[:300], isinstance(error, ValueError)


def _failed(message: Message, text: str, *, permanent: bool) -> str:
    """Write a try that failed: the last one, or another later. The state it ends in."""
    if message.sensitive:  # a server that refuses a link may quote it
        text = _LONG_WORD.sub("…", text)
    if permanent or message.tries >= MAX_TRIES:
        body = {"body": ""} if message.sensitive else {}
        _finish(message, state=Message.State.FAILED, last_error=text, **body)
        logger.error("message %s (%s) failed: %s", message.pk, message.code, text)
        return Message.State.FAILED
    _finish(
        message,
        state=Message.State.PENDING,
        last_error=text,
        send_after=timezone.now() + BACKOFF[message.tries - 1],
    )
    logger.warning("message %s (%s) will be tried again: %s", message.pk, message.code, text)
    return Message.State.PENDING


def send_one(message: Message, connection: BaseEmailBackend) -> str:
    """Send a claimed message and write what happened; the state it ends in.

    Raises ServerDown when the server cannot be reached at all (the message is put back).
    """
    body = {"body": ""} if message.sensitive else {}
    reason = _skip_reason(message)
    if reason:
        _finish(message, state=Message.State.SKIPPED, last_error=reason, **body)
        return Message.State.SKIPPED
    address = message.recipient.email if message.recipient else message.address
    try:
        _mail(message, address, connection).send()
    except (OSError, ValueError) as error:  # every error of smtplib is an OSError
        text, permanent = _error_text(error)
        text = text.replace(address, "…")
        down = isinstance(error, ConnectionError | TimeoutError | smtplib.SMTPConnectError) or (
            isinstance(error, smtplib.SMTPServerDisconnected)
        )
        state = _failed(message, text, permanent=permanent)
        if down and state == Message.State.PENDING:
            raise ServerDown(text) from error
        return state
    _finish(
        message,
        state=Message.State.SENT,
        sent_at=timezone.now(),
        address=address,
        last_error="",
        **body,
    )
    return Message.State.SENT


def send_due() -> Result:
    """Send what is due, at most `BATCH` messages over one connection; the next sweep goes on."""
    wipe_expired()
    counts = dict.fromkeys(Message.State.values, 0)
    connection: BaseEmailBackend | None = None
    try:
        for _number in range(BATCH):
            message = claim()
            if message is None:
                break
            connection = connection or get_connection()
            try:
                counts[send_one(message, connection)] += 1
            except ServerDown:
                break
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:  # a fault of ours: this message later, the others now
                logger.exception("message %s (%s)", message.pk, message.code)
                counts[_failed(message, type(error).__name__, permanent=False)] += 1
    finally:
        if connection is not None:
            connection.close()
    return Result(
        sent=counts[Message.State.SENT],
        failed=counts[Message.State.FAILED],
        skipped=counts[Message.State.SKIPPED],
    )
