"""Law is data: a valid procedure with other codes, clocks and silence goes through every page."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from portal.notifications.models import Message
from requests_app.committee import opinion_document
from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.models import Act, Opinion
from requests_app.procedures.schema import Procedure
from requests_app.workflow.abilities import abilities
from requests_app.workflow.clock import run_due
from tests.support import odd_procedure
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return odd_procedure.install(monkeypatch)


@pytest.fixture
def story() -> Story:
    return World().story(procedure=odd_procedure.CODE)


def every_tab(story: Story, *people: str) -> Iterator[tuple[str, str, str]]:
    """(who, tab, text) of each tab that the request page offers; raises on what is no page."""
    address = reverse("requests_app:request", args=[story.request.pk])
    for name in people:
        client = client_for(getattr(story.world, name), verified=True)
        first = client.get(address)
        assert first.status_code == 200, name
        for tab in [one["url"].rpartition("=")[2] for one in first.context["tabs"]]:
            answer = client.get(address, {"onglet": tab})
            assert answer.status_code == 200, (name, tab)
            yield name, tab, page_text(answer)


def test_it_shares_no_chosen_code_with_those_shipped(odd: Procedure) -> None:
    assert all(stage.code.startswith("insolite_") for stage in odd.stages)
    assert all(piece.code.startswith("insolite_") for piece in odd.pieces)


@pytest.mark.long
def test_the_request_page_shows_every_tab_all_along(story: Story) -> None:
    story.sign()
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
        if kind in {"completeness", "opinion", "authorisation", "convention"}:
            said = list(every_tab(story, "investigator", "secretariat", "president"))
            assert "avis" in {tab for _who, tab, _text in said}
    avis = {who: text for who, tab, text in every_tab(story, "investigator") if tab == "avis"}
    label = str(story.opinion_spec.headings[0].label)
    assert label in avis["investigator"]  # the headings of its own opinion stage
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
    stage, opinion = story.stage("opinion"), Opinion.objects.get()
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
