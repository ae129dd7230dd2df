"""What a kind of stage is, its other part: what it does when opened and ended, what it says.

One class a kind, in the module of its name in `workflow/kinds/`, beside its verbs; its pure part is
in `procedures.kinds`. What is here holds of a kind that says nothing else.
"""

from datetime import datetime
from typing import Any, ClassVar

from portal.accounts.models import Role
from requests_app.deadlines.clock import completion_due, computed_due
from requests_app.dossier import notices
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Stage, StageState
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.rights import recipients

from . import silence
from .context import Context
from .rehearsing import Play


class Kind:
    """`expected`: the message to whoever must act when a stage of this kind opens."""

    code: ClassVar[str] = ""
    expected: ClassVar[type[RequestNotice]]

    # --- what a stage does ---

    def begins(self, ctx: Context, at: datetime) -> datetime:
        """When a stage begins that follows something done at `at`."""
        return at

    def opening(self, ctx: Context, stage: Stage) -> None:
        """What its row needs before it runs."""

    def opened(self, ctx: Context, stage: Stage) -> None:
        """Rows beside it, once it runs."""

    def ends_at_once(self, ctx: Context) -> str:
        """The verb by which it ends as soon as it opens; empty when it waits."""
        return ""

    def settle(self, ctx: Context, stage: Stage) -> None:
        """For a stage just opened, after all that the move entails has moved."""

    def due(self, stage: Stage, spec: StageSpec) -> datetime | None:
        """Until when it is awaited, by its rows as they are now; None while no clock runs."""
        if stage.state == StageState.PAUSED:
            return completion_due(stage, spec)
        return computed_due(stage, spec.clock)

    def silent(self, ctx: Context, stage: Stage, at: datetime) -> None:
        """Rows of the outcome that a silence gives it: its clock's, or as a task concludes."""

    def rehearse(self, play: Play, outcome: str) -> None:
        """Bring the stage to an outcome as people would; a kind says how, with made-up words."""
        raise NotImplementedError

    def rehearse_silence(self, play: Play) -> None:
        """Have its clock begin, where only an act does."""

    # --- what is said of it ---

    def expect(self, ctx: Context, stage: Stage) -> None:
        """Tell who must act what is expected of them."""
        more = self.expectation(ctx, stage) | {"due": stage.due_at, "stage": stage.code}
        self.expected.tell(recipients.of_stage(stage), ctx.request, **more)

    def expectation(self, ctx: Context, stage: Stage) -> dict[str, Any]:
        """What the template of `expected` knows besides."""
        return {}

    def tell_expired(self, ctx: Context, effect: str) -> None:
        """Tell what the end of its clock did."""
        clock = ctx.spec.clock
        if effect == "escalate":
            notices.Escalated.tell(
                recipients.office(ctx.request, Role.SECRETARIAT),
                ctx.request,
                stage=str(ctx.spec.label),
                due=ctx.effective_at,
            )
        elif effect == "remind":
            self.tell_again(ctx)
        elif effect == "outcome" and clock is not None and clock.start != "permit_end":
            silence.tell(ctx, ctx.the_stage)

    def tell_again(self, ctx: Context) -> None:
        """Remind whoever must act, when the clock only does that."""
        notices.ClockReminder.tell(
            recipients.of_stage(ctx.the_stage),
            ctx.request,
            acts=True,
            stage=str(ctx.spec.label),
            todo=str(ctx.spec.expected),
            due=ctx.effective_at,
            late=True,
        )

    def to_do(self, stage: Any) -> str:
        """What one person is asked to do in a row of the inbox (`reading.inbox.shown`); empty: what
        the procedure says."""
        return ""


KINDS: dict[str, Kind] = {}


def register_kind(kind: type[Kind]) -> type[Kind]:
    """Class decorator. Raises ValueError for a code that is taken."""
    if kind.code in KINDS:
        raise ValueError(f"kind {kind.code!r} is registered twice")
    KINDS[kind.code] = kind()
    return kind
