"""The extract's machine: its table of moves, and the one function that writes its state.

A run of the worker that was overtaken by a new demand publishes what it made and moves nothing: the
extract stays asked for, and is prepared again.
"""

from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.audit.record import record
from portal.common.calendar import legal_now
from portal.common.machine import Machine, transition
from requests_app.models import Extract, ExtractState


_S = ExtractState
_OPEN = (_S.TO_PREPARE, _S.ASKED, _S.REFUSED, _S.STAGED, _S.SENT_BACK)
_SYSTEM, _OPERATOR, _OFFICER = "system", "operator", "main_base_officer"

MACHINE = Machine(
    "extract",
    ExtractState.values,
    transition("ask", _OPEN, _S.ASKED, _OPERATOR),
    transition("stage", _OPEN, _S.STAGED, _SYSTEM),
    # A file is missing or not as approved, or the preparation stopped: `problem` says why.
    transition("refuse", _OPEN, _S.REFUSED, _SYSTEM),
    transition("confirm", (_S.STAGED,), _S.CONFIRMED, _OPERATOR, _OFFICER),
    transition("deliver", (_S.CONFIRMED,), _S.DELIVERED, _SYSTEM),
    # What was confirmed is lost, changed, or no longer what the permit allows.
    transition("send_back", (_S.CONFIRMED,), _S.SENT_BACK, _SYSTEM),
)
REFUSALS = frozenset({"refuse", "send_back"})


def move(
    extract: Extract,
    name: str,
    *,
    by: User | None,
    text: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """One row of the table, in the caller's transaction, which locked what comes before (`locks`).

    `text` becomes the problem of a refusal. Raises IllegalMove.
    """
    rows = Extract.objects.filter(pk=extract.pk)
    source = rows.select_for_update(of=("self",)).values_list("state", flat=True).get()
    changes = _changes(name, by=by, text=text)
    rows.update(state=MACHINE.target(name, source), **changes)
    extract.state = MACHINE.target(name, source)
    for field, value in changes.items():
        setattr(extract, field, value)
    note(extract, name, by=by, text=text, data=data)


def _changes(name: str, *, by: User | None, text: str) -> dict[str, Any]:
    """The columns that a new state demands."""
    nobody = {"asked_at": None, "asked_by": None}
    match name:
        case "ask":
            return {"asked_at": timezone.now(), "asked_by": by, "problem": "", "tries": 0}
        case "stage":
            return nobody | {"problem": ""}
        case "refuse":
            return nobody | {"problem": text, "manifest": {}}
        case "confirm":
            return {"confirmed_by": by, "confirmed_at": legal_now()}
        case "deliver":
            return {"delivered_at": timezone.now(), "problem": ""}
        case "send_back":
            unconfirmed = {"confirmed_by": None, "confirmed_at": None}
            return unconfirmed | {"problem": text, "manifest": {}}
    return {}


def note(
    extract: Extract,
    name: str,
    *,
    by: User | None,
    text: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """The event of a move, or of a run that moved nothing."""
    record(
        f"{MACHINE.what}.{name}",
        by=by,
        on=extract.workspace,
        about=extract.workspace.request_id,
        outcome="refused" if name in REFUSALS else "done",
        text=text,
        data=data or {},
    )
