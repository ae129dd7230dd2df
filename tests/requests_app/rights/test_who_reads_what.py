"""What each person finds written on the request's page, every tab of it, before and after opinion.

Each kind of text carries a word of its own; a page that shows a word to somebody else than the
issue's table says, or hides it from who should read it, is named.
"""

from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import Role, User
from portal.audit.record import record
from requests_app.models import AccessRequest, InterestDeclaration, Note, RequestVersion
from requests_app.workflow import engine
from tests.support.client import client_for
from tests.support.factories import Story, World, user


CARD = {"TITRE"}
SUMMARY = {"RESUME", "OBJECTIF"}
FILE = CARD | SUMMARY | {"POPULATION", "USAGEINTERDIT"}
REMARKS = {"REMARQUEA", "REMARQUEB"}
COMMITTEE = {"RAPPORT"}
DESK = {"NOTEPRIVEE"}
INTERESTS = {"LIENDECLARE", "MOTIFDUDEPORT"}
OPINION = {"AVISRENDU"}
LOGGED = {"ANALYSEDUJURISTE"}
WORDS = FILE | REMARKS | COMMITTEE | DESK | INTERESTS | OPINION | LOGGED

# Before the opinion; None: the page does not exist for them.
BEFORE: dict[str, set[str] | None] = {
    "investigator": FILE,
    "named": CARD,
    "representative": FILE,  # the version they signed
    "holder_a_rep": CARD | SUMMARY | {"REMARQUEA"},
    "holder_b_rep": CARD | SUMMARY | {"REMARQUEB"},
    "secretariat": FILE | REMARKS | COMMITTEE | DESK | INTERESTS,
    "legal_officer": FILE | REMARKS | DESK,
    "operator": None,
    "dpo": FILE | REMARKS | INTERESTS | LOGGED,  # the file and its log, texts included
    "auditor": FILE | REMARKS | COMMITTEE | DESK | INTERESTS | LOGGED,
    "administrator": set(),
    "president": FILE | REMARKS | COMMITTEE | INTERESTS,
    "member": FILE | REMARKS | COMMITTEE | {"LIENDECLARE"},  # their own declaration
    "other_member": FILE | REMARKS | COMMITTEE,
    "undeclared": CARD,
    "tied_member": None,
    "officer": None,
    "nobody": None,
    "staff": None,
}
AFTER: dict[str, set[str] | None] = BEFORE | {
    "investigator": FILE | REMARKS | OPINION,
    "secretariat": WORDS - LOGGED,
    "legal_officer": FILE | REMARKS | DESK | OPINION,
    "operator": CARD,
    "dpo": FILE | REMARKS | INTERESTS | LOGGED,
    "auditor": WORDS,
    "president": FILE | REMARKS | COMMITTEE | INTERESTS | OPINION,
    "member": FILE | REMARKS | COMMITTEE | OPINION | {"LIENDECLARE"},
    "other_member": FILE | REMARKS | COMMITTEE | OPINION,
    "officer": FILE | OPINION,
}


def told(world: World) -> Story:
    """A file under examination whose every text holds its word."""
    story = world.story()
    request = story.request
    request.title = "Étude TITRE"
    request.content["purpose"] |= {"summary": "RESUME", "objectives": "OBJECTIF"}
    request.content["specification"]["population"] = "POPULATION"
    request.content["prohibited"]["insurance"]["reason"] = "USAGEINTERDIT"
    request.save()
    story.sign()
    story.completeness()
    for code, word in (("holder-a", "REMARQUEA"), ("holder-b", "REMARQUEB")):
        stage = request.stages.get(holder__code=code)
        by = world.holder_rep(stage)
        engine.apply(stage, "file_remark", by=by, text=f"Remarque {word}.")
    story.declare(world.president)
    story.do(
        "opinion", "declare_interest", by=world.member, answer="none", reason="Cours. LIENDECLARE"
    )
    story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
    report = story.opinion_payload()
    report.pop("present")
    report["headings"] = dict.fromkeys(report["headings"], "RAPPORT")
    story.do("opinion", "file_report", by=world.member, **report)
    withdrawn = user("deportee", role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
    story.do(
        "opinion",
        "withdraw_member",
        by=world.president,
        member=withdrawn,
        reason="Thèse. MOTIFDUDEPORT",
    )
    Note.objects.create(request=request, author=world.secretariat, text="NOTEPRIVEE")
    record(
        "request.close_task",
        by=world.legal_officer,
        on=request,
        about=request.pk,
        text="ANALYSEDUJURISTE",
    )
    return story


@pytest.mark.long
class TestWhoReadsWhat(TestCase):
    def _people(self, world: World) -> dict[str, User]:
        found = {
            name: getattr(world, name)
            for name in BEFORE
            if name not in {"undeclared", "other_member", "nobody", "staff"}
        }
        found["other_member"] = user("autre", role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
        found["undeclared"] = user("muette", role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
        found["nobody"], found["staff"] = user("personne"), user("staff")
        User.objects.filter(username="staff").update(is_staff=True, is_superuser=True)
        return found

    def _read(self, person: User, request: AccessRequest) -> set[str] | None:
        """Words on every tab that the page offers."""
        client = client_for(User.objects.get(pk=person.pk), verified=True)
        first = client.get(f"/dossiers/{request.pk}/")
        if first.status_code == 404:
            return None
        pages = [client.get(tab["url"]) for tab in first.context["tabs"]]
        assert {page.status_code for page in pages} == {200}
        text = "".join(page.content.decode() for page in pages)
        return {word for word in WORDS if word in text}

    def _compare(
        self, people: dict[str, User], request: AccessRequest, table: dict[str, Any]
    ) -> None:
        wrong = {}
        for name, person in people.items():
            read, due = self._read(person, request), table[name]
            if read != due:
                wrong[name] = {
                    "too much": sorted((read or set()) - (due or set())),
                    "missing": sorted((due or set()) - (read or set())),
                }
        assert wrong == {}

    def test_before_and_after_the_opinion(self) -> None:
        world = World()
        people = self._people(world)
        story = told(world)
        story.declare(people["other_member"])
        self._compare(people, story.request, BEFORE)
        issued = story.opinion_payload()
        issued["headings"] = dict.fromkeys(issued["headings"], "AVISRENDU")
        story.do("opinion", "issue_opinion", by=world.president, **issued)
        for step in ("answer", "referral", "authorisation", "register", "convention"):
            getattr(story, step)()
        assert RequestVersion.objects.filter(request=story.request).exists()
        assert InterestDeclaration.objects.filter(request=story.request).count() == 5
        assert story.fresh().submitted_at < timezone.now()
        self._compare(people, story.request, AFTER)
