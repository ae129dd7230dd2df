"""A document that cannot be made: the page says so, operators are told, tries end."""

from io import BytesIO, StringIO
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import CommandError, call_command
from django.utils import timezone
from pypdf import PdfReader

from portal.common.pdf import PdfError
from portal.notifications.models import Message
from requests_app.committee import opinion_document
from requests_app.counter.pages import helpers
from requests_app.counter.pages.applicant import basket, draft_rows
from requests_app.dossier import tasks, version_pdf
from requests_app.models import AccessRequest, Opinion
from requests_app.workflow.tasks import make_documents
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = [pytest.mark.django_db, pytest.mark.faults]
CHINESE = "Étude menée avec 北京大学医院 (Pékin)."


@pytest.fixture
def story() -> Story:
    story = World().story()
    story.world.operator  # noqa: B018 - there to be told
    story.sign()
    story.completeness()
    story.opinion()
    return story


def told() -> list[Message]:
    return list(Message.objects.filter(code="request.document_failed").order_by("pk"))


def breaks(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[str]:
    """From now on no document is made; the templates tried."""
    tried: list[str] = []

    def render_pdf(template: str, _data: Any) -> bytes:
        tried.append(template)
        raise PdfError(template)

    monkeypatch.setattr(module, "render_pdf", render_pdf)
    return tried


def opinion_page(story: Story) -> str:
    client = client_for(story.world.secretariat, verified=True)
    return page_text(client.get(f"/dossiers/{story.request.pk}/?onglet=avis"))


def test_an_opinion_in_any_script_has_its_document_at_once(story: Story) -> None:
    opinion = Opinion.objects.get()
    codes = list(opinion.headings)
    Opinion.objects.update(headings=dict.fromkeys(codes, CHINESE))
    assert make_documents() == 1
    opinion.refresh_from_db()
    assert opinion.document is not None
    with opinion.document.file.open("rb") as file:
        text = " ".join(p.extract_text() for p in PdfReader(BytesIO(file.read())).pages)
    assert "\ufffd" * 6 in text
    assert "U+5317" in text
    assert opinion.document_tries == 0
    assert told() == []


def test_the_page_says_that_a_document_is_being_made_then_that_it_failed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "en cours de fabrication" in opinion_page(story)
    breaks(monkeypatch, opinion_document)
    assert make_documents() == 0
    assert "en cours de fabrication" in opinion_page(story)  # again in a minute
    Opinion.objects.update(document_due=timezone.now())
    page = opinion_page(story)
    assert "n’a pas pu être fait : l’exploitation est prévenue" in page
    assert "en cours de fabrication" not in page
    monkeypatch.undo()
    opinion_document.write_opinion_document(Opinion.objects.get().pk)
    page = opinion_page(story)
    assert "Télécharger l’avis (PDF)" in page
    assert "n’a pas pu être fait" not in page


def test_tries_wait_longer_then_end_and_operators_are_told_twice(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = breaks(monkeypatch, opinion_document)
    for number in range(1, opinion_document.TRIES + 1):
        make_documents()
        make_documents()  # nothing is due yet
        assert len(tried) == number
        assert len(told()) == (2 if number == opinion_document.TRIES else 1)
        Opinion.objects.update(document_due=None)
    make_documents()
    assert len(tried) == opinion_document.TRIES
    messages = told()
    assert {message.recipient for message in messages} == {story.world.operator}
    assert sorted("make_documents" in message.body for message in messages) == [False, True]
    assert sorted("autres essais suivent" in message.body for message in messages) == [False, True]


def test_one_that_takes_too_long_is_told_and_lets_the_others_be(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = story.world.story()
    other.sign()
    other.completeness()
    other.opinion()
    first, second = Opinion.objects.order_by("issued_at")
    real = opinion_document.render_pdf

    def render_pdf(template: str, data: Any) -> bytes:
        if data["number"] == first.number:
            raise SoftTimeLimitExceeded
        return real(template, data)

    monkeypatch.setattr(opinion_document, "render_pdf", render_pdf)
    with pytest.raises(SoftTimeLimitExceeded):  # the task's time is over
        make_documents()
    (message,) = told()
    assert first.number in message.body
    assert make_documents() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert second.document is not None
    assert (first.document_tries, first.document_due is None) == (1, False)


def test_tries_whose_process_dies_are_counted_end_and_are_told(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def render_pdf(template: str, _data: Any) -> bytes:
        tried.append(template)
        raise SystemExit  # nothing of ours catches it, as nothing catches kill -9

    monkeypatch.setattr(opinion_document, "render_pdf", render_pdf)
    for number in range(1, opinion_document.TRIES + 1):
        with pytest.raises(SystemExit):
            make_documents()
        make_documents()  # nothing is due yet
        assert len(tried) == number
        assert len(told()) == (0 if number == 1 else 1)
        Opinion.objects.update(document_due=timezone.now())
    for _sweep in range(2):
        make_documents()
        assert len(tried) == opinion_document.TRIES
        assert sorted("make_documents" in message.body for message in told()) == [False, True]


def test_the_wait_grows(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch, opinion_document)
    waits = []
    for _try in range(3):
        make_documents()
        due = Opinion.objects.get().document_due
        assert due is not None
        waits.append(due)
        Opinion.objects.update(document_due=None)
    assert (waits[1] - waits[0]).total_seconds() > 60
    assert (waits[2] - waits[1]).total_seconds() > 300


def test_an_operator_has_them_made_again(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch, opinion_document)
    Opinion.objects.update(document_tries=opinion_document.TRIES)
    with pytest.raises(CommandError, match="1 document n’a pas pu être fait"):
        call_command("make_documents", stdout=StringIO())
    monkeypatch.undo()
    out = StringIO()
    call_command("make_documents", stdout=out)
    assert "1 document fait" in out.getvalue()
    assert Opinion.objects.get().document is not None


@pytest.mark.parametrize("kind", ["versions/1.pdf", "recepisse/depot.pdf", "recepisse/complet.pdf"])
def test_a_document_made_for_a_page_that_fails_is_said_and_told_once(
    story: Story, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch, version_pdf)
    asked: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        helpers.tell_document_failed, "apply_async", lambda args, **_options: asked.append(args)
    )
    client = client_for(story.world.secretariat, verified=True)
    answer = client.get(f"/dossiers/{story.request.pk}/{kind}")
    assert answer.status_code == 503
    assert "l’exploitation est prévenue" in page_text(answer)
    for _time in range(2):
        tasks.tell_document_failed(*asked[0])
    (message,) = told()
    assert message.recipient == story.world.operator
    assert str(story.fresh().number) in message.subject


def test_an_unreachable_broker_leaves_the_page_standing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_args: Any, **_options: Any) -> None:
        raise ConnectionRefusedError

    breaks(monkeypatch, version_pdf)
    monkeypatch.setattr(helpers.tell_document_failed, "apply_async", refuses)
    client = client_for(story.world.secretariat, verified=True)
    answer = client.get(f"/dossiers/{story.request.pk}/versions/1.pdf")
    assert answer.status_code == 503
    assert "l’échec est consigné" in page_text(answer)


def test_the_data_asked_for_fail_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    draft: AccessRequest = world.draft()
    monkeypatch.setattr(helpers.tell_document_failed, "apply_async", lambda *_a, **_o: None)
    breaks(monkeypatch, draft_rows)
    breaks(monkeypatch, basket)
    client = client_for(world.investigator, verified=True)
    for path in (
        f"/dossiers/{draft.pk}/brouillon/donnees/export.pdf",
        "/ma-selection/export.pdf",
    ):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "n’a pas pu être fait" in page_text(answer)
