"""Moving a grant: state, log, audit and announcement in one fenced transaction."""

from django.utils import timezone

from portal.accounts.models import User
from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.models import Grant, TransitionLog
from requests_app.provisioning.grant_states import MACHINE
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.worker.lease import Lease


def move(
    grant: Grant, name: str, *, by: User | None = None, text: str = "", observed: str = ""
) -> None:
    """One row of the grant's table: the only writer of a grant's state, in the caller's
    transaction, which locked what comes before it (`locks`). Raises IllegalMove."""
    rows = Grant.objects.select_for_update(of=("self",)).filter(pk=grant.pk)
    source = rows.values_list("state", flat=True).get()
    target = MACHINE.target(name, source)
    now, legal = timezone.now(), legal_now()
    changes: dict[str, object] = {}
    if observed:
        changes |= {"observed": observed, "observed_at": now}
    if name in {"start_opening", "retry_opening"}:
        changes |= {"streak": 0, "streak_since": None, "verify_since": now, "proof_at": None}
        changes |= {"closing_requested_at": None, "revocation_seconds": None}
    if name == "confirm_open":
        changes |= {"opened_at": grant.opened_at or legal, "reason": ""}
    if name == "start_closing":
        changes |= {"streak": 0, "streak_since": None, "verify_since": now, "proof_at": None}
        changes |= {"closing_requested_at": grant.closing_requested_at or now}
    if target == "closed":
        changes |= {"closed_at": legal}
    if name == "fail":
        changes |= {"reason": text}
    Grant.objects.filter(pk=grant.pk).update(state=target, **changes)
    grant.state = target
    for field, value in changes.items():
        setattr(grant, field, value)
    request_id = grant.permit.request_id
    TransitionLog.objects.create(
        request_id=request_id,
        grant=grant,
        name=name,
        source=source,
        target=target,
        by=by,
        at=legal,
    )
    record(
        f"{MACHINE.what}.{name}",
        by=by,
        on=grant,
        about=request_id,
        text=text,
        data={"person": str(grant.person_id), "from": source, "to": target},
    )
    announce("grant_changed", grant.pk, old=source, new=target)


def fenced_move(lease: Lease, grant: Grant, name: str, *, text: str = "") -> None:
    """The reconciler's own move. Raises LeaseLost, IllegalMove."""
    with lease.write():
        move(grant, name, text=text)
