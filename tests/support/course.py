"""One file of any procedure, from point to point, by whoever its own file asks: played as
`procedure_dry_run` plays it, with other people beside."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.accounts.models import Role, User
from portal.training.management.commands.procedure_dry_run import first_day
from portal.training.rehearsal import time
from portal.training.rehearsal.cast import Cast
from portal.training.rehearsal.player import MOST_STEPS, SILENCE, Place, Played, Player
from requests_app.models import FINAL_STATES, RequestVersion, Stage, StageState
from requests_app.procedures.moves import Actor
from requests_app.procedures.schema import Procedure
from requests_app.workflow.definition import stage_moves
from tests.support.factories import user


WORDS = "Le plan de l’étude."


def everyone(cast: Cast) -> dict[str, User]:
    """Who may be at the counter: the cast, those who only read, one of a committee who is of the
    applicant's body, and somebody who has no part in anything."""
    found = dict(cast.people)
    for role in (Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR):
        found[str(role)] = user(f"autre-{role}", role=role)
    if cast.committees:
        found["tied_member"] = user(
            "membre-lie",
            role=Role.COMMITTEE_MEMBER,
            scope=cast.committees[0],
            of=cast.university,
        )
    return found | {"nobody": user("personne")}


class Course(Player):
    """`points` rests at each state of the file; `silences` where nobody acts in time."""

    def __init__(self, procedure: Procedure, forced: Mapping[Place, str] | None = None) -> None:
        super().__init__(Cast(procedure), first_day(procedure), forced or {})
        self.procedure = procedure
        time.begin(self.day)
        self.played = Played(self.cast.draft())

    @classmethod
    def of_silences(cls, procedure: Procedure) -> "Course":
        """Each clock ends once before anybody acts."""
        places: list[Place] = [("stage", stage.code) for stage in procedure.stages]
        return cls(procedure, dict.fromkeys(places, SILENCE))

    def points(self) -> Iterator[str]:
        """Each place at which the file rests, where it then is. Raises Stuck."""
        yield "draft"
        yield from self._signed()
        yield from self._completed()
        yield from self.stages()

    def stages(self) -> Iterator[str]:
        for _step in range(MOST_STEPS):
            if self.request.state in FINAL_STATES:
                break
            running = self._stages().filter(state=StageState.RUNNING).values_list("code", flat=True)
            yield f"{', '.join(running)} runs"
            before = self._picture()
            self._step()
            assert self._picture() != before, f"{self.procedure.code} stays at {[*running]}"
        assert self.request.state in FINAL_STATES
        yield "end"

    def signed(self) -> "Course":
        for _point in self._signed():
            pass
        return self

    def to_end(self) -> "Course":
        for _point in self.points():
            pass
        return self

    def actors(self, stage: Stage, actor: str) -> list[User]:
        """Those of the cast who have a quality on a stage."""
        quality = Actor.MEMBER if actor == Actor.RAPPORTEUR else Actor(actor)
        return self.cast.who(quality, stage)

    def acting(self, stages: Iterable[Stage]) -> Iterator[User]:
        """Whoever may move the file or what runs of it."""
        yield from (self.cast.people[name] for name in ("investigator", "representative"))
        yield from (*self.cast.who(Actor.SECRETARIAT), *self.cast.who(Actor.LEGAL_OFFICER))
        for stage in stages:
            if stage.state in {StageState.RUNNING, StageState.PAUSED}:
                moves = stage_moves(self.procedure.stage(stage.code)).values()
                for actor in {actor for move in moves for actor in move.actors}:
                    yield from self.actors(stage, actor)

    def _signed(self) -> Iterator[str]:
        if "paper" not in self.procedure.signature.modes:
            self.apply(None, "ask_signature", self.cast.people["investigator"])
            yield "awaiting_signature"
            version = RequestVersion.objects.get(request=self.request)
            seen = {"version": version, "sha256": version.sha256}
            self.apply(None, "sign", self.cast.people["representative"], **seen)
            return
        team, (desk, *_others) = self.cast.people["investigator"], self.cast.who(Actor.SECRETARIAT)
        self.apply(None, "ask_signature", team)
        yield "awaiting_signature"
        version = RequestVersion.objects.get(request=self.request)
        said: dict[str, Any] = {"signatory_name": "Anne Martin", "version": version}
        said["signatory_capacity"] = "directrice"
        file, sha256 = self.cast.paper(self.request), version.sha256
        self.apply(None, "deposit_paper", team, file=file, sha256=sha256, **said)
        yield "signature_check"
        self.apply(None, "verify_signature", desk, fingerprint=sha256, **said)

    def _completed(self) -> Iterator[str]:
        first = self._stages().filter(state=StageState.RUNNING).first()
        if first is None or not self.procedure.stage(first.code).may_pause:
            return
        yield "submitted"
        self.apply(first, "request_completion", self.actors(first, "secretariat")[0], message=WORDS)
        yield "incomplete"
        self.apply(None, "send_completion", self.cast.people["investigator"])
