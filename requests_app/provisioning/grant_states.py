"""The grant's machine: one table of moves, from which buttons, docs and tests come.

`state` is what was proven, `Grant.wanted` what is asked; a move follows a proof, never a wish.
A failed grant is still worked on: success moves it on, and the operator's `retry` shows it again as
opening or closing. `requests_app.provisioning.moves` writes it, and nothing else.
"""

from portal.common.machine import Machine, transition
from requests_app.models import GrantState


_S = GrantState
# Who asks: the reconciler, or an operator.
_SYSTEM, _OPERATOR = "system", "operator"

MACHINE = Machine(
    "grant",
    GrantState.values,
    transition("start_opening", (_S.WANTED, _S.SUSPENDED), _S.OPENING, _SYSTEM),
    transition("confirm_open", (_S.OPENING, _S.FAILED), _S.OPEN, _SYSTEM),
    # Conditions fell away before any key was shown, or the data are not there yet.
    transition("wait_again", (_S.OPENING, _S.FAILED), _S.WANTED, _SYSTEM),
    transition("start_closing", (_S.OPENING, _S.OPEN, _S.SUSPENDED), _S.CLOSING, _SYSTEM),
    transition("confirm_suspended", (_S.CLOSING, _S.FAILED, _S.WANTED), _S.SUSPENDED, _SYSTEM),
    transition("confirm_closed", (_S.CLOSING, _S.FAILED), _S.CLOSED, _SYSTEM),
    # Nothing was ever made for the person.
    transition("close_unopened", (_S.WANTED,), _S.CLOSED, _SYSTEM),
    transition("fail", (_S.OPENING, _S.CLOSING), _S.FAILED, _SYSTEM),
    transition("retry_opening", (_S.FAILED,), _S.OPENING, _OPERATOR),
    transition("retry_closing", (_S.FAILED,), _S.CLOSING, _OPERATOR),
)
