"""Marks on answers: one reader, one answer, one round; never the applicant's to see."""

import pytest
from django.urls import reverse

from portal.audit.models import AuditEvent
from requests_app.dossier import marks
from requests_app.models import AnswerMark, RequestVersion
from requests_app.rights import permissions
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    made = World().story()
    made.sign()
    made.completeness()
    return made


def version(story: Story) -> RequestVersion:
    return RequestVersion.objects.get(request=story.request)


def page(story: Story) -> str:
    return reverse("requests_app:version_marks", args=[story.request.pk, 1])


def test_a_reader_marks_answers_and_others_of_the_office_read_it(story: Story) -> None:
    desk = client_for(story.world.secretariat, verified=True)
    sent = {"purpose__summary-verdict": "to_mend", "purpose__summary-text": "Trop technique."}
    assert desk.post(page(story), sent).status_code == 302
    (mark,) = AnswerMark.objects.all()
    assert (mark.path, mark.verdict, mark.author) == (
        "purpose.summary",
        "to_mend",
        story.world.secretariat,
    )
    legal = client_for(story.world.legal_officer, verified=True)
    assert "Trop technique." in page_text(legal.get(page(story)))
    assert AuditEvent.objects.filter(action="request.mark_answers").count() == 1
    assert desk.post(page(story), sent).status_code == 302  # the same again changes nothing
    assert AuditEvent.objects.filter(action="request.mark_answers").count() == 1
    assert desk.post(page(story), {}).status_code == 302
    assert not AnswerMark.objects.exists()


def test_words_without_a_verdict_are_told_and_kept(story: Story) -> None:
    desk = client_for(story.world.secretariat, verified=True)
    refused = desk.post(page(story), {"purpose__summary-text": "À revoir."})
    assert refused.status_code == 422
    assert "Choisissez le verdict" in page_text(refused)
    assert "À revoir." in page_text(refused)
    assert not AnswerMark.objects.exists()


def test_the_applicant_and_whoever_reads_for_no_office_have_no_marks(story: Story) -> None:
    desk = story.world.secretariat
    parts = permissions.parts_visible(desk, story.request)
    marks.put(version(story), {"purpose.summary": ("fine", "")}, by=desk, parts=parts)
    world = story.world
    for user in (world.investigator, world.dpo, world.holder_a_rep, world.named):
        assert client_for(user, verified=True).get(page(story)).status_code == 404, user
        assert not permissions.marks_visible_to(user).exists()
    auditor = client_for(world.auditor, verified=True)
    assert auditor.get(page(story)).status_code == 404  # who reads everything changes nothing
    assert permissions.marks_visible_to(world.auditor).exists()


def test_only_an_answer_that_is_read_is_marked(story: Story) -> None:
    desk = story.world.secretariat
    parts = permissions.parts_visible(desk, story.request)
    with pytest.raises(marks.MarkRefused):
        marks.put(version(story), {"purpose.nothing": ("fine", "")}, by=desk, parts=parts)
    with pytest.raises(marks.MarkRefused):
        marks.put(
            version(story),
            {"purpose.summary": ("fine", "")},
            by=desk,
            parts=parts - {"summary"},
        )


def test_marks_stay_with_their_round(story: Story) -> None:
    desk = story.world.secretariat
    parts = permissions.parts_visible(desk, story.request)
    first = version(story)
    marks.put(first, {"purpose.summary": ("unclear", "?")}, by=desk, parts=parts)
    second = RequestVersion.objects.create(
        request=story.request,
        number=2,
        content=first.content,
        sha256=first.sha256,
        status=RequestVersion.Status.SIGNED,
        frozen_by=first.frozen_by,
        frozen_at=first.frozen_at,
        signed_at=first.signed_at,
    )
    marks.put(second, {"purpose.summary": ("fine", "")}, by=desk, parts=parts)
    assert [one.verdict for one in marks.of_version(first, desk)] == ["unclear"]
    assert [one.verdict for one in marks.of_version(second, desk)] == ["fine"]


def test_a_member_of_the_committee_marks_once_their_interests_are_declared(story: Story) -> None:
    member = story.world.member
    client = client_for(member, verified=True)
    assert client.get(page(story)).status_code == 404
    story.declare(member)
    assert client.get(page(story)).status_code == 200
    assert "Annoter les réponses" in page_text(
        client.get(reverse("requests_app:request", args=[story.request.pk]), {"onglet": "dossier"})
    )
