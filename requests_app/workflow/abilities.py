"""What one person may do now on a request; pages draw their buttons from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.common.machine import Transition
from requests_app.models import (
    FINAL_STATES,
    AccessRequest,
    RequestState,
    Stage,
    StageState,
    Task,
)
from requests_app.procedures.registry import UnknownProcedure
from requests_app.procedures.schema import Procedure
from requests_app.rights import permissions, standing
from requests_app.rights.visibility import Person
from requests_app.workflow.context import Context
from requests_app.workflow.definition import REQUEST_MOVES, Actor, stage_moves
from requests_app.workflow.labels import label_of
from requests_app.workflow.verbs import VERBS, Asked


_NOT_YET = datetime.max.replace(tzinfo=UTC)  # the instant of an act that nobody has done


@dataclass(frozen=True, slots=True)
class Ability:
    """One verb this person may do now. `stage` None: a verb of the request; `task`: for
    close_task."""

    name: str
    label: str | Promise
    stage: Stage | None
    url_name: str
    irreversible: bool
    task: Task | None = None
    needs_fresh_factor: bool = False


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is awaited: from whom (in words), what, by when."""

    stage: Stage | None
    task: Task | None
    what: str
    who: str
    due_at: datetime | None
    reminder_at: datetime | None = None  # no deadline runs: when the actor is reminded


def abilities(
    request: AccessRequest, *, user: Person, stages: Sequence[Stage] | None = None
) -> list[Ability]:
    """Verbs the person may do now, the most urgent stage first, then those of the request.

    `stages`: all of the request's, where the caller has read them.
    """
    if not isinstance(user, User) or not user.is_active:
        return []
    asked = _Asked(user, request, stages)
    return [*_of_stages(asked), *_of_tasks(asked), *_of_request(asked)]


class _Asked(Asked):
    """One person on one request, each quality asked of the database once."""

    def __init__(self, user: User, request: AccessRequest, stages: Sequence[Stage] | None) -> None:
        super().__init__(user, request)
        self._stages = stages

    @property
    def begun(self) -> list[Stage]:
        """Stages in which something may be done, or was."""
        rows: Iterable[Stage] | None = self._stages
        if rows is None:
            rows = Stage.objects.filter(request=self.request).select_related("holder", "committee")
        over = {StageState.PENDING, StageState.SKIPPED}
        return [stage for stage in rows if stage.state not in over]

    def may(self, move: Transition, stage: Stage | None = None, task: Task | None = None) -> bool:
        held = [actor for actor in sorted(move.actors) if self._is(actor, stage, task)]
        return bool(held) and not (move.binding and held == [Actor.TEAM] and self.why_not_bind)

    def possible(self, move: Transition, stage: Stage | None = None) -> bool:
        """Whether the verb would not refuse whatever is written: the verb says so itself."""
        procedure = self.request.procedure
        ctx = Context(self.request, stage, procedure, move, self.user, _NOT_YET, _NOT_YET, {})
        ctx.scratch = self.once(("read", stage.pk if stage else None), dict)
        return next(VERBS[move.name].not_now(ctx), None) is None

    @cached_property
    def why_not_bind(self) -> list[str]:
        return standing.why_not_bind(self.user, self.request)

    def _is(self, actor: str, stage: Stage | None, task: Task | None) -> bool:
        place: tuple[object, object] = (
            (stage.holder_id, stage.committee_id) if stage else (None, None),
            task.role if task else None,
        )
        if actor == "rapporteur":
            place = (stage.pk if stage else None, None)
        key = (actor, *place)
        return self.once(
            key, lambda: permissions.is_actor(self.user, actor, self.request, stage, task)
        )


def move_of(
    request: AccessRequest,
    name: str,
    *,
    user: Any,
    stage: Stage | None = None,
    task: Task | None = None,
) -> Transition | None:
    """An act that is this person's by quality, whatever the state of things (the engine says what
    keeps them from it); None when it is not theirs."""
    procedure = request.procedure
    moves = REQUEST_MOVES if stage is None else stage_moves(procedure.stage(stage.code))
    move = moves.get(name)
    if move is None or not any(
        permissions.is_actor(user, actor, request, stage, task) for actor in move.actors
    ):
        return None
    return move


def _of_stages(asked: _Asked) -> Iterator[Ability]:
    for stage in sorted(asked.begun, key=_urgency):
        stage.request = asked.request
        spec = asked.request.procedure.stage(stage.code)
        mine = [
            move
            for move in stage_moves(spec).values()
            if stage.state in move.sources
            and asked.may(move, stage)
            and asked.possible(move, stage)
        ]
        mine.sort(key=lambda move: VERBS[move.name].already(stage, asked))
        yield from (_ability(move, stage, asked.request.procedure) for move in mine)


def _urgency(stage: Stage) -> tuple[bool, bool, float, int]:
    due = stage.due_at.timestamp() if stage.due_at else 0.0
    return (stage.state == StageState.DONE, stage.due_at is None, due, stage.position)


def _of_tasks(asked: _Asked) -> Iterator[Ability]:
    move = REQUEST_MOVES["close_task"]
    if asked.request.state not in move.sources:
        return
    tasks = Task.objects.filter(request=asked.request, closed_at__isnull=True)
    for task in tasks.select_related("stage"):
        if asked.may(move, None, task):
            yield Ability(
                move.name, label_of(move.name), None, "requests_app:act", move.irreversible, task
            )


