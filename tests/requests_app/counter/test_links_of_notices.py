"""A message leads each of its recipients to a page that opens, and gives work to who may do it."""

import re
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Role, User
from portal.notifications.base import registered
from portal.notifications.models import Message
from requests_app.dossier import notices
from requests_app.dossier.notices import RequestNotice
from requests_app.models import AccessRequest, ExtractDeposit, Grant, Permit, Stage, Workspace
from requests_app.permits import stopping
from requests_app.provisioning import signals
from requests_app.rights import permissions, recipients
from requests_app.workflow import reminders
from requests_app.workflow.clock import run_due
from requests_app.workflow.definition import stage_moves
from tests.support import odd_procedure
from tests.support.client import client_for
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, user


pytestmark = pytest.mark.django_db
LINK = re.compile(rf"^{re.escape(settings.PUBLIC_URL.rstrip('/'))}(/\S*)$", re.M)
FILE = re.compile(r"/dossiers/([0-9a-f-]{36})/")
EVERYONE = (
    *("secretariat", "legal_officer", "operator", "second_operator", "president", "member"),
    *("tied_member", "holder_a_rep", "holder_b_rep", "officer", "investigator", "representative"),
)


class Letters:
    """Opens the links of the messages as they come."""

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self.led: set[tuple[str, str]] = set()
        self.links: dict[tuple[str, str], str] = {}
        self.seen: set[tuple[str, UUID]] = set()
        self.clients: dict[UUID, Client] = {}

    def read(self) -> None:
        for one in Message.objects.select_related("recipient").order_by("pk"):
            assert one.recipient is not None
            self.codes.add(one.code)
            for path in LINK.findall(one.body):
                if path != "/":
                    self.led.add((one.code, one.recipient.username))
                    self.links.setdefault((one.recipient.username, path), one.code)
                    assert self.opens(one.code, one.recipient, path), (
                        one.code,
                        one.recipient,
                        path,
                    )
        Message.objects.all().delete()

    def opens(self, code: str, person: User, path: str) -> bool:
        """The file's page by the rule that its view asks, rendered once for each person; the other
        pages as the message is read."""
        if (pk := FILE.fullmatch(path)) is not None:
            code = ""
            if not permissions.can_view(person, AccessRequest.objects.get(pk=pk[1])):
                return False
        if (code, person.pk) in self.seen:
            return True
        self.seen.add((code, person.pk))
        if person.pk not in self.clients:
            self.clients[person.pk] = client_for(person, verified=True)
        found = self.clients[person.pk].get(path, follow=True)
        return found.status_code == 200


def signed_on_paper(story: Story, letters: Letters) -> None:
    """Refused, contested, taken back, and at last verified."""
    world = story.world
    story.ask_signature()
    letters.read()
    for verb, by, said in (
        ("refuse_signature", world.secretariat, {"reason": "Illisible."}),
        ("contest_signature", world.representative, {"reason": "Pas moi."}),
        ("cancel_signature", world.investigator, {}),
    ):
        story.deposit_paper()
        letters.read()
        story.do("", verb, by=by, **said)
        letters.read()
    version = story.ask_signature()
    story.deposit_paper()
    story.verify_paper(version, despite_contest=True)
    letters.read()


def provisioned(story: Story, letters: Letters) -> None:
    grant = Grant.objects.get(person=story.world.named)
    permit, workspace, operator = grant.permit, grant.workspace, story.world.operator
    signals.key_ready.send(sender=Grant, grant=grant)
    signals.key_unrevealed.send(sender=Grant, grant=grant)
    signals.key_expiring.send(sender=Grant, grant=grant, days=5)
    signals.permit_expiring.send(sender=Permit, permit=permit, days=30)
    signals.workspace_failed.send(sender=Workspace, workspace=workspace, code="quota")
    signals.drift_found.send(sender=Workspace, workspace=workspace, finding="bucket", narrowed=True)
    stopping.suspend(grant, by=operator, reason="Essai.")
    stopping.resume(grant, by=operator, reason="Essai.")
    letters.read()
    # out of the team meanwhile: the file is no longer theirs to open
    story.request.members.filter(user=grant.person).update(removed_at=timezone.now())
    stopping.revoke(grant, by=operator, reason="Essai.")
    signals.grant_changed.send(sender=Grant, grant=grant, old="closing", new="closed")


def whole_course(world: World, letters: Letters) -> None:
    story = world.story()
    signed_on_paper(story, letters)
    story.do("completeness", "request_completion", by=world.secretariat, message="Le plan.")
    legal_advance("2m")
    run_due()
    letters.read()
    story.do("", "send_completion", by=world.investigator)
    story.completeness()
    letters.read()
    story.declare()
    story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
    report = story.opinion_payload()
    report.pop("present")
    story.do("opinion", "file_report", by=world.member, **report)
    to = [world.operator, world.secretariat]  # the file is not the operator's to open yet
    notices.DocumentFailed.tell(to, story.request, document="avis.pdf", message="Plus de place.")
    letters.read()
    story.holder()
    story.do("opinion", "issue_opinion", by=world.president, **story.opinion_payload())
    letters.read()
    legal_advance("3m")
    run_due()
    for step in ("answer", "referral", "authorisation", "register", "convention"):
        getattr(story, step)()
        letters.read()
    workspace = Workspace.objects.get(request=story.request)
    signals.extract_staged.send(sender=Workspace, workspace=workspace)
    letters.read()
    story.extract()
    story.opening()
    letters.read()
    provisioned(story, letters)
    letters.read()
    story.use()
    story.closure()
    letters.read()


