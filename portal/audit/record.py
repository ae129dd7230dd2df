"""Writing to the log.

`record()` joins the caller's transaction; `record_refusal()` and `record_view()` have their own.
Events are chained later, by the sealer: a busy log never makes a person wait for a lock.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User
from portal.common.calendar import legal_offset
from portal.common.http import Unavailable
from portal.common.readonly import door_for_audit

from . import actions
from .chain import text_hash
from .models import AuditEvent, AuditText


Data = Mapping[str, "str | int | bool | list[str]"]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Opaque ids, codes, numbers, dates, hashes: whatever has a space or an accent is refused.
_VALUE = re.compile(r"[A-Za-z0-9_.:/+=#-]{0,128}")
_OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class AuditUnavailable(Unavailable):
    """A view could not be recorded, so it must not be shown (answered 503)."""


def _checked(data: Data | None) -> dict[str, "str | int | bool | list[str]"]:
    """The data as given, or ValueError: only ids, codes and whole numbers enter the chain."""
    checked: dict[str, str | int | bool | list[str]] = {}
    for key, value in (data or {}).items():
        if _KEY.fullmatch(key) is None:
            raise ValueError(f"audit data: {key!r} is not a key")
        if isinstance(value, bool | int):
            checked[key] = value
            continue
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str) or _VALUE.fullmatch(item) is None:
                raise ValueError(
                    f"audit data: {key!r} holds no id, code or number; use text= for words"
                )
        checked[key] = value
    return checked


def _event(
    action: str,
    *,
    by: "User | AnonymousUser | None",
    on: "Model | type[Model] | None",
    about: UUID | None,
    outcome: str,
    data: Data | None,
) -> AuditEvent:
    actions.get(action)
    if _OUTCOME.fullmatch(outcome) is None:
        raise ValueError(f"not an outcome code: {outcome!r}")
    row = on if isinstance(on, Model) else None
    if row is not None and row.pk is None:
        raise ValueError("the object of an audit event must be stored first")
    now = timezone.now()
    return AuditEvent(
        action=action,
        actor_id=by.pk if by is not None and by.is_authenticated else None,
        on_type=on._meta.label_lower if on is not None else "",  # noqa: SLF001
        on_id=str(row.pk) if row is not None else "",
        about=about,
        outcome=outcome,
        data=_checked(data),
        recorded_at=now,
        legal_at=now + legal_offset(),
    )


def _insert(event: AuditEvent, text: str) -> AuditEvent:
    if not text:
        event.save(force_insert=True)
        return event
    salt = secrets.token_hex(16)
    event.text_hash = text_hash(salt, text)
    with transaction.atomic(savepoint=False):
        event.save(force_insert=True)
        AuditText(event=event, salt=salt, text=text).save(force_insert=True)
    return event


def record(
    action: str,
    *,
    by: "User | AnonymousUser | None",
    on: Model | None = None,
    about: UUID | None = None,
    outcome: str = "done",
    text: str = "",
    data: Data | None = None,
) -> AuditEvent:
    """Insert an event in the caller's transaction: it is there if and only if the act is.

    `by=None` is the system; `about` the request whose story the event belongs to; `text` the words
    (reason, remark), kept outside the chain; `data` ids, codes and whole numbers only. Raises
    UnknownAction, and ValueError on data that could carry a name.
    """
    event = _event(action, by=by, on=on, about=about, outcome=outcome, data=data)
    return _insert(event, text)


def record_refusal(
    action: str,
    *,
    by: "User | AnonymousUser | None",
    on: "Model | type[Model] | None" = None,
    about: UUID | None = None,
    outcome: str = "refused",
    text: str = "",
    data: Data | None = None,
) -> AuditEvent:
    """Insert a refusal in a transaction of its own, after the refused act was rolled back.

    `on` may be a model: its list was refused. Works under GET too (a refused page). Raises
    RuntimeError when called inside a transaction, which would take the refusal away with it;
    AuditUnavailable when it cannot be written.
    """
    event = _event(action, by=by, on=on, about=about, outcome=outcome, data=data)
    try:
        with door_for_audit(), transaction.atomic(durable=True):
            return _insert(event, text)
    except DatabaseError as error:
        raise AuditUnavailable("the refusal could not be recorded") from error


def record_view(
    request: HttpRequest,
    action: str,
    *,
    on: "Model | type[Model] | None" = None,
    about: UUID | None = None,
    outcome: str = "done",
    data: Data | None = None,
    always: bool = False,
) -> None:
    """Record that the person sees `on`, a row or (a model) its list, before anything is shown.

    One row per person, action, object and hour; `always=True` (downloads) one per call. One insert,
    in its own transaction, allowed under GET. Raises AuditUnavailable (503) when it fails.
    """
    event = _event(action, by=request.user, on=on, about=about, outcome=outcome, data=data)
    if not always:
        hour = event.recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H")
        parts = (action, str(event.actor_id), event.on_type, event.on_id, str(about), outcome, hour)
        event.once_key = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    try:
        with door_for_audit(), transaction.atomic(durable=True):
            AuditEvent.objects.bulk_create([event], ignore_conflicts=not always)
    except DatabaseError as error:
        raise AuditUnavailable("the view could not be recorded") from error
