"""No request ends in silence: the team, the desk and whoever had a stage under way are told."""

from collections.abc import Callable, Iterator

import pytest

from portal.accounts.models import User
from portal.notifications.models import Message
from requests_app.models import FINAL_STATES, Stage
from requests_app.procedures import registry
from requests_app.procedures.schema import Procedure
from requests_app.rights import recipients
from requests_app.workflow.definition import REQUEST_EFFECTS, REQUEST_MOVES
from tests.support import odd_procedure
from tests.support.factories import Story, World


Path = tuple[str, str, str]
Act = tuple[str, str, User, dict[str, object]]
PROCEDURES = [*(one.code for one in registry.everything()), odd_procedure.CODE]


def ends(procedure: Procedure) -> Iterator[Path]:
    """Every way in which a request of the procedure ends, from its file and the machine."""
    finals = {
        effect
        for effect, name in REQUEST_EFFECTS.items()
        if REQUEST_MOVES[name].target in FINAL_STATES
    }
    for stage in procedure.stages:
        for outcome in stage.outcomes:
            if outcome.request in finals:
                yield "stage", stage.kind, outcome.code
    for task in procedure.tasks:
        for one in task.outcomes:
            if one.effect == "end_request":
                yield "task", task.code, one.code
    for name, move in REQUEST_MOVES.items():
        if move.public and move.target in FINAL_STATES:
            for source in sorted(move.sources):
                yield "file", name, source


def first_of(story: Story, kind: str) -> str:
    return next(one.code for one in story.procedure.stages if one.kind == kind)


def _withdrawn(story: Story, state: str) -> Act:
    world = story.world
    if state in {"awaiting_signature", "signature_check"}:
        story.ask_signature()
        if state == "signature_check":
            story.deposit_paper()
    elif state != "draft":
        story.sign()
    if state == "incomplete":
        story.do("completeness", "request_completion", by=world.secretariat, message="Le plan.")
    if state == "processing":
        story.completeness()
    assert story.fresh().state == state
    return "", "withdraw", world.investigator, {"reason": "Abandon."}


def _incomplete(story: Story, _code: str) -> Act:
    story.sign()
    desk = story.world.secretariat
    story.do("completeness", "request_completion", by=desk, message="Le plan.")
    story.do("", "send_completion", by=story.world.investigator)
    return "completeness", "close_incomplete", desk, {"message": "Incomplet."}


def _redirected(story: Story, _code: str) -> Act:
    story.sign()
    said = {"route": "MR-004", "message": "Autre voie."}
    return "completeness", "redirect", story.world.secretariat, said


def _given_up(story: Story, _code: str) -> Act:
    story.reach(first_of(story, "answer"))
    stop = {"decision": "stop", "answers": {}}
    return "answer", "answer_points", story.world.investigator, stop


def _refused(story: Story, _code: str) -> Act:
    story.reach("authorisation")
    story.receipt()
    said = {"number": "DR-2027-105", "reason": "Finalité."}
    return "authorisation", "record_refusal", story.world.legal_officer, said


def _not_cleared(story: Story, _code: str) -> Act:
    story.sign()
    story.completeness()
    story.holder()
    story.opinion("unfavourable")
    story.answer()
    story.referral()
    story.authorisation()
    task = story.request.tasks.get(code="opinion_not_favourable_check")
    said = {"task": task, "outcome": "not_cleared", "note": "Analyse."}
    return "", "close_task", story.world.legal_officer, said


def _closed(story: Story, _code: str) -> Act:
    story.reach(first_of(story, "closure"))
    return "closure", "close", story.world.secretariat, {}


def _published(story: Story, _code: str) -> Act:
    story.reach(first_of(story, "register"))
    return "register", "publish_register", story.world.secretariat, {}


WAYS: dict[tuple[str, str], Callable[[Story, str], Act]] = {
    ("completeness", "redirected"): _redirected,
    ("completeness", "closed_incomplete"): _incomplete,
    ("answer", "stop"): _given_up,
    ("authorisation", "refused"): _refused,
    ("opinion_not_favourable_check", "not_cleared"): _not_cleared,
    ("closure", "closed"): _closed,
    ("register", "published"): _published,
}


@pytest.mark.django_db
@pytest.mark.parametrize("code", PROCEDURES)
def test_every_end_of_a_request_is_told(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new way to end, of a file or of the machine, has no line in `WAYS` and fails here."""
    if code == odd_procedure.CODE:
        odd_procedure.install(monkeypatch)
    world = World()
    for name in (
        "secretariat",
        "legal_officer",
        "operator",
        "president",
        "member",
        "representative",
    ):
        getattr(world, name)
    for kind, place, how in ends(registry.get(code, 1)):
        if kind == "file" and code != PROCEDURES[0]:
            continue  # the machine is the same
        story = world.story(procedure=code)
        way = _withdrawn if kind == "file" else WAYS[place, how]
        target, verb, by, payload = way(story, how)
        running = [
            one
            for one in Stage.objects.filter(request=story.request, state__in=["running", "paused"])
            if one.role != "applicant"
        ]
        concerned = {person for stage in running for person in recipients.of_stage(stage)}
        if story.fresh().number is not None or how == "signature_check":
            concerned.add(world.secretariat)
        if how in {"awaiting_signature", "signature_check"}:
            concerned.add(world.representative)
        concerned = (concerned - {by}) | {world.investigator}
        Message.objects.all().delete()
        story.do(target, verb, by=by, **payload)
        assert story.fresh().state in FINAL_STATES, (place, how)
        told = {one.recipient for one in Message.objects.filter(about=story.request.pk)}
        assert concerned <= told, (place, how, concerned - told)


@pytest.mark.django_db
def test_a_withdrawal_stops_those_who_were_at_work() -> None:
    world = World()
    world.president, world.member, world.secretariat  # noqa: B018 - there to be told
    world.tied_member  # noqa: B018 - of the applicant's organisation: never told
    story = world.story().reach("opinion")
    Message.objects.all().delete()
    story.do("", "withdraw", by=world.investigator, reason="Le financement manque.")
    rows = Message.objects.filter(code="request.withdrawn").select_related("recipient")
    told = {one.recipient.username: one.body for one in rows}  # type: ignore[union-attr]
    assert {"presidente", "membre", "secretariat", "investigatrice"} <= set(told)
    assert "membre-lie" not in told
    assert "Arrêtez l’instruction" in told["presidente"]
    assert "Le financement manque." in told["secretariat"]
    assert "Vous n’avez plus rien à faire" in told["investigatrice"]
