"""Acts that engage somebody ask for a second factor passed less than ten minutes ago: which, when
the form is opened, when it took long to write, and with everything typed kept."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.accounts.otp import CODE_FIELD, FILES_FIELD
from requests_app.counter.pages.staff import act as act_view
from requests_app.models import Grant, Opinion, RequestState
from requests_app.permits import operations
from requests_app.procedures import registry
from requests_app.workflow import abilities, engine
from requests_app.workflow.catalogue import VERBS
from requests_app.workflow.definition import KINDS, REQUEST_MOVES
from tests.support import pdfs
from tests.support.client import aged, client_for, enrol, page_text
from tests.support.factories import Story, World
from tests.support.totp import code_of


pytestmark = pytest.mark.django_db
STEP_UP = "/compte/second-facteur/verifier/"
# Signing and what undoes it, a commitment, an opinion, a decision and its correction, a convention,
# an extract.
ENGAGE = {
    "sign",
    "deposit_paper",
    "verify_signature",
    "refuse_signature",
    "contest_signature",
    "record_conformity",
    "correct_act",
    "issue_opinion",
    "file_late_opinion",
    "record_authorisation",
    "record_refusal",
    "record_convention",
    "confirm_extract",
}


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


def stale(person: Any) -> Client:
    return aged(client_for(person, verified=True))


def sent_again(page: Any) -> dict[str, list[str]]:
    """What the step-up page would post, the code left out."""
    fields: dict[str, list[str]] = {}
    for tag in BeautifulSoup(page.content, "html.parser").select("main form input[type=hidden]"):
        if tag["name"] != "csrfmiddlewaretoken":
            fields.setdefault(str(tag["name"]), []).append(str(tag["value"]))
    return fields


def test_each_verb_says_it_where_it_is_declared_and_buttons_know() -> None:
    moves = [*REQUEST_MOVES.values(), *(move for kind in KINDS.values() for move in kind.moves)]
    assert {move.name for move in moves if move.needs_fresh_factor} == ENGAGE
    for move in moves:
        if move.name not in VERBS:  # only entailed
            continue
        ability = abilities._ability(move, None, registry.everything()[0])
        assert ability.needs_fresh_factor is move.needs_fresh_factor


@pytest.mark.parametrize(
    ("stage", "name", "who"),
    [
        ("opinion", "issue_opinion", "president"),
        ("authorisation", "record_authorisation", "legal_officer"),
        ("authorisation", "record_refusal", "legal_officer"),
        ("convention", "record_convention", "legal_officer"),
    ],
)
def test_the_form_asks_when_it_is_opened(world: World, stage: str, name: str, who: str) -> None:
    story = world.story().reach(stage)
    if stage == "authorisation":
        story.receipt()
    if stage == "opinion":
        story.declare(world.president)
    args = [story.request.pk, story.stage(stage).pk, name]
    url = reverse("requests_app:stage_act", args=args)
    person = getattr(world, who)
    assert stale(person).get(url)["Location"].startswith(STEP_UP)
    assert stale(person).post(url, {"confirm": "on"}).status_code == 403
    assert client_for(person, verified=True).get(url).status_code == 200


def test_a_commitment_and_what_undoes_a_signature_ask_too(world: World) -> None:
    paper = world.story()
    paper.ask_signature()
    paper.deposit_paper()
    committing = world.story(procedure="fr-mr-007").reach("conformity")
    stage = committing.stage("conformity").pk
    by_stage = [committing.request.pk, stage, "record_conformity"]
    for person, route, args in (
        (world.secretariat, "request_act", [paper.request.pk, "refuse_signature"]),
        (world.representative, "request_act", [paper.request.pk, "contest_signature"]),
        (world.investigator, "stage_act", by_stage),
        (world.legal_officer, "stage_act", by_stage),
    ):
        url = reverse(f"requests_app:{route}", args=args)
        client = stale(person)
        assert client.get(url)["Location"].startswith(STEP_UP), url
        asked = client.post(url, {"reason": "Je n’ai rien signé.", "confirm": "on"})
        assert asked.status_code == 403
        assert sent_again(asked) == {"reason": ["Je n’ai rien signé."], "confirm": ["on"]}
        assert client_for(person, verified=True).get(url).status_code == 200
    assert paper.fresh().state == RequestState.SIGNATURE_CHECK
    assert committing.stage("conformity").state == "running"


def test_a_long_opinion_is_kept_field_by_field(world: World) -> None:
    story = world.story().reach("opinion")
    story.declare(world.president, world.member)
    url = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("opinion").pk, "issue_opinion"],
    )
    device = enrol(world.president)
    client = client_for(world.president, verified=True)
    form = BeautifulSoup(client.get(url).content, "html.parser").select_one("main form")
    assert form is not None
    typed: dict[str, Any] = {
        str(area["name"]): f"Première ligne de {area['name']}\r\n\r\n« seconde » <b>"
        for area in form.select("textarea")
    }
    senses = [str(tag["value"]) for tag in form.select("input[name=sense]")]
    typed |= {"sense": senses[0], "confirm": "on"}
    typed["present"] = [str(world.member.pk), str(world.president.pk)]
    aged(client)
    asked = client.post(url, typed)
    assert asked.status_code == 403
    kept = sent_again(asked)
    assert kept == {
        name: value if isinstance(value, list) else [value] for name, value in typed.items()
    }
    assert not Opinion.objects.exists()
    client.post(url, kept | {CODE_FIELD: code_of(device)})
    opinion = Opinion.objects.get()
    assert typed["points"].split("\r\n")[0] in str(opinion.points)


def test_a_file_that_could_not_be_kept_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optional document would otherwise be lost without a word, and the act done."""
    story = world.story().reach("convention")
    args = [story.request.pk, story.stage("convention").pk, "record_convention"]
    url = reverse("requests_app:stage_act", args=args)
    device = enrol(world.legal_officer)
    client = stale(world.legal_officer)
    done: list[str] = []
    monkeypatch.setattr(act_view, "_run", lambda *_a, **_k: done.append("done"))
    monkeypatch.setattr(act_view.ACT_FORMS["record_convention"], "clean", lambda self: {})
    asked = client.post(
        url,
        {
            "starts_on": "2027-03-01",
            "document": SimpleUploadedFile("a.pdf", pdfs.page(), "application/pdf"),
        },
    )
    kept = sent_again(asked)
    assert kept == {"starts_on": ["2027-03-01"], FILES_FIELD: ["1"]}
    wrong = client.post(url, kept | {CODE_FIELD: "wrong"})
    assert sent_again(wrong) == kept
    shown = client.post(url, kept | {CODE_FIELD: code_of(device)})
    assert shown.status_code == 422
    assert "Joignez à nouveau le document." in page_text(shown)
    assert 'value="2027-03-01"' in shown.content.decode()
    assert done == []