def _of_request(asked: _Asked) -> Iterator[Ability]:
    for move in REQUEST_MOVES.values():
        if not move.public or move.name == "close_task":
            continue
        if asked.request.state not in move.sources or not asked.may(move):
            continue
        if not asked.possible(move):
            continue
        if move.name == "ask_signature" and _goes_straight_back(asked):
            continue
        yield _ability(move, None, asked.request.procedure)


def _goes_straight_back(asked: _Asked) -> bool:
    """A completed file does, unless something changed must be signed again."""
    move = REQUEST_MOVES["send_completion"]
    return asked.request.state in move.sources and asked.possible(move)


def _ability(move: Transition, stage: Stage | None, procedure: Procedure) -> Ability:
    return Ability(
        move.name,
        label_of(move.name, procedure.authority),
        stage,
        "requests_app:act",
        move.irreversible,
        needs_fresh_factor=move.needs_fresh_factor,
    )


# --- Who must act next ----------------------------------------------------------------------------


def who_must_act(
    request: AccessRequest, *, stages: Sequence[Stage] | None = None
) -> list[NextStep]:
    """Everyone from whom something is awaited, due first; empty once the request is over.

    `stages`: all of the request's, where the caller has read them.
    """
    if request.state in FINAL_STATES:
        return []
    if request.state == RequestState.DRAFT:
        what = _("Compléter le dossier et demander la signature")
        return [NextStep(None, None, what, _("le demandeur"), None)]
    if request.state == RequestState.AWAITING_SIGNATURE:
        return [NextStep(None, None, _("Signer la demande"), _("le représentant légal"), None)]
    if request.state == RequestState.SIGNATURE_CHECK:
        what = _("Vérifier la signature de la version déposée")
        return [NextStep(None, None, what, _("le secrétariat"), None)]
    return _awaited([request], stages)[request.pk]


def who_must_act_on(requests: Sequence[AccessRequest]) -> dict[UUID, list[NextStep]]:
    """`who_must_act` for a list of requests, in two queries whatever its length."""
    plain = {
        RequestState.DRAFT,
        RequestState.AWAITING_SIGNATURE,
        RequestState.SIGNATURE_CHECK,
        *FINAL_STATES,
    }
    running = [one for one in requests if one.state not in plain]
    others = {one.pk: who_must_act(one) for one in requests if one.state in plain}
    return others | (_awaited(running) if running else {})


def unreadable() -> str:
    """Said of a file whose procedure this release cannot read (`check --database` names it)."""
    return _("La procédure de ce dossier ne peut pas être lue : signalez-le au guichet")


def _awaited(
    requests: Sequence[AccessRequest], stages: Iterable[Stage] | None = None
) -> dict[UUID, list[NextStep]]:
    """From the open stages and tasks of requests under way, due first."""
    procedures: dict[UUID, Procedure] = {}
    steps: dict[UUID, list[NextStep]] = {one.pk: [] for one in requests}
    for one in requests:
        try:
            procedures[one.pk] = one.procedure
        except UnknownProcedure:  # the other rows are said as they are
            steps[one.pk] = [NextStep(None, None, unreadable(), _("le secrétariat"), None)]
    if stages is None:
        found = Stage.objects.open().filter(request__in=procedures)
        stages = found.select_related("holder", "committee")
    for stage in stages:
        pk = stage.request_id
        if stage.state not in {StageState.RUNNING, StageState.PAUSED} or pk not in procedures:
            continue
        steps[pk].append(_step_of_stage(stage, procedures[pk]))
    for task in Task.objects.filter(request__in=procedures, closed_at__isnull=True):
        steps[task.request_id].append(_step_of_task(task, procedures[task.request_id]))
    for awaited in steps.values():
        awaited.sort(key=lambda step: (step.due_at is None, step.due_at or 0))
    return steps


def _step_of_stage(stage: Stage, procedure: Procedure) -> NextStep:
    if stage.state == StageState.PAUSED:
        what = _("Compléter le dossier et le renvoyer")
        return NextStep(stage, None, what, _("le demandeur"), stage.due_at)
    spec = procedure.stage(stage.code)
    if spec.outside is not None and stage.due_at is not None:  # its receipt made the clock run
        return NextStep(stage, None, str(spec.outside.what), str(spec.outside.who), stage.due_at)
    if spec.clock is not None and spec.clock.on_expiry.effect == "remind":
        return NextStep(stage, None, str(spec.expected), actor_of(stage), None, stage.due_at)
    return NextStep(stage, None, str(spec.expected), actor_of(stage), stage.due_at)


def _step_of_task(task: Task, procedure: Procedure) -> NextStep:
    return NextStep(
        None, task, str(procedure.task(task.code).expected), str(Role(task.role).label), task.due_at
    )


def actor_of(stage: Stage) -> str:
    """The actor of a stage in words."""
    if stage.holder is not None:
        return stage.holder.name
    if stage.committee is not None:
        return stage.committee.acronym or stage.committee.name
    if stage.role == "applicant":
        return _("le demandeur")
    return str(Role(stage.role).label)
