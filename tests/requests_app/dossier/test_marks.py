"""Marks on answers: one reader, one answer, one round; never the applicant's to see."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Role, RoleAssignment
from portal.audit.models import AuditEvent
from requests_app.dossier import marks
from requests_app.models import AnswerMark, RequestVersion, StageState
from requests_app.rights import permissions
from tests.support import odd_form
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World, user


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


def fields(client: Client, story: Story) -> dict[str, str]:
    """What a browser sends back of the page as it is now."""
    soup = BeautifulSoup(client.get(page(story)).content, "html.parser")
    form = soup.select_one("form[data-warn-unsaved]")
    assert form is not None
    found = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")}
    found |= {str(one["name"]): one.text.strip("\n") for one in form.select("textarea")}
    for one in form.select("select"):
        chosen = one.select_one("option[selected]")
        found[str(one["name"])] = str(chosen["value"]) if chosen else ""
    return found


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
    here = fields(desk, story) | {"purpose__summary-verdict": "", "purpose__summary-text": ""}
    assert desk.post(page(story), here).status_code == 302
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
    for who in (world.investigator, world.dpo, world.holder_a_rep, world.named):
        assert client_for(who, verified=True).get(page(story)).status_code == 404, who
        assert not permissions.marks_visible_to(who).exists()
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


SUMMARY, AIMS = "purpose__summary", "purpose__objectives"


def held() -> list[tuple[str, str, str]]:
    return [(one.path, one.verdict, one.text) for one in AnswerMark.objects.order_by("path")]


def test_a_page_opened_before_wipes_nothing_that_another_has_saved(story: Story) -> None:
    desk = client_for(story.world.secretariat, verified=True)
    stale = fields(desk, story)
    sent = fields(desk, story) | {f"{SUMMARY}-verdict": "to_mend", f"{SUMMARY}-text": "Long."}
    assert desk.post(page(story), sent).status_code == 302
    assert desk.post(page(story), stale | {f"{AIMS}-verdict": "fine"}).status_code == 302
    both = [("purpose.objectives", "fine", ""), ("purpose.summary", "to_mend", "Long.")]
    assert held() == both
    assert "sont enregistrées" in page_text(desk.get(page(story)))
    said = page_text(desk.post(page(story), stale, follow=True))  # nothing was changed in it
    assert held() == both
    assert "Rien n’a changé" in said
    assert "sont enregistrées" not in said


def test_a_mark_changed_in_two_pages_is_told_and_both_are_kept(story: Story) -> None:
    desk = client_for(story.world.secretariat, verified=True)
    stale = fields(desk, story)
    desk.post(page(story), stale | {f"{SUMMARY}-verdict": "to_mend", f"{SUMMARY}-text": "Long."})
    mine = stale | {f"{SUMMARY}-verdict": "unclear", f"{SUMMARY}-text": "Vague."}
    mine |= {f"{AIMS}-verdict": "fine"}
    refused = desk.post(page(story), mine)
    assert refused.status_code == 422
    assert "Dans une autre page, vous avez enregistré" in page_text(refused)
    assert "Vague." in page_text(refused)
    assert held() == [("purpose.summary", "to_mend", "Long.")]
    soup = BeautifulSoup(refused.content, "html.parser")
    bases = {str(one["name"]): str(one["value"]) for one in soup.select("input[name$=-base]")}
    assert desk.post(page(story), mine | bases).status_code == 302  # chosen, having been told
    assert ("purpose.summary", "unclear", "Vague.") in held()
    gone = mine | bases | {f"{SUMMARY}-verdict": "fine"}
    AnswerMark.objects.filter(path="purpose.summary").delete()
    assert "Vous avez retiré cette annotation" in page_text(desk.post(page(story), gone))


def test_two_first_marks_at_once_are_told(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = story.world.secretariat
    parts = permissions.parts_visible(desk, story.request)
    first, asked = version(story), []
    real = marks._held

    def held_late(*args: Any) -> dict[str, AnswerMark]:
        """Read just before the other page wrote."""
        asked.append(args)
        return {} if len(asked) == 1 else real(*args)

    AnswerMark.objects.create(version=first, path="purpose.summary", verdict="fine", author=desk)
    monkeypatch.setattr(marks, "_held", held_late)
    with pytest.raises(marks.MarksMoved) as told:
        marks.put(first, {"purpose.summary": ("unclear", "?")}, by=desk, parts=parts)
    assert [mark and mark.verdict for mark in told.value.held.values()] == ["fine"]
    asked.clear()  # the same sent twice is no clash
    assert marks.put(first, {"purpose.summary": ("fine", "")}, by=desk, parts=parts) == 0


def test_who_reads_no_marks_leaves_none_whatever_seat_they_have(story: Story) -> None:
    """An officer who reads the file for another office has a seat in the committee, and declared
    nothing: what they marked, they would not read again."""
    world = story.world
    for role in (Role.DPO, Role.AUDITOR):
        both = user(f"{role}-membre", role=role)
        RoleAssignment.objects.create(user=both, role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
        parts = permissions.parts_visible(both, story.request)
        assert "content" in parts
        assert not marks.may_mark(both, story.request, parts), role
        assert client_for(both, verified=True).get(page(story)).status_code == 404
        story.declare(both)
        parts = permissions.parts_visible(both, story.request)
        assert marks.may_mark(both, story.request, parts), role
        assert permissions.marks_visible_to(both).count() == 0
        marks.put(version(story), {"purpose.summary": ("fine", "")}, by=both, parts=parts)
        assert permissions.marks_visible_to(both).count() == 1
        AnswerMark.objects.all().delete()


def test_a_member_marks_nothing_before_the_file_has_come_to_their_committee(story: Story) -> None:
    auditor = user("auditrice-membre", role=Role.AUDITOR)  # reads every file, marks included
    RoleAssignment.objects.create(
        user=auditor, role=Role.COMMITTEE_MEMBER, scope=story.world.cesrees
    )
    story.declare(auditor)
    parts = permissions.parts_visible(auditor, story.request)
    seats = story.request.stages.exclude(committee=None)
    seats.update(state=StageState.PENDING, started_at=None)
    assert not marks.may_mark(auditor, story.request, parts)


def test_an_answer_that_is_a_table_is_marked_with_its_rows(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = client_for(story.world.secretariat, verified=True)
    soup = BeautifulSoup(desk.get(page(story)).content, "html.parser")
    said = {
        one.legend.get_text(strip=True): one.get_text(" ", strip=True)
        for one in soup.select("fieldset.portal-card")
        if one.legend
    }
    (row, *_more) = version(story).content["specification"]["rows"]
    assert row["dataset"] in said["Données demandées"]
    for answer in marks.answers(
        version(story), permissions.parts_visible(story.world.secretariat, story.request)
    ):
        assert answer.words or (answer.grid and answer.grid.rows), answer.path
    odd_form.install(monkeypatch)
    odd = RequestVersion(content=odd_form.answers(), request=story.request)
    story.request.procedure_code = odd_form.CODE
    shown = {one.path: one for one in marks.answers(odd, permissions.ALL_PARTS)}
    grid = shown["moyens.sites"].grid
    assert grid is not None
    assert [line[0] for line in grid.rows] == ["Nord", "Sud"]
