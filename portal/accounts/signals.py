"""What accounts announce. The rooms above listen: this one knows neither the log nor the mail.

Listeners run in the sender's transaction, and an error of theirs undoes the act: `send`, never
`send_robust`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.dispatch import Signal


if TYPE_CHECKING:
    from .models import Membership, User

# action: str, by: User | None, on: Model | None, text: str, data: dict, refused: bool
account_event = Signal()
# code: str, to: list[User | str], context: dict (plain values, links included), until: datetime |
# None (when the link of the message ends)
mail_wanted = Signal()
# invitation: Invitation; before its row is locked to be accepted: the rooms above lock the row of
# theirs that it names, as they do before they invite, so that neither waits for the other
invitation_taken_up = Signal()
# invitation: Invitation, user: User; in the transaction that accepts it
invitation_accepted = Signal()
# membership: Membership, told: bool; a person may sign from now on. Listeners answer with what
# waits for the signature, (title, link) each; unless `told`, they write to the person themselves.
signatory_confirmed = Signal()
# user: User | None, organisation: Organisation | None, by: User | None, reason: str
access_suspended = Signal()
# user: User, lately: timedelta; the rooms above answer whether the person has an access or a part
# in a file, had one until lately or is to have one
powers_asked = Signal()
# user: User, old: str; in the transaction of the change, before anything is written about it
address_replaced = Signal()
# user: User; training, terms or second factor changed: what waits for them may go on
conditions_changed = Signal()


def event(
    action: str,
    *,
    by: "User | None",
    on: Model | None = None,
    text: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Tell the log of an act. `data` holds ids, codes and numbers; words go in `text`."""
    account_event.send(
        sender=None, action=action, by=by, on=on, text=text, data=data or {}, refused=False
    )


def refusal(
    action: str, *, by: "User | None", on: Model | None = None, data: dict[str, Any] | None = None
) -> None:
    """Tell the log of a refused act; called outside any transaction."""
    account_event.send(
        sender=None, action=action, by=by, on=on, text="", data=data or {}, refused=True
    )


def waiting_to_sign(membership: "Membership", *, told: bool) -> list[tuple[str, str]]:
    """Announce a confirmed signatory; what waits for them, as (title, link)."""
    answers = signatory_confirmed.send(sender=None, membership=membership, told=told)
    return [one for _listener, found in answers for one in found or []]


def holds_above(user: "User", *, lately: timedelta) -> bool:
    """Whether a room above says that the person's account opens something there."""
    answers = powers_asked.send(sender=None, user=user, lately=lately)
    return any(held for _listener, held in answers)


def mail(
    code: str,
    *,
    to: "Iterable[User | str]",
    context: dict[str, Any],
    until: datetime | None = None,
) -> None:
    """Ask for a message to be sent; `until` is when its link ends, if it holds one."""
    mail_wanted.send(sender=None, code=code, to=list(to), context=context, until=until)
