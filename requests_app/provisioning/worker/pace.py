"""When each side of a closing is tried again: each at its own pace, whatever woke the study.

A proof waits some seconds between its rounds, a refusal that will not pass alone a minute: without
this, one would be asked as often as the other. It is kept on the study's row from one pass to the
next, while something fails.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from requests_app.models import Workspace
from requests_app.provisioning.plan import Action


@dataclass(frozen=True, slots=True)
class Pace:
    """One side: not before `until` (real time). `code` and `text` of its failure, empty where it
    only waits; `lasting`: it will not pass alone."""

    until: datetime
    tries: int = 0
    code: str = ""
    text: str = ""
    lasting: bool = False


Paces = Mapping[str, Pace]


def key(action: Action) -> str:
    return f"{action.name} {action.target} {action.grant}".strip()


def load(workspace: Workspace) -> dict[str, Pace]:
    return {
        name: Pace(**(one | {"until": datetime.fromisoformat(one["until"])}))
        for name, one in workspace.paces.items()
    }


def plain(paces: Paces) -> dict[str, dict[str, object]]:
    """As the row keeps them."""
    return {name: asdict(one) | {"until": one.until.isoformat()} for name, one in paces.items()}


def held(paces: Paces, actions: Iterable[Action], *, now: datetime) -> dict[Action, float]:
    """Actions whose time has not come, and the seconds left; none where it has come for none:
    whoever woke the study before asks for all."""
    actions = list(actions)
    left = {
        action: (paces[key(action)].until - now).total_seconds()
        for action in actions
        if key(action) in paces and paces[key(action)].until > now
    }
    return left if len(left) < len(actions) else {}
