"""A rule is written once: what a page offers beforehand is what the verb does not refuse."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from portal.accounts import conditions
from portal.accounts.models import User
from requests_app.models import Stage
from requests_app.provisioning import gates
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities
from requests_app.workflow.catalogue import VERBS
from requests_app.workflow.clock import run_ripe
from requests_app.workflow.verbs import Verb
from tests.requests_app.provisioning import world as provisioned
from tests.support.factories import Story, World


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def offered(story: Story, who: User) -> set[str]:
    return {one.name for one in abilities(story.fresh(), user=who)}


# kind of the stage reached, whose act ("" for the request), and its verb
VERBS_ASKED = [
    ("completeness", "completeness", "request_completion"),
    ("completeness", "completeness", "accept_completeness"),
    ("authorisation", "authorisation", "record_receipt"),
    ("completeness", "", "withdraw"),
]


@pytest.mark.parametrize(("reached", "kind", "name"), VERBS_ASKED)
def test_what_the_verb_refuses_now_is_no_button_and_no_act(
    reached: str, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    story = world.story().reach(reached)
    who = world.investigator if not kind else world.secretariat
    if reached == "authorisation":
        who = world.legal_officer
    assert name in offered(story, who)

    def refuse(_ctx: Any) -> Iterator[str]:
        yield "Pas maintenant."

    monkeypatch.setattr(VERBS[name], "not_now", refuse)
    assert name not in offered(story, who)
    with pytest.raises(engine.TransitionRefused, match="Pas maintenant"):
        story.do(kind, name, by=who)


def test_the_authority_s_acts_follow_its_receipt_on_the_page_as_in_the_engine() -> None:
    world = World()
    story = world.story().reach("authorisation")
    before = offered(story, world.legal_officer)
    assert "record_receipt" in before
    assert not {"record_authorisation", "record_refusal", "record_extension"} & before
    with pytest.raises(engine.TransitionRefused, match="accusé de réception"):
        story.do("authorisation", "record_refusal", by=world.legal_officer, reason="Non.")
    story.receipt()
    after = offered(story, world.legal_officer)
    assert {"record_authorisation", "record_refusal", "record_extension"} <= after
    assert "record_receipt" not in after


RIPEN = [
    name
    for name, verb in VERBS.items()
    if type(verb).ripe is not Verb.ripe and type(verb).is_ripe is Verb.is_ripe
]


@pytest.mark.parametrize("name", RIPEN)
def test_what_the_clock_finds_is_what_its_verb_accepts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = World().story().reach("completeness")
    stage = story.stage("completeness")
    tried: list[Any] = []
    monkeypatch.setattr(VERBS[name], "ripe", lambda: Stage.objects.filter(pk=stage.pk))
    monkeypatch.setattr("requests_app.workflow.clock._try", lambda n, one: tried.append((n, one)))
    run_ripe()
    assert (name, stage) in tried
    ctx = type("Asked", (), {"the_stage": stage})()
    assert VERBS[name].is_ripe(ctx)
    other = type("Asked", (), {"the_stage": story.stage("opinion")})()
    assert not VERBS[name].is_ripe(other)


def test_what_a_person_lacks_is_said_by_the_room_of_accounts_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A30: the account's page and the reconciler read the same conditions."""
    person = provisioned.person("habilitee")
    provisioned.study([person], staged=False)
    grant = person.grants.select_related(
        "permit__request__organisation", "person", "workspace__extract"
    ).get()
    assert gates.missing(person) == []

    def none_met(users: Any, **_on: Any) -> dict[Any, list[conditions.Condition]]:
        return {one.pk: [conditions.Condition(c, None) for c in conditions.LABELS] for one in users}

    monkeypatch.setattr(conditions, "conditions_for", none_met)
    assert gates.missing(person) == list(conditions.LABELS)
    assert set(conditions.LABELS) <= set(gates.missing_for([grant])[grant.pk])
    assert [one.code for one in conditions.missing(person)] == list(conditions.LABELS)


def test_no_verb_says_beside_its_check_what_it_would_refuse() -> None:
    """`not_now` is the one place: a second one would say otherwise one day."""
    known = {name for name in dir(Verb) if not name.startswith("_")}
    beside = {"useful", "possible", "allowed", "available"}
    assert not known & beside
    assert [name for name, verb in VERBS.items() if beside & set(dir(verb))] == []


@pytest.mark.parametrize(
    "name", [name for name, verb in VERBS.items() if type(verb).not_now is not Verb.not_now]
)
def test_what_is_asked_beforehand_reads_nothing_of_an_act(name: str) -> None:
    source = inspect.getsource(type(VERBS[name]).not_now)
    for read in ("ctx.now", "effective_at", "payload", "ctx.text", "ctx.line", "ctx.day"):
        assert read not in source
