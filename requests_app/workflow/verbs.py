"""The register of verbs: what each checks, what its act says, what it writes beside the state.

A verb never calls another, never writes a state: the engine moves, the definition says what
follows.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import ClassVar

from django.db.models import QuerySet

from requests_app.models import Stage

from .context import ActData, Context


class Verb:
    """One verb. `takes`: names of its payload; `backdated`: it may record something done
    elsewhere."""

    name: ClassVar[str] = ""
    takes: ClassVar[frozenset[str]] = frozenset()
    backdated: ClassVar[bool] = False

    def when(self, ctx: Context, asked: datetime | date | None) -> datetime:
        """Instant at which the act takes effect; `ctx` holds what was asked, or now."""
        return ctx.effective_at

    def check(self, ctx: Context) -> Iterator[str]:
        """Reasons to refuse, in words that say what to do; nothing is written yet."""
        yield from ()

    def ripe(self) -> QuerySet[Stage] | None:
        """Stages on which the clock plays it without a due date; None where it never does."""
        return None

    def is_ripe(self, ctx: Context) -> bool:
        """For the check of such a verb: what the clock looks for, asked of the locked rows."""
        stages = self.ripe()
        return stages is not None and stages.filter(pk=ctx.the_stage.pk).exists()

    def act(self, ctx: Context) -> ActData:
        """What the act says."""
        return ActData()

    def write(self, ctx: Context) -> None:
        """Rows beside the states, before the move."""


VERBS: dict[str, Verb] = {}


def register(verb: type[Verb]) -> type[Verb]:
    if verb.name in VERBS:
        raise ValueError(f"verb {verb.name!r} is registered twice")
    VERBS[verb.name] = verb()
    return verb
