"""The register of verbs: what each checks, what its act says, what it writes beside the state.

A verb never calls another, never writes a state: the engine moves, the definition says what
follows.
"""

from collections.abc import Callable, Hashable, Iterator
from datetime import date, datetime
from typing import Any, ClassVar, Literal, TypeVar

from django.db.models import QuerySet
from django.utils.functional import Promise

from portal.accounts.models import User
from requests_app.models import AccessRequest, Act, Stage

from .context import ActData, Context


T = TypeVar("T")


class Asked:
    """One person on one request, of whom a page asks what they may do."""

    def __init__(self, user: User, request: AccessRequest) -> None:
        self.user, self.request = user, request
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, find: Callable[[], T]) -> T:
        """What several verbs ask, asked of the database once."""
        if key not in self._known:
            self._known[key] = find()
        known: T = self._known[key]
        return known


class Verb:
    """One verb. `takes`: names of its payload; `backdated`: it may record something done elsewhere;
    `button` and `logged`: its words; `reserved`: left out of the story that the parties read.
    """

    name: ClassVar[str] = ""
    button: ClassVar[str | Promise] = ""
    logged: ClassVar[str | Promise] = ""
    reserved: ClassVar[bool] = False
    # Of what the counter and the applicant write to each other: who does.
    exchanged: ClassVar[Literal["", "applicant", "counter"]] = ""
    takes: ClassVar[frozenset[str]] = frozenset()
    backdated: ClassVar[bool] = False

    def when(self, ctx: Context, asked: datetime | date | None) -> datetime:
        """Instant at which the act takes effect; `ctx` holds what was asked, or now."""
        return ctx.effective_at

    def not_now(self, ctx: Context) -> Iterator[str]:
        """Reasons to refuse whatever is written: pages ask it before they show a button, the engine
        before `check`. Reads rows and states, never the payload nor the instant of the act."""
        yield from ()

    def check(self, ctx: Context) -> Iterator[str]:
        """Further reasons to refuse, in words that say what to do; nothing is written yet."""
        yield from ()

    def ripe(self) -> QuerySet[Stage] | None:
        """Stages on which the clock plays it without a due date; None where it never does."""
        return None

    def is_ripe(self, ctx: Context) -> bool:
        """For the check of such a verb: what the clock looks for, asked of the locked rows."""
        stages = self.ripe()
        return stages is not None and stages.filter(pk=ctx.the_stage.pk).exists()

    def chosen(self, ctx: Context) -> str:
        """The outcome that the payload chooses, for a move whose outcome is `CHOSEN`."""
        return ""

    def act(self, ctx: Context) -> ActData:
        """What the act says."""
        return ActData()

    def write(self, ctx: Context) -> None:
        """Rows beside the states, before the move."""

    def follow(self, ctx: Context) -> None:
        """What its own move brings with it, before the procedure says what follows."""

    def tell(self, ctx: Context) -> None:
        """Messages of what happened, once all has moved."""

    # --- what a page asks of it beforehand ---

    def already(self, stage: Stage, asked: Asked) -> bool:
        """Whether it was done and may be again: no longer what is awaited."""
        return False

    # --- when the act it wrote is corrected ---

    @property
    def correctable(self) -> bool:
        """Whether a mistaken date or reference of its act may be corrected by a new act."""
        return self.backdated

    def corrected(self, ctx: Context, act: Act) -> None:
        """Rows beside the act that bear its date."""


class Recorded(Verb):
    """Something done outside the portal, recorded with its date, its references and its
    document."""

    backdated = True
    takes = frozenset({"reference", "document"})

    def act(self, ctx: Context) -> ActData:
        values = {
            name: ctx.line(name)
            for name in sorted(self.takes - {"document", "reason"})
            if ctx.line(name)
        }
        return ActData(data=values, text=ctx.text("reason"), document=ctx.file())


VERBS: dict[str, Verb] = {}


def register(verb: type[Verb]) -> type[Verb]:
    """Class decorator. Raises ValueError for a name that is taken."""
    if verb.name in VERBS:
        raise ValueError(f"verb {verb.name!r} is registered twice")
    VERBS[verb.name] = verb()
    return verb
