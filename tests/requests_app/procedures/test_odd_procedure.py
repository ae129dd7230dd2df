"""Law is data: a valid procedure unlike those that are shipped goes through every page.

Two committees in parallel, an audition, an unfavourable silence, no authority, rights that the
publication opens, a form without a data specification, half of its texts in English.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from portal.accounts.models import Role
from portal.notifications.models import Message
from requests_app import dossier
from requests_app.committee import opinion_document
from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.counter.reading.committee import sittings
from requests_app.models import Act, InterestDeclaration, Opinion, Permit, StageState
from requests_app.procedures import registry
from requests_app.procedures.content import Row
from requests_app.procedures.law import UNNAMED
from requests_app.procedures.schema import Procedure
from requests_app.procedures.texts import without_english
from requests_app.register import register
from requests_app.rights import permissions
from requests_app.workflow import engine, granting
from requests_app.workflow.abilities import abilities, move_of
from requests_app.workflow.clock import run_due
from requests_app.workflow.kinds.answer import points_of
from tests.support import odd_procedure
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, dataset, organisation


pytestmark = pytest.mark.django_db

SEATS = (Role.PRESIDENT, Role.COMMITTEE_MEMBER)
READERS = ("investigator", "secretariat", "president", "legal_officer", "officer", "operator")


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return odd_procedure.install(monkeypatch)


@pytest.fixture
def story() -> Story:
    return World().story(procedure=odd_procedure.CODE)


def every_tab(story: Story, *people: Any) -> Iterator[tuple[str, str, str]]:
    """(who, tab, text) of each tab that the request page offers; raises on what is no page."""
    address = reverse("requests_app:request", args=[story.request.pk])
    for person in people:
        name = person if isinstance(person, str) else person.username
        user = getattr(story.world, person) if isinstance(person, str) else person
        client = client_for(user, verified=True)
        first = client.get(address)
        if first.status_code == 404:
            continue  # not theirs yet
        assert first.status_code == 200, name
        for tab in [one["url"].rpartition("=")[2] for one in first.context["tabs"]]:
            answer = client.get(address, {"onglet": tab})
            assert answer.status_code == 200, (name, tab)
            yield name, tab, page_text(answer)


def test_it_is_what_the_others_are_not(odd: Procedure) -> None:
    others = [one for one in registry.everything() if one.code != odd.code]
    stages = {stage.code for one in others for stage in one.stages}
    pieces = {piece.code for one in others for piece in one.pieces}
    assert not stages & {stage.code for stage in odd.stages}
    assert not pieces & {piece.code for piece in odd.pieces}
    assert odd.committees == set(odd_procedure.COMMITTEES)
    assert odd.committee is None
    assert odd.authority is UNNAMED
    assert odd.convention is None
    silent = [one for stage in odd.stages for one in stage.outcomes if one.tacit and one.effect]
    assert {one.effect for one in silent} == {"unfavourable", "none"}
    missing = len(list(without_english(odd)))
    with translation.override("en"):
        assert str(odd.stages[0].label) == "Check at the desk"
    assert 30 < missing < 60  # half of them


@pytest.mark.long
def test_the_request_page_shows_every_tab_all_along(story: Story) -> None:
    story.sign()
    seats = [story.world.seat(role, organisation("comite-citoyen", "committee")) for role in SEATS]
    for kind in [stage.kind for stage in story.procedure.stages]:
        for who in ("investigator", "secretariat", "president", "legal_officer", "operator"):
            user = getattr(story.world, who)
            client = client_for(user, verified=True)
            for one in abilities(story.fresh(), user=user):
                if one.name in ACT_FORMS and one.stage is not None and one.task is None:
                    args = [story.request.pk, one.stage.pk, one.name]
                    answer = client.get(reverse("requests_app:stage_act", args=args))
                    assert answer.status_code == 200, (who, one.name)
        getattr(story, kind)()
        if kind in {"completeness", "opinion", "conformity", "register"}:
            said = list(every_tab(story, *READERS, *seats))
            assert "avis" in {tab for _who, tab, _text in said}
    avis = {who: text for who, tab, text in every_tab(story, "investigator") if tab == "avis"}
    for spec in story.procedure.stages:
        for label in spec.rubrics.values():
            assert str(label) in avis["investigator"]  # the headings of both opinions
    assert story.fresh().state == "closed"


def test_silence_keeps_the_sense_that_the_procedure_gives_it(story: Story) -> None:
    story.sign()
    story.completeness()
    story.holder()
    story.audition()
    assert story.world.secretariat.is_active
    assert story.world.president.is_active
    Message.objects.all().delete()
    legal_advance("22d")
    run_due()
    stage, opinion = story.stage("avis_savant"), Opinion.objects.get()
    assert stage.outcome == odd_procedure.SILENCE
    assert opinion.sense == "tacite défavorable"
    avis = [text for _who, tab, text in every_tab(story, "secretariat") if tab == "avis"]
    assert "réputé défavorable" in avis[0]
    data = opinion_document.opinion_data(opinion)
    assert "réputé défavorable" in data["intro"]
    assert data["title"] == "Attestation d’avis tacite"
    written = [
        *avis,
        str(data),
        *(f"{one.subject} {one.body}" for one in Message.objects.all()),
    ]
    assert any("réputé défavorable" in one for one in written[2:])
    for text in written:
        assert "réputé favorable" not in text
        assert "tacite favorable" not in text
    assert opinion_document.write_opinion_document(opinion.pk)
    assert Act.objects.get(stage=stage, code="expire").data["effect"] == "outcome"


def test_a_silence_without_a_sense_is_refused_with_its_place(odd: Procedure) -> None:
    raw: dict[str, Any] = odd.model_dump()
    for stage in raw["stages"]:
        for outcome in stage["outcomes"]:
            if outcome["code"] == odd_procedure.SILENCE:
                outcome["effect"] = None
    with pytest.raises(ValueError, match="say what silence is deemed to be"):
        Procedure.model_validate(raw)


# --- Two committees -------------------------------------------------------------------------------


def test_the_points_of_both_opinions_are_answered(story: Story) -> None:
    story.reach("suites")
    team = story.world.investigator
    points = points_of(story.request)
    assert [(one.number, one.opinion.stage.code) for one in points] == [
        (1, "avis_savant"),
        (2, "avis_savant"),
        (1, "avis_citoyen"),
        (2, "avis_citoyen"),
    ]
    first, last = points[0], points[-1]
    some: dict[str, Any] = {"answers": {one.key: "Oui." for one in points[:2]}, "decision": "go"}
    with pytest.raises(engine.TransitionRefused, match=last.opinion.number):
        story.do("suites", "answer_points", by=team, **some)
    body = Message.objects.get(code="request.expected_answer").body
    assert "les avis des comités" in body
    url = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("suites").pk, "answer_points"],
    )
    client = client_for(team, verified=True)
    shown = page_text(client.get(url))
    assert first.opinion.number in shown
    assert last.opinion.number in shown
    sent = {f"answer_{one.key}": f"Réponse {n}." for n, one in enumerate(points)}
    answer = client.post(url, sent | {"decision": "go", "confirm": "on"})
    assert answer.status_code == 302, answer.context["form"].errors
    kept = [
        [one["text"] for one in opinion.answers] for opinion in Opinion.objects.order_by("number")
    ]
    assert kept == [["Réponse 0.", "Réponse 1."], ["Réponse 2.", "Réponse 3."]]
    tabs = {tab: text for _who, tab, text in every_tab(story, "investigator")}
    for n in range(4):
        assert f"Réponse {n}." in tabs["echanges"]


def test_a_committee_reads_its_own_deliberation_and_the_desk_all(story: Story) -> None:
    story.reach("avis_citoyen")
    world = story.world
    scholar, citizen = world.president, story.seated("avis_citoyen")[0]
    story.declare_at("avis_citoyen")
    story.do(
        "avis_citoyen", "assign_rapporteurs", by=citizen, members=[story.seated("avis_citoyen")[1]]
    )
    report = story.opinion_payload()
    report.pop("present")
    story.do("avis_citoyen", "file_report", by=story.seated("avis_citoyen")[1], **report)
    for reader, expected in ((scholar, 0), (citizen, 1), (world.secretariat, 1)):
        assert permissions.reports_visible_to(reader).count() == expected, reader
    names = {}
    for reader in (scholar, citizen, world.secretariat):
        parts = permissions.parts_visible(reader, story.request)
        seen = sittings(story.request, user=reader, parts=parts)
        names[reader] = {seat.member.username for one in seen for seat in one.seats}
    assert names[scholar] == {"presidente", "membre"}
    assert names[citizen] == {"presidente-comite-citoyen", "membre-comite-citoyen"}
    assert names[world.secretariat] == names[scholar] | names[citizen]


def test_what_a_committee_heard_is_its_own_until_its_opinion(story: Story) -> None:
    story.reach("avis_savant")
    act = Act.objects.get(code="record_audition")
    team = story.world.investigator
    story.do(
        "avis_citoyen",
        "declare_interest",
        by=story.seated("avis_citoyen")[0],
        answer="none",
    )
    other = story.stage("avis_citoyen")
    story.do("avis_citoyen", "declare_interest", by=story.seated("avis_citoyen")[1], answer="none")
    story.do(
        "avis_citoyen",
        "issue_opinion",
        by=story.seated("avis_citoyen")[0],
        sense="favourable",
        headings=dict.fromkeys(story.procedure.stage(other.code).rubrics, "Texte."),
        present=[story.seated("avis_citoyen")[1]],
    )
    assert permissions.opinions_visible_to(team).count() == 1
    assert act not in permissions.acts_visible_to(team)
    assert act in permissions.acts_visible_to(story.world.member)
    story.opinion()
    assert act in permissions.acts_visible_to(team)


def test_an_opinion_names_those_of_its_own_committee_who_stood_apart(story: Story) -> None:
    story.sign()
    story.completeness()
    tied = story.world.seat(Role.COMMITTEE_MEMBER, organisation("comite-citoyen", "committee"))
    story.do("avis_citoyen", "declare_interest", by=tied, answer="withdrawn", reason="Lien.")
    story.audition()
    story.declare_at("avis_savant")
    spec = story.procedure.stage("avis_savant")
    story.do(
        "avis_savant",
        "issue_opinion",
        by=story.world.president,
        sense="favourable",
        headings=dict.fromkeys(spec.rubrics, "Texte."),
        present=[story.world.member],
    )
    opinion = Opinion.objects.get(stage=story.stage("avis_savant"))
    assert not opinion.withdrew.exists()
    assert InterestDeclaration.objects.filter(answer="withdrawn").exists()


# --- Rights that an outcome opens -----------------------------------------------------------------


def test_the_outcome_opens_the_rights_without_a_convention(story: Story) -> None:
    story.reach("annuaire")
    desk = story.world.secretariat
    stage = story.stage("annuaire")
    with pytest.raises(engine.TransitionRefused, match="Indiquez les adresses"):
        story.do("annuaire", "publish_register", by=desk)
    move = move_of(story.request, "publish_register", user=desk, stage=stage)
    assert move is not None
    assert move.needs_fresh_factor
    client = client_for(desk, verified=True)
    url = reverse("requests_app:stage_act", args=[story.request.pk, stage.pk, "publish_register"])
    page = client.get(url)
    fields = [name for name in page.context["form"].fields if name.startswith("addresses_")]
    assert len(fields) == 2
    wrong = client.post(url, {"confirm": "on", fields[0]: "ici", fields[1]: "192.0.2.1"})
    assert wrong.status_code == 422 or wrong.context["form"].errors[fields[0]]
    assert not Permit.objects.exists()
    done = client.post(url, {"confirm": "on"} | dict.fromkeys(fields, "192.0.2.10"))
    assert done.status_code == 302, done.context["form"].errors
    permit = Permit.objects.get()
    assert permit.act.code == "publish_register"
    assert permit.delivery_mode == "daughter_system"
    assert sorted(row["dataset"] for row in permit.scope) == ["base-a", "base-b", "base-principale"]
    assert story.fresh().state == "in_force"
    grants = permit.grants.all()
    assert {grant.person.username for grant in grants} == {"investigatrice", "habilite"}
    assert all(grant.source_addresses == ["192.0.2.10/32"] for grant in grants)
    told = Message.objects.filter(code="request.rights_opened")
    assert {one.recipient.username for one in told if one.recipient} >= {"investigatrice"}
    entry = register.entry(register.published().get())
    assert entry.state == "accès autorisé"
    assert register._state(story.request, []) == "accès en préparation"  # published before them
    assert entry.opinion == "favorable sous conditions, favorable avec vœux"
    texts = [text for *_who, text in every_tab(story, *READERS)]
    texts += [f"{one.subject} {one.body}" for one in Message.objects.all()]
    assert not [text for text in texts if "onvention" in text]
    assert not [text for text in texts if "CNIL" in text]


def test_nothing_is_opened_for_nobody(story: Story) -> None:
    story.reach("annuaire")
    story.request.members.update(has_data_access=False)
    with pytest.raises(engine.TransitionRefused, match="personne habilitée"):
        story.do("annuaire", "publish_register", by=story.world.secretariat)
    assert story.stage("annuaire").state == StageState.RUNNING


def test_rights_are_given_in_a_way_that_the_portal_has(odd: Procedure, story: Story) -> None:
    assert odd.access is not None
    both = {"delivery_modes": ("project_space", "daughter_system")}
    made = odd.model_copy(update={"access": odd.access.model_copy(update=both)})
    assert granting.delivery_mode(story.request, made) == "daughter_system"


def test_databases_are_chosen_whole_where_the_form_asks_no_rows(odd: Procedure) -> None:
    world = World()
    dataset("base-a")
    begun: dict[str, Any] = {"title": "Étude", "organisation": world.university, "orientation": {}}
    rows = [Row(dataset="base-a"), Row(dataset="inconnue")]
    file = dossier.create(procedure=odd, by=world.investigator, rows=rows, **begun)
    assert [one.dataset.code for one in file.datasets.all()] == ["base-a"]
    assert dossier.snapshot(file)["datasets"] == ["base-a"]
    said = {"nom_court": "AUTRE"}
    dossier.save_section(
        file, "projet", said, by=world.investigator, revision=file.content_revision
    )
    assert file.datasets.count() == 1
    again = dossier.copy(file, procedure=odd, by=world.investigator)
    assert again.datasets.count() == 1
    empty = dossier.create(procedure=odd, by=world.investigator, **begun)
    assert "Aucune base n’est demandée" in str(dossier.missing_items(empty))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "convention": (
        {"convention": {"catalogue": ["hdh"], "main_base": ["cnam"]}},
        r"convention: a stage of kind 'register' opens rights by the terms of \[access\]",
    ),
    "terms": ({"access": None}, "access: its terms are missing"),
    "nothing": ({"grants_on": None}, "access: its terms bind nothing"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_terms_of_rights_go_with_what_opens_them(odd: Procedure, fault: str) -> None:
    more, words = WRONG[fault]
    raw = odd.model_dump()
    if terms := more.get("convention"):
        terms |= raw["access"]
    with pytest.raises(ValueError, match=words):
        Procedure.model_validate(raw | more)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("engagement", "the applicant's own act opens no rights"),
        ("detenteurs", "each holder ends its own"),
        ("remise", "kind 'extract' follows rights"),
    ],
)
def test_rights_are_opened_once_by_who_has_no_part_in_the_file(
    odd: Procedure, code: str, words: str
) -> None:
    raw = odd.model_dump() | {"grants_on": code}
    for stage in raw["stages"]:
        opens = stage["code"] == code
        for number, outcome in enumerate(stage["outcomes"]):
            if outcome["request"] == "in_force":
                outcome["request"] = None
            if opens and not number:
                outcome["request"] = "in_force"
    with pytest.raises(ValueError, match=words):
        Procedure.model_validate(raw)


def test_a_silence_opens_no_rights(odd: Procedure) -> None:
    raw = odd.model_dump()
    for stage in raw["stages"]:
        for outcome in stage["outcomes"]:
            outcome["tacit"] = outcome["tacit"] or outcome["request"] == "in_force"
    with pytest.raises(ValueError, match="never by a silence"):
        Procedure.model_validate(raw)