def test_signing_asks_the_signatory_before_reading_and_the_team_when_sending(
    world: World,
) -> None:
    story = world.story()
    version = story.ask_signature()
    url = reverse("requests_app:sign", args=[story.request.pk])
    online = {"version": version.number, "sha256": version.sha256, "confirm": "on", "online": "1"}
    signs, team = stale(world.representative), stale(world.investigator)
    assert signs.get(url)["Location"].startswith(STEP_UP)
    assert signs.post(url, online).status_code == 403
    assert team.get(url).status_code == 200
    assert team.get(url, {"papier": "1"})["Location"].startswith(STEP_UP)
    paper = online | {
        "paper": "1",
        "file": SimpleUploadedFile("a.pdf", pdfs.page(), "application/pdf"),
    }
    assert team.post(url, paper).status_code == 403
    assert client_for(world.investigator).post(url, online | {"paper": "1"}).status_code == 403
    assert story.fresh().state == RequestState.AWAITING_SIGNATURE


def test_operators_are_asked_before_a_right_changes_and_not_before_a_retry(world: World) -> None:
    story = world.story().reach("opening")
    client = stale(world.operator)
    workspace, grant = story.fresh().workspace, Grant.objects.all()[0]
    organisation = story.request.organisation_id
    for name, target, route in (
        ("suspend_study", workspace.pk, "study_operation"),
        ("revoke_study", workspace.pk, "study_operation"),
        ("suspend", grant.pk, "grant_operation"),
        ("revoke", grant.pk, "grant_operation"),
        ("revoke", organisation, "body_operation"),
        ("suspend", organisation, "body_operation"),
    ):
        url = reverse(f"requests_app:{route}", args=[target, name])
        if route == "body_operation":
            url = f"/exploitation/organismes/{target}/{name}/"
        assert client.get(url)["Location"].startswith(STEP_UP), url
        assert client.post(url, {"reason": "Incident"}).status_code == 403, url
    grant.refresh_from_db()
    assert grant.wanted == Grant.Wanted.OPEN
    held = reverse("requests_app:study_operation", args=[workspace.pk, "hold"])
    assert client.get(held).status_code == 200
    assert not operations.needs_fresh_factor("retry")


def test_inviting_a_signatory_into_a_file_asks_the_rest_does_not(world: World) -> None:
    story = world.story()
    url = reverse("requests_app:draft_step", args=[story.request.pk, "personnes"])
    client = stale(world.investigator)
    assert client.post(url, {"kind": "representative", "email": "r@a.fr"}).status_code == 403
    assert client.post(url, {"kind": "editor", "email": "e@a.fr"}).status_code == 302


def test_the_extract_is_confirmed_with_a_fresh_one(world: World) -> None:
    story: Story = world.story().reach("extract")
    args = [story.request.pk, story.stage("extract").pk, "confirm_extract"]
    url = reverse("requests_app:stage_act", args=args)
    answer = stale(world.second_operator).get(url)
    assert answer.status_code == 302
    assert answer["Location"].startswith(STEP_UP)
    with pytest.raises(engine.TransitionRefused):  # nothing else guards it: it is not prepared
        story.confirm_extract(by=world.second_operator)
