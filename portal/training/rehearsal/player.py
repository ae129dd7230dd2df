"""One file of a procedure, from its deposit to its end: who acts, in what order, when they do
not."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.common.calendar import PARIS, legal_now
from portal.notifications.models import Message
from requests_app.models import (
    FINAL_STATES,
    AccessRequest,
    Grant,
    GrantState,
    RequestVersion,
    Stage,
    StageState,
    Task,
)
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Outcome, TaskOutcome
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure
from requests_app.provisioning.locks import lock_study
from requests_app.provisioning.moves import move
from requests_app.workflow import clock, engine, granting, reminders
from requests_app.workflow.catalogue import KINDS
from requests_app.workflow.definition import stage_moves
from requests_app.workflow.guards import requirements_unmet
from requests_app.workflow.rehearsing import WORDS, ending

from . import time
from .cast import Cast, NoFile


logger = logging.getLogger(__name__)

SILENCE = ""  # instead of an outcome: nobody acts, the clock speaks
MOST_STEPS = 200
# What a first course avoids: it goes as far as the procedure allows.
_STOPS = {"refused", "redirected", "closed_incomplete", "withdrawn"}
_SENSES = {"favourable": 0, None: 0, "favourable_with_reservations": 1}
_TASKS = ("pass", "end_stage", "hold", "end_request")

Place = tuple[Literal["stage", "task"], str]


@dataclass(frozen=True, slots=True)
class Met:
    """A place of the course, what was done there, and what could have been."""

    place: Place
    chosen: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    on: date
    code: str
    to: str
    subject: str


@dataclass
class Played:
    """What a file went through. `faults`: why it could not go to its end, in French."""

    request: AccessRequest
    met: list[Met] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Stuck(Exception):
    """Nothing more can happen; says where."""


class _OneStage:
    """What a kind is given of the file (`workflow.rehearsing.Play`)."""

    def __init__(self, player: "Player", stage: Stage) -> None:
        self._player, self._pk = player, stage.pk

    @property
    def request(self) -> AccessRequest:
        return self._player.request

    @property
    def stage(self) -> Stage:
        return Stage.objects.select_related("request").get(pk=self._pk)

    @property
    def procedure(self) -> Procedure:
        return self._player.cast.procedure

    @property
    def spec(self) -> StageSpec:
        return self.procedure.stage(self.stage.code)

    def people(self, actor: Actor) -> Sequence[User]:
        return self._player.cast.who(actor, self.stage)

    def do(self, verb: str, *, by: User | None = None, **payload: Any) -> None:
        row = self.stage
        actors = stage_moves(self.spec)[verb].actors
        if actors == {Actor.SYSTEM}:
            if row.state == StageState.RUNNING:  # otherwise the clock did it already
                self._player.apply(row, verb, None)
            return
        able = [one for actor in sorted(actors) for one in self.people(Actor(actor))]
        by = by or next(iter(able), None)
        if by is None:
            raise Stuck(f"{self.spec.label} : personne ne peut agir ({', '.join(sorted(actors))})")
        if granting.asked_of(self.procedure, self.spec, verb):
            people = granting.persons_of(self.request)
            payload["addresses"] = {str(one.pk): ["192.0.2.10"] for one in people}
        self._player.apply(row, verb, by, **payload)

    def wait(self, until: datetime) -> None:
        self._player.wait(until)

    def open_rights(self) -> None:
        self._player.open_rights()

    def close_rights(self) -> None:
        self._player.close_rights(self._player.grants().live())


class Player:
    """Plays one course. `forced`: what happens at some places; elsewhere it goes as far as it
    can."""

    def __init__(self, cast: Cast, day: date, forced: Mapping[Place, str]) -> None:
        self.cast, self.day, self.forced = cast, day, forced
        self.played: Played
        self._silent = set[Any]()
        self._told = set[Any]()

    @property
    def request(self) -> AccessRequest:
        return AccessRequest.objects.get(pk=self.played.request.pk)

    def run(self) -> Played:
        """To the end of the file, or to where it cannot go on. Raises NoFile."""
        time.begin(self.day)
        self.played = Played(self.cast.draft())
        try:
            self._deposit()
            for _step in range(MOST_STEPS):
                if self.request.state in FINAL_STATES:
                    break
                before = self._picture()
                self._step()
                if self._picture() == before:
                    raise Stuck("plus rien n’avance")
            else:
                raise Stuck("le dossier n’en finit pas")
        except (Stuck, engine.WorkflowError) as error:
            self.played.faults.append(str(error))
        except NoFile:
            raise
        except Exception as error:
            logger.exception("a procedure that is played failed")
            self.played.faults.append(f"erreur du portail : {type(error).__name__} : {error}")
        self.played.request = self.request
        return self.played

    def leave(self) -> None:
        """A file that could not go to its end: no clock of it speaks while the next is played."""
        self._stages().filter(ended_at__isnull=True).update(due_at=None)

    # --- the file ---

    def _deposit(self) -> None:
        investigator = self.cast.people["investigator"]
        self.apply(None, "ask_signature", investigator)
        version = RequestVersion.objects.get(request=self.request)
        seen = {"version": version, "sha256": version.sha256}
        if "online" in self.cast.procedure.signature.modes:
            self.apply(None, "sign", self.cast.people["representative"], **seen)
            return
        said = {"signatory_name": WORDS, "signatory_capacity": WORDS}
        file = self.cast.paper(self.request)
        self.apply(None, "deposit_paper", investigator, file=file, **seen, **said)
        given = {"version": version, "fingerprint": version.sha256, **said}
        desk = self.cast.who(Actor.SECRETARIAT)[0]
        self.apply(None, "verify_signature", desk, **given)

    def _stages(self) -> QuerySet[Stage]:
        return Stage.objects.filter(request=self.played.request.pk).order_by("position", "pk")

    def _tasks(self) -> QuerySet[Task]:
        return Task.objects.filter(request=self.played.request.pk, closed_at__isnull=True)

    def _picture(self) -> object:
        stages = self._stages().values_list("pk", "state", "outcome", "expired_at")
        return self.request.state, [*stages], [*self._tasks().values_list("pk")], {*self._silent}

    def _step(self) -> None:
        task = self._tasks().order_by("pk").first()
        if task is not None:
            self._conclude(task)
            return
        running = [*self._stages().filter(state=StageState.RUNNING)]
        if not running:
            raise Stuck("aucune étape n’est ouverte, et le dossier n’est pas terminé")
        chosen = [(one, self._choose(one)) for one in running]
        stage, outcome = min(chosen, key=lambda pair: pair[1] == SILENCE)
        self._next_day()
        if self._stages().get(pk=stage.pk).state != StageState.RUNNING:
            return  # its clock, meanwhile
        play = _OneStage(self, stage)
        kind = KINDS[stage.kind]
        if outcome == SILENCE:
            self._silent.add(stage.code)
            kind.rehearse_silence(play)
            if (due := play.stage.due_at) is not None:
                self.wait(due + time.SOON)
            return
        kind.rehearse(play, outcome)

    # --- what is chosen ---

    def _choose(self, stage: Stage) -> str:
        """What happens to a stage; empty when its clock ends first."""
        spec = self.cast.procedure.stage(stage.code)
        place: Place = ("stage", stage.code)
        able = [one for one in spec.outcomes if ending(spec, one.code)]
        able = [one for one in able if not [*requirements_unmet(self.request, one)]]
        can_be_silent = spec.clock is not None and stage.code not in self._silent
        others = [one.code for one in able] + ([SILENCE] if can_be_silent else [])
        if not others:
            raise Stuck(f"{spec.label} : aucune issue n’est possible")
        chosen = self.forced.get(place)
        if chosen is None or (chosen == SILENCE and not can_be_silent):
            chosen = self._best(spec, able) if able else SILENCE
            if chosen != SILENCE and can_be_silent and self._ends_with_the_access(spec, chosen):
                chosen = SILENCE
        self._meet(place, chosen, others)
        return chosen

    def _best(self, spec: StageSpec, able: list[Outcome]) -> str:
        joins = [join for one in self.cast.procedure.stages for join in one.after]
        named = [join.outcomes for join in joins if join.stage == spec.code and join.outcomes]

        def cost(outcome: Outcome) -> tuple[bool, int, int]:
            shut = sum(outcome.code not in codes for codes in named)
            return outcome.request in _STOPS, shut, _SENSES.get(outcome.effect, 2)

        return min(able, key=cost).code

    @staticmethod
    def _ends_with_the_access(spec: StageSpec, outcome: str) -> bool:
        """Usually it is the last day of the access that ends it."""
        clock = spec.clock
        return (
            clock is not None and clock.start == "permit_end" and clock.on_expiry.outcome == outcome
        )

    def _meet(self, place: Place, chosen: str, others: list[str]) -> None:
        if (place, chosen) not in {(one.place, one.chosen) for one in self.played.met}:
            self.played.met.append(Met(place, chosen, tuple(others)))

    def _conclude(self, task: Task) -> None:
        rule = self.cast.procedure.task(task.code)
        place: Place = ("task", task.code)
        usual: TaskOutcome = min(rule.outcomes, key=lambda one: _TASKS.index(one.effect))
        chosen = self.forced.get(place, usual.code)
        self._meet(place, chosen, [one.code for one in rule.outcomes])
        able = self.cast.who(Actor.TASK_ROLE, task.stage, rule.role)
        if not able:
            raise Stuck(f"{rule.label} : personne ne peut conclure ({rule.role})")
        self.apply(None, "close_task", able[0], task=task, outcome=chosen, note=WORDS)

    # --- acts and time ---

    def apply(self, stage: Stage | None, verb: str, by: User | None, **payload: Any) -> None:
        engine.apply(stage or self.request, verb, by=by, **payload)
        self._listen()

    def _next_day(self) -> None:
        """People act on working days, one after another, within the time they have."""
        morning = time.next_working_morning()
        ends = self._stages().filter(state=StageState.RUNNING, due_at__isnull=False)
        if not ends.filter(due_at__lt=morning).exists():
            time.go_to(morning)
            self._tick()

    def wait(self, until: datetime) -> None:
        while (instant := self._next_instant(until)) is not None:
            time.go_to(instant)
            self._tick()
            if self.request.state in FINAL_STATES:
                return
        time.go_to(until)
        self._tick()

    def _next_instant(self, until: datetime) -> datetime | None:
        """When something of the file's clocks may happen next."""
        found = list[datetime]()
        for stage in self._stages().exclude(due_at=None).select_related("request"):
            if stage.due_at is None or stage.state not in {StageState.RUNNING, StageState.PAUSED}:
                continue
            found.append(stage.due_at + time.SOON)
            clock_ = self.cast.procedure.stage(stage.code).clock
            found += [
                reminders.instant_of(one, stage.due_at) + time.SOON
                for one in (clock_.reminders if clock_ else ())
            ]
        found += [
            at + time.SOON for at in self.grants().live().values_list("expires_at", flat=True)
        ]
        now = legal_now()
        return min((one for one in found if now < one <= until), default=None)

    def _tick(self) -> None:
        """What time brings: rights that end, clocks, reminders."""
        self.close_rights(self.grants().live().filter(expires_at__lte=legal_now()))
        clock.run_due()
        reminders.run()
        self._listen()

    def _listen(self) -> None:
        """Mails written since, by day and recipient."""
        fresh = Message.objects.filter(about=self.played.request.pk).exclude(pk__in=self._told)
        today = legal_now().astimezone(PARIS).date()
        for one in fresh.select_related("recipient").order_by("created_at", "pk"):
            self._told.add(one.pk)
            who = self.cast.name_of(one.recipient) or one.address
            self.played.mails.append(Mail(today, one.code, who, one.subject))

    # --- rights, as a provider would prove them ---

    def grants(self) -> Any:
        return Grant.objects.filter(permit__request=self.played.request.pk).order_by("pk")

    def open_rights(self) -> None:
        for grant in self.grants().filter(state=GrantState.WANTED):
            self._move(grant, "start_opening", "confirm_open")
        self._listen()

    def close_rights(self, grants: Any) -> None:
        for grant in grants:
            if grant.state == GrantState.WANTED:
                self._move(grant, "close_unopened")
            else:
                self._move(grant, "start_closing", "confirm_closed")
        self._listen()

    @staticmethod
    def _move(grant: Grant, *names: str) -> None:
        with transaction.atomic():
            lock_study(grant.workspace_id)
            for name in names:
                move(grant, name)
