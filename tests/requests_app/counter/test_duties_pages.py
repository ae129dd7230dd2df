"""On a file of one's own: what the pages say, and the acts that are not verbs of the workflow."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import TestCase
from django.utils import timezone

from portal.accounts import suspension
from portal.accounts.models import Organisation, User
from portal.audit import permissions as log
from portal.audit.models import AuditEvent
from portal.audit.story import story as story_of
from requests_app.models import (
    AccessRequest,
    ExtractDeposit,
    Grant,
    Note,
    Permit,
    RequestMember,
    Stage,
    Workspace,
)
from requests_app.permits import extraction, operations, stopping
from requests_app.rights import permissions
from requests_app.workflow import engine
from tests.requests_app.rights.test_duties import (
    ANOTHER,
    MINUTE,
    Making,
    invitation,
    membership,
    place,
)
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World, user


pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def test_a_secretary_reads_the_card_of_their_own_file_and_is_told_why(world: World) -> None:
    story = world.story().reach("completeness")
    Note.objects.create(request=story.request, author=world.secretariat, text="NOTEPRIVEE")
    page = f"/dossiers/{story.request.pk}/"
    client = client_for(world.secretariat, verified=True)
    before = client.get(f"{page}?onglet=notes").content.decode()
    assert "NOTEPRIVEE" in before
    assert f"{page}completude/" in before
    place("editor", removed=MINUTE)(world.secretariat, story.request)
    after = client.get(f"{page}?onglet=notes")
    text = page_text(after)
    assert "Vous avez été de l’équipe de ce dossier : cet acte revient à un autre agent" in text
    assert "NOTEPRIVEE" not in text
    assert "Ce que vous pouvez faire" not in text
    assert f"{page}completude/" not in after.content.decode()
    stage = story.stage("completeness")
    for path in ("completude/", f"etapes/{stage.pk}/accept_completeness/"):
        refused = client.get(page + path)
        assert refused.status_code == 403, path
        assert "un autre membre du secrétariat" in page_text(refused)
    posted = client.post(f"{page}notes/", {"text": "Encore."})
    assert posted.status_code == 403
    assert story.request.number not in page_text(client.get("/a-traiter/"))


def test_who_is_of_the_team_keeps_the_applicants_view_and_nothing_of_the_office(
    world: World,
) -> None:
    story = world.story().reach("answer")
    ours = user("redacteur")
    for person in (world.auditor, world.secretariat, ours):
        place("editor")(person, story.request)
    team = permissions.parts_visible(ours, story.request)
    for person in (world.auditor, world.secretariat):
        assert permissions.parts_visible(person, story.request) == team
    assert not permissions.notes_visible_to(world.secretariat).filter(request=story.request)
    assert not permissions.reports_visible_to(world.auditor).filter(stage__request=story.request)


def test_an_auditor_reads_of_the_log_of_their_own_file_what_its_team_reads(world: World) -> None:
    story = world.story().reach("opinion")
    request = story.request
    everything = len(story_of(request.pk, by=world.auditor))
    place("editor")(world.auditor, request)
    theirs = [line.action for line in story_of(request.pk, by=world.auditor)]
    assert theirs == [line.action for line in story_of(request.pk, by=world.investigator)]
    assert len(theirs) < everything
    assert not log.visible_to(world.auditor).filter(about=request.pk).exists()
    assert AuditEvent.objects.filter(about=request.pk).exists()


def targets(story: Story) -> list[stopping.Target]:
    grant = Grant.objects.filter(permit__request=story.request).select_related("person")[0]
    return [grant, Permit.objects.get(request=story.request), grant.person, story.world.university]


class TestAStudyInForce(TestCase):
    """Operations outside the workflow, by someone with a part in the study and by someone else."""

    story: Story

    @classmethod
    def setUpTestData(cls) -> None:
        cls.story = World().story().reach("use")
        cls.operator = cls.story.world.operator
        cls.other = cls.story.world.second_operator

    def test_nobody_stops_or_resumes_access_in_a_file_of_their_own(self) -> None:
        place("named")(self.operator, self.story.request)
        workspace = Workspace.objects.get(request=self.story.request)
        for name in ("suspend", "resume", "revoke"):
            for target in targets(self.story):
                study = isinstance(target, Permit)
                verb, on = (f"{name}_study", workspace) if study else (name, target)
                with pytest.raises(operations.OperationRefused, match=ANOTHER):
                    operations.perform(verb, on, by=self.operator, reason="Non.")
        assert set(Grant.objects.values_list("wanted", flat=True)) == {"open"}
        assert not Permit.objects.exclude(suspended_at=None, revoked_at=None).exists()
        assert not Organisation.objects.filter(suspended_at__isnull=False).exists()
        grant = targets(self.story)[0]
        operations.perform("suspend", grant, by=self.other, reason="Oui.")
        assert Grant.objects.filter(pk=grant.pk, wanted="suspended").exists()

    def test_nobody_drives_the_reconciler_on_a_study_of_their_own(self) -> None:
        workspace = Workspace.objects.get(request=self.story.request)
        place("editor", removed=MINUTE)(self.operator, self.story.request)
        for name in ("hold", "release", "retry"):
            with pytest.raises(operations.OperationRefused, match="un autre opérateur"):
                operations.perform(name, workspace, by=self.operator, reason="Non.")
        assert operations.for_study(workspace, by=self.operator) == []
        operations.perform("hold", workspace, by=self.other, reason="Oui.")
        page = f"/exploitation/{workspace.pk}/"
        refused = client_for(self.operator, verified=True).get(page)
        assert refused.status_code == 403
        assert ANOTHER in page_text(refused)

    def test_lists_of_persons_and_organisations_offer_nothing_on_ones_own_file(self) -> None:
        place("named")(self.operator, self.story.request)
        for kind in ("organismes", "personnes"):
            page = f"/exploitation/{kind}/"
            for person, offered in ((self.other, True), (self.operator, False)):
                found = client_for(person, verified=True).get(page).content.decode()
                assert ("Retirer tous les accès" in found) is offered

    def test_an_administrator_sanctions_nobody_of_their_own_file(self) -> None:
        world = self.story.world
        place("editor")(world.administrator, self.story.request)
        with pytest.raises(ValidationError, match="un autre administrateur"):
            suspension.suspend_organisation(world.university, by=world.administrator, reason="Non.")
        with pytest.raises(ValidationError, match=str(self.story.request.number)):
            suspension.suspend_person(world.named, by=world.administrator, reason="Non.")
        assert User.objects.get(pk=world.named.pk).is_active
        assert not Organisation.objects.filter(suspended_at__isnull=False).exists()
        with pytest.raises(PermissionError):
            permissions.give_reason(world.administrator, self.story.request, reason="Incident.")

    def test_an_operator_of_the_file_removes_nobody_from_it_but_its_investigator_does(self) -> None:
        world, request = self.story.world, self.story.request
        place("editor", removed=MINUTE)(world.operator, request)
        with pytest.raises(stopping.PermitRefused, match=ANOTHER):
            stopping.remove_person(request, world.named, by=world.operator, reason="Non.")
        stopping.remove_person(request, world.named, by=world.investigator, reason="Départ.")


class TestAnExtract(TestCase):
    story: Story

    @classmethod
    def setUpTestData(cls) -> None:
        cls.story = World().story().reach("extract")
        cls.story.manifest()

    def test_its_recipient_neither_prepares_nor_confirms_it(self) -> None:
        operator, request = self.story.world.operator, self.story.request
        ties: dict[str, Making] = {
            "named": place("named"),
            "team": place("editor"),
            "invited": invitation("named_person"),
            "signatory": membership(signs=True),
        }
        for making in ties.values():
            tie: Any = making(operator, request)
            with pytest.raises(extraction.AskRefused, match=ANOTHER):
                extraction.ask(request, by=operator)
            page = client_for(operator, verified=True).get(f"/dossiers/{request.pk}/extraction/")
            assert page.status_code == 403
            with pytest.raises(engine.NotAllowed, match="un autre opérateur"):
                self.story.confirm_extract(by=operator)
            tie.delete()
        self.story.extract()  # somebody else confirms

    def test_what_was_asked_by_someone_who_has_joined_since_is_not_prepared(self) -> None:
        operator = self.story.world.operator
        workspace = extraction.ask(self.story.request, by=operator)
        place("named")(operator, self.story.request)
        extraction.prepare(workspace)
        workspace.refresh_from_db()
        assert ANOTHER in workspace.extract.problem
        assert not ExtractDeposit.objects.exists()


def test_a_holders_colleague_of_the_applicant_answers_nothing(world: World) -> None:
    """The holder's representative in the team, and the one who merely works with it."""
    story = world.story().reach("opinion")
    stage = Stage.objects.get(request=story.request, holder=world.holder_a)
    Stage.objects.filter(pk=stage.pk).update(state="running", outcome="", ended_at=None)
    membership()(world.holder_a_rep, story.request)
    client = client_for(world.holder_a_rep, verified=True)
    path = f"/dossiers/{story.request.pk}/etapes/{stage.pk}/file_no_remark/"
    refused = client.post(path, {"confirm": "on"})
    assert refused.status_code == 403
    assert "Vous appartenez à l’organisme demandeur" in page_text(refused)
    assert Stage.objects.get(pk=stage.pk).state == "running"
    assert permissions.parts_visible(world.holder_a_rep, story.request) == {"status", "card"}
    assert "own_remark" in permissions.parts_visible(world.holder_b_rep, story.request)


def test_a_file_that_was_never_theirs_is_examined_as_before(world: World) -> None:
    """Leaving a draft before anything is frozen, and places in another file, bar nothing."""
    other = world.draft()
    story = world.story()
    left = RequestMember.objects.create(
        request=story.request,
        user=world.secretariat,
        kind="editor",
        added_by=world.investigator,
        removed_at=timezone.now(),
    )
    RequestMember.objects.create(
        request=other, user=world.secretariat, kind="editor", added_by=world.investigator
    )
    story.sign()
    assert AccessRequest.objects.get(pk=story.request.pk).members.filter(pk=left.pk).exists()
    story.completeness()