def other_ends(world: World, letters: Letters) -> None:
    world.story(procedure="fr-mr-007").reach("conformity")
    letters.read()
    late = world.story()
    late.sign()
    letters.read()
    late.review()
    legal_advance("6wd")
    reminders.run()
    letters.read()
    legal_advance("3m")
    run_due()  # escalated
    late.completeness()
    late.declare()
    late.do("opinion", "extend_opinion", by=world.president, reason="Complexe.")
    legal_advance("4m")
    run_due()  # tacit
    letters.read()
    opinion = {"sense": "favourable", "text": "Tardif.", "points": []}
    late.do("opinion", "file_late_opinion", by=world.president, **opinion)
    late.do("answer", "answer_points", by=world.investigator, answers={}, decision="go")
    late.referral()
    late.receipt()
    office = recipients.office(late.request, Role.LEGAL_OFFICER)
    notices.TaskOpened.tell(office, late.request, task="Silence", todo="Conclure")
    said = {"number": "DR-2027-105", "reason": "Finalité."}
    late.do("authorisation", "record_refusal", by=world.legal_officer, **said)
    letters.read()
    for verb, by, more in (
        ("redirect", world.secretariat, {"route": "MR-004", "message": "Autre voie."}),
        ("close_incomplete", world.secretariat, {"message": "Incomplet."}),
        ("withdraw", world.investigator, {"reason": "Abandon."}),
    ):
        one = world.story()
        if verb == "withdraw":
            one.ask_signature()
        else:
            one.sign()
        if verb == "close_incomplete":
            one.do("completeness", "request_completion", by=by, message="Le plan.")
            one.do("", "send_completion", by=world.investigator)
        one.do("" if verb == "withdraw" else "completeness", verb, by=by, **more)
        letters.read()


def heard(world: World, letters: Letters) -> None:
    """By the committee, on a date; then to rights that no convention opens."""
    story = world.story(procedure=odd_procedure.CODE)
    story.sign()
    story.completeness()
    told, due = [*recipients.team(story.request)], story.stage("audition").due_at
    notices.NothingFollows.tell(recipients.office(story.request, Role.SECRETARIAT), story.request)
    words = {"stage": "Avis", "due": due, "outcome": "réputée refusée"}
    notices.SilenceDecided.tell(told, story.request, **words, over=True, refused=True)
    story.declare_at("audition")
    letters.read()
    story.convene()
    letters.read()
    legal_advance("14d")
    run_due()
    letters.read()
    legal_advance("3d")
    said = {"outcome": "heard", "text": "Entendu.", "present": [world.member]}
    story.do("audition", "record_audition", by=world.president, **said)
    letters.read()
    for step in ("holder", "opinion", "opinion", "answer", "conformity", "register"):
        getattr(story, step)()
        letters.read()


@pytest.mark.long
def test_every_message_leads_each_of_its_recipients_to_a_page_that_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A notice that no story sends here fails: walk it."""
    odd_procedure.install(monkeypatch)
    world, letters = World(), Letters()
    for name in EVERYONE:
        getattr(world, name)
    user("second-signataire", of=world.university, signs=True)  # asked too, signs nothing
    whole_course(world, letters)
    other_ends(world, letters)
    heard(world, letters)
    mine = {one.code for one in registered() if issubclass(one, RequestNotice)}
    assert sorted(mine - letters.codes) == []
    for (name, path), code in letters.links.items():  # read later, as one does
        person = User.objects.get(username=name)
        if "/signature/" in path:
            assert letters.opens(f"{code} {path}", person, path), (code, name, path)
    told = {
        ("request.signature_refused", "secretariat"),
        ("request.signature_cancelled", "secretariat"),
        ("request.signature_cancelled", "second-signataire"),
        ("request.signature_verified", "second-signataire"),
    }
    assert told <= letters.led  # with a link, not without one


def test_work_is_announced_to_those_who_may_do_it() -> None:
    """For each stage that runs, and the extract that waits for its second person."""
    world = World()
    for name in EVERYONE:
        getattr(world, name)
    story = world.story().reach("extract")
    request, procedure = story.request, story.procedure
    for stage in Stage.objects.filter(request=request).exclude(state="pending"):
        moves = [one for one in stage_moves(procedure.stage(stage.code)).values() if one.public]
        names = {one.name for one in moves if one.actors != {"system"}}
        told = Message.objects.filter(code=f"request.expected_{stage.kind}")
        assert not told.filter(recipient=None).exists()
        for one in told.select_related("recipient"):
            mine = [permissions.can(one.recipient, name, stage) for name in names]  # type: ignore[arg-type]
            elsewhere = stage.kind == "holder"  # each holder has a stage of its own
            assert elsewhere or "declare_interest" in names or any(mine), (stage, one.recipient)
    Message.objects.all().delete()
    workspace = Workspace.objects.get(request=request)
    ExtractDeposit.objects.all().delete()
    signals.extract_staged.send(sender=Workspace, workspace=workspace)
    told = Message.objects.filter(code="request.extract_staged").select_related("recipient")
    able = {"operateur", "operatrice", "officier"}
    assert {one.recipient.username for one in told if one.recipient} == able
    assert world.holder_a_rep in recipients.data_holders(request)
    story.extract()
    story.opening()
    Message.objects.all().delete()
    grant = Grant.objects.get(person=world.named)
    stopping.suspend(grant, by=world.operator, reason="Essai.")
    for one in Message.objects.filter(code="request.access_suspended"):
        assert ("N’essayez plus" in one.body) is (one.recipient_id == world.named.pk)
        assert ("rien à faire" in one.body) is (one.recipient_id != world.named.pk)
