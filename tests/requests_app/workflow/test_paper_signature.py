"""A version signed on paper counts once the desk has compared it; who may bind the organisation."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from portal.accounts.models import Membership, User
from portal.common.calendar import deadline, legal_now
from portal.notifications.models import Message
from requests_app.counter.reading import inbox
from requests_app.dossier.frozen import grouped, same_fingerprint
from requests_app.models import Act, RequestMember, RequestState, Stage, StoredFile
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities, who_must_act
from requests_app.workflow.clock import run_due
from tests.support import pdfs
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, stored_file, user


pytestmark = pytest.mark.django_db
NAMED = {"signatory_name": "Anne Martin", "signatory_capacity": "directrice générale"}


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


@pytest.fixture
def story(world: World) -> Story:
    world.secretariat, world.representative  # noqa: B018 - there to be told
    return world.story()


def refused(*words: str) -> Any:
    return pytest.raises(engine.TransitionRefused, match=".*".join(words))


def page(name: str, story: Story, *more: object) -> str:
    return reverse(f"requests_app:{name}", args=[story.request.pk, *more])


def told(code: str) -> set[str]:
    rows = Message.objects.filter(code=f"request.{code}").select_related("recipient")
    return {one.recipient.username for one in rows if one.recipient is not None}


def stranger(story: Story, *, how: str) -> User:
    """Somebody of the team whose place in the organisation nobody confirmed, or whose is over."""
    one = user(f"etranger-{how}", of=None if how == "none" else story.world.university)
    mine = Membership.objects.filter(user=one)
    if how == "pending":
        mine.update(confirmed_at=None)
    elif how == "ended":
        mine.update(ended_at=timezone.now())
    RequestMember.objects.create(
        request=story.request, user=one, kind="investigator", added_by=story.world.investigator
    )
    return one


@pytest.mark.parametrize("how", ["none", "pending", "ended"])
def test_who_is_not_a_confirmed_member_binds_nothing(story: Story, how: str) -> None:
    one = stranger(story, how=how)
    with refused("appartenance|membre de"):
        story.do("", "ask_signature", by=one)
    version = story.ask_signature()
    file = stored_file(story.request, by=one)
    given = {"version": version, "sha256": version.sha256, "file": file, **NAMED}
    with refused("appartenance|membre de"):
        story.do("", "deposit_paper", by=one, **given)
    assert "deposit_paper" not in {a.name for a in abilities(story.fresh(), user=one)}
    text = page_text(client_for(one).get(page("request", story)))
    assert "Vous ne pouvez pas engager l’organisme" in text
    story.do("", "sign", by=story.world.representative, version=version, sha256=version.sha256)
    story.review("to_mend")
    story.do("completeness", "request_completion", by=story.world.secretariat, message="")
    with refused("appartenance|membre de"):
        story.do("", "send_completion", by=one)
    with refused("appartenance|membre de"):
        story.do("", "withdraw", by=one, reason="Abandon.")
    assert story.fresh().state == "incomplete"


def test_who_is_not_a_confirmed_member_answers_no_opinion_and_commits_to_no_conformity() -> None:
    answering = World().story().reach("answer")
    one = stranger(answering, how="pending")
    with refused("confirmée.*secrétariat du guichet"):
        answering.do("answer", "answer_points", by=one, decision="stop", answers={})
    committing = answering.world.story(procedure="fr-mr-007").reach("conformity")
    other = stranger(committing, how="none")
    with refused("Mon compte"):
        committing.do("conformity", "record_conformity", by=other, reference="MR7-1")
    legal = answering.world.legal_officer  # binds nobody: records what the applicant gave
    committing.do("conformity", "record_conformity", by=legal, reference="MR7-1")


def test_paper_deposits_nothing_until_the_desk_has_compared_it(story: Story) -> None:
    world = story.world
    version = story.ask_signature()
    Message.objects.all().delete()
    file = stored_file(story.request, by=world.investigator)
    given = {"version": version, "sha256": version.sha256, **NAMED}
    with refused("PDF signé"):
        story.do("", "deposit_paper", by=world.investigator, **given)
    with refused("pas dans le dossier"):
        other = stored_file(world.draft())
        story.do("", "deposit_paper", by=world.investigator, file=other, **given)
    for unseen in (
        {"signatory_capacity": " "},
        {"signatory_capacity": "\ufe0f\u3164"},
        {"signatory_name": "\u115f\u2800"},
    ):
        with refused("qualité"):
            nobody = given | unseen | {"file": file}
            story.do("", "deposit_paper", by=world.investigator, **nobody)
    with refused("signataire confirmé"):
        said = {"version": version, "sha256": version.sha256, "signatory": world.investigator}
        story.do("", "deposit_paper", by=world.investigator, file=file, **said)
    with pytest.raises(engine.WorkflowError):
        story.do(
            "",
            "sign",
            by=world.investigator,
            mode="paper",
            file=file,
            **{
                "version": version,
                "sha256": version.sha256,
            },
        )
    typed = {name: f"\u034f{value}\ufe0f\U000e0100" for name, value in NAMED.items()}
    story.do("", "deposit_paper", by=world.investigator, file=file, **given | typed)
    version.refresh_from_db()
    assert version.signatory == ", ".join(NAMED.values())
    request = story.fresh()
    assert (request.state, request.number, request.submitted_at) == ("signature_check", None, None)
    assert not Stage.objects.filter(request=request).exists()
    assert told("deposited") == set()
    assert told("paper_deposited") == {"investigatrice", "representante"}
    assert told("expected_signature_check") == {"secretariat"}
    assert [step.who for step in who_must_act(request)] == ["le secrétariat"]
    assert (
        client_for(world.investigator, verified=True)
        .get(page("receipt", story, "depot"))
        .status_code
        == 404
    )


def test_the_officer_the_signatory_and_the_fingerprint_are_in_the_act(story: Story) -> None:
    world = story.world
    version = story.ask_signature()
    story.deposit_paper(signatory=str(world.representative.pk))
    with refused("pas celle de la version"):
        story.verify_paper(version, fingerprint="0" * 8)
    with refused("pas celle de la version"):
        story.verify_paper(version, fingerprint="")
    with pytest.raises(engine.NotAllowed):
        story.do("", "verify_signature", by=world.legal_officer)
    with pytest.raises(engine.NotAllowed):
        story.do("", "verify_signature", by=world.investigator)
    read = grouped(version.sha256).upper()
    done = story.verify_paper(version, fingerprint=read, signatory=str(world.representative.pk))
    assert done.act is not None
    assert done.act.entered_by == world.secretariat
    assert done.act.data["officer"] == str(world.secretariat)
    assert str(world.representative) in done.act.data["signatory"]
    assert done.act.data["fingerprint"] == grouped(version.sha256)
    version.refresh_from_db()
    assert (version.status, version.signature) == ("signed", "paper")
    assert (version.signed_by, version.checked_by) == (world.representative, world.secretariat)
    assert {"investigatrice", "representante"} <= told("signature_verified") | told("deposited")


def test_clocks_count_from_the_deposit(story: Story) -> None:
    version = story.ask_signature()
    handed_in = legal_now()
    story.deposit_paper()
    legal_advance("5d")
    assert run_due() == 0
    story.verify_paper(version)
    request = story.fresh()
    assert request.state == RequestState.SUBMITTED
    assert request.number is not None
    assert abs(request.submitted_at - handed_in) < timedelta(minutes=5)
    stage = story.stage("completeness")
    period = story.procedure.stage("completeness").clock.period  # type: ignore[union-attr]
    assert stage.started_at == request.submitted_at
    assert stage.due_at == deadline(request.submitted_at, period)


def test_a_completion_on_paper_counts_from_its_deposit_too(story: Story) -> None:
    story.sign()
    story.review("to_mend")
    story.do("completeness", "request_completion", by=story.world.secretariat, message="")
    story.review()
    number = story.fresh().number
    version = story.ask_signature()
    legal_advance("20d")
    handed_in = legal_now()
    story.deposit_paper()
    assert story.request.state == "signature_check"
    Message.objects.all().delete()
    legal_advance("2m")  # the applicant's own date goes by while the desk compares
    assert run_due() == 0
    assert told("completion_overdue") == set()
    with refused("en cours de signature"):
        story.do("completeness", "close_incomplete", by=story.world.secretariat, message="Non.")
    story.verify_paper(version)
    pause = story.stage("completeness").pauses.get()
    assert story.request.number == number
    assert pause.ended_at is not None
    assert abs(pause.ended_at - handed_in) < timedelta(minutes=5)
    assert told("completion_received") == {"secretariat"}
    assert told("signature_verified") == {"investigatrice", "representante"}


@pytest.mark.parametrize("verb", ["refuse_signature", "contest_signature"])
def test_a_paper_sent_back_waits_for_its_signature_again(story: Story, verb: str) -> None:
    world = story.world
    by = world.secretariat if verb == "refuse_signature" else world.representative
    version = story.ask_signature()
    story.deposit_paper()
    file = StoredFile.objects.get(pk=Act.objects.get(code="deposit_paper").document_id)
    with refused("Indiquez"):
        story.do("", verb, by=by, reason=" ")
    Message.objects.all().delete()
    story.do("", verb, by=by, reason="La dernière page manque.")
    assert story.fresh().state == "awaiting_signature"
    version.refresh_from_db()
    assert (version.status, version.signature, version.signed_file) == ("awaiting", "", None)
    assert {"investigatrice", "representante"} <= told("signature_refused")
    assert (
        "La dernière page manque."
        in Message.objects.filter(code="request.signature_refused")[0].body
    )
    assert (
        client_for(world.investigator, verified=True).get(page("file", story, file.pk)).status_code
        == 200
    )
    again = story.deposit_paper()
    assert again.pk == version.pk
    story.verify_paper(version, despite_contest=verb == "contest_signature")
    assert story.request.state == "submitted"


@pytest.mark.parametrize("what", ["suspended", "left", "unconfirmed signatory"])
def test_what_changed_since_the_deposit_is_judged_when_the_desk_verifies(
    story: Story, what: str
) -> None:
    world = story.world
    version = story.ask_signature()
    chosen = str(world.representative.pk)
    story.deposit_paper(signatory=chosen)
    of = Membership.objects.filter(organisation=world.university)
    words = "n’est plus membre confirmé"
    if what == "suspended":
        type(world.university).objects.update(suspended_at=timezone.now())
        words = "suspendu"
    elif what == "left":
        of.filter(user=world.investigator).update(ended_at=timezone.now())
    else:
        of.filter(user=world.representative).update(ended_at=timezone.now())
        words = "pas un signataire confirmé"
    with refused(words):
        story.verify_paper(version, signatory=chosen)
    assert story.fresh().number is None
    story.do("", "refuse_signature", by=world.secretariat, reason="À signer de nouveau.")


@pytest.mark.parametrize("verb", ["cancel_signature", "withdraw"])
def test_the_team_may_take_its_paper_back(story: Story, verb: str) -> None:
    version = story.ask_signature()
    story.deposit_paper()
    Message.objects.all().delete()
    payload = {"reason": "Abandon."} if verb == "withdraw" else {}
    story.do("", verb, by=story.world.investigator, **payload)
    version.refresh_from_db()
    assert version.status == "cancelled"
    assert story.fresh().state == ("withdrawn" if verb == "withdraw" else "draft")
    people = {one.recipient.username for one in Message.objects.select_related("recipient")}  # type: ignore[union-attr]
    assert {"secretariat", "representante"} <= people
    with refused("possible"):
        story.do("", "verify_signature", by=story.world.secretariat, version=version)


def test_the_desk_finds_compares_and_verifies_on_its_pages(story: Story, world: World) -> None:
    version = story.ask_signature()
    team = client_for(world.investigator, verified=True)
    fields = {"version": version.number, "sha256": version.sha256, "paper": "1"}
    file = {"file": SimpleUploadedFile("signe.pdf", pdfs.page("signed"))}
    answer = team.post(page("sign", story), fields | file | {"signatory": "other"})
    assert answer.status_code == 422
    assert "Écrivez le nom de la personne qui a signé" in page_text(answer)
    offered = team.get(page("sign", story)).content.decode()
    assert 'type="file"' not in offered
    assert "?papier=1" in offered
    assert 'type="file"' in team.get(page("sign", story), {"papier": "1"}).content.decode()
    hostile = {"file": SimpleUploadedFile("signe.pdf", pdfs.made(pdfs.on_opening))}
    chosen = {"signatory": str(world.representative.pk)}
    answer = team.post(page("sign", story), fields | hostile | chosen)
    assert "contient un script" in page_text(answer)
    stale = fields | {"sha256": "0" * 64}
    kept = StoredFile.objects.count()
    file = {"file": SimpleUploadedFile("signe.pdf", pdfs.page("signed"))}
    assert "Rechargez la page" in page_text(team.post(page("sign", story), stale | file | chosen))
    assert StoredFile.objects.count() == kept
    file = {"file": SimpleUploadedFile("signe.pdf", pdfs.page("signed"))}
    answer = team.post(page("sign", story), fields | file | chosen, follow=True)
    assert "aucun délai ne court" in page_text(answer)
    assert story.fresh().state == "signature_check"
    version.refresh_from_db()

    desk = client_for(world.secretariat, verified=True)
    assert list(inbox.to_verify_for(world.secretariat)) == [story.request]
    assert inbox.count_for(world.secretariat) == 1
    act = page("request_act", story, "verify_signature")
    assert act in desk.get(reverse("requests_app:inbox")).content.decode()
    shown = desk.get(act)
    assert grouped(version.sha256) in page_text(shown)
    assert version.signed_file is not None
    for link in (page("version_pdf", story, 1), page("file", story, version.signed_file.pk)):
        assert link in shown.content.decode()
        assert desk.get(link).status_code == 200
    printed = PdfReader(
        SimpleUploadedFile("v.pdf", desk.get(page("version_pdf", story, 1)).content)
    )
    words = "".join("".join(one.extract_text() for one in printed.pages).split())
    assert version.sha256 in words
    for other in (world.legal_officer, world.holder_a_rep):
        assert client_for(other, verified=True).get(act).status_code == 404
    signs = client_for(world.representative, verified=True)
    assert "Signaler que vous n’avez pas signé" in page_text(signs.get(page("sign", story)))

    sent = {"version": version.number, "fingerprint": version.sha256[-8:], "confirm": "on"}
    wrong = desk.post(act, sent | chosen | {"fingerprint": "00000000"})
    assert wrong.status_code == 422
    assert desk.post(act, sent | chosen).status_code == 302
    assert story.fresh().state == "submitted"
    text = page_text(desk.get(page("request", story), {"onglet": "dossier"}))
    assert f"Signée sur papier par {world.representative}" in text
    assert f"vérifiée par {world.secretariat}" in text
    assert inbox.count_for(world.secretariat) == 1  # its completeness, now


def test_whoever_refuses_a_paper_is_not_told_that_they_stood_down(
    story: Story, world: World
) -> None:
    story.ask_signature()
    story.deposit_paper()
    desk = client_for(world.secretariat, verified=True)
    sent = {"reason": "Ce n’est pas la version imprimée.", "confirm": "on"}
    answer = desk.post(page("request_act", story, "refuse_signature"), sent, follow=True)
    assert story.fresh().state == "awaiting_signature"
    assert "déporté" not in page_text(answer)
    assert "C’est enregistré" in page_text(answer)


def test_a_fingerprint_is_read_from_its_last_groups_too() -> None:
    whole = "0123456789abcdef" * 4
    groups = grouped(whole).split()
    for read in (whole, grouped(whole), groups[-1], " ".join(groups[-2:]), whole[-9:].upper()):
        assert same_fingerprint(read, whole), read
    for read in ("-".join(groups), "\u2013".join(groups[-3:])):
        assert same_fingerprint(read, whole), read
    for read in ("", "- -", whole[-7:], groups[0] + "0", whole + "0", "x" + whole[-8:]):
        assert not same_fingerprint(read, whole), read


def test_who_compares_a_paper_reads_that_it_was_contested_before(story: Story) -> None:
    """On each page where somebody reads the version or the file; the desk then says so itself."""
    world = story.world
    version = story.ask_signature()
    for verb, by, why in (
        ("contest_signature", world.representative, "Je ne connais pas Jeanne."),
        ("refuse_signature", world.secretariat, "La page 2 manque."),
    ):
        story.deposit_paper()
        story.do("", verb, by=by, reason=why)
    readers = (world.investigator, world.representative, world.secretariat)
    clients = {one.username: client_for(one, verified=True) for one in readers}
    act = page("request_act", story, "verify_signature")
    places = {name: [page("sign", story), page("request", story)] for name in clients}
    for moment in ("awaiting", "checking"):
        if moment == "checking":
            story.deposit_paper()
            places["secretariat"].append(act)
        for name, urls in places.items():
            for url in urls if moment == "checking" or name != "secretariat" else urls[1:]:
                text = page_text(clients[name].get(url))
                assert f"contestée par {world.representative} le" in text, (moment, name, url)
                assert "Je ne connais pas Jeanne." in text, (moment, name, url)
                assert f"refusée par {world.secretariat} le" in text, (moment, name, url)
    with refused("contesté"):
        story.verify_paper(version)
    sent = {"version": version.number, "fingerprint": version.sha256[-8:], "confirm": "on"}
    sent |= {"signatory": "other", **NAMED}
    unread = clients["secretariat"].post(act, sent)
    assert unread.status_code == 422
    assert "Cochez cette case, ou refusez la signature." in page_text(unread)
    assert clients["secretariat"].post(act, sent | {"despite_contest": "on"}).status_code == 302
    assert story.fresh().state == "submitted"
    mails = Message.objects.filter(code="request.signature_verified")
    bodies = [one.body for one in mails]
    assert len(bodies) == 2
    assert all(f"malgré la contestation de {world.representative}" in body for body in bodies)
    assert not any("rien à faire" in body for body in bodies)
    kept = page_text(clients["secretariat"].get(page("request", story), {"onglet": "echanges"}))
    assert f"malgré la contestation de {world.representative}" in kept
