"""Each event writes its message, in the move's transaction, to whoever must act, and to nobody
else."""

import re

import pytest
from django.conf import settings
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.notifications.base import registered
from portal.notifications.models import Message
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Grant, Permit, Workspace
from requests_app.permits import stopping
from requests_app.provisioning import signals
from requests_app.workflow import engine
from requests_app.workflow.clock import run_due
from tests.support.clock import legal_advance
from tests.support.factories import World


pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    """(event, username) of the messages written since the last call; they are removed."""
    rows = [
        (one.code.removeprefix("request."), one.recipient.username)
        for one in Message.objects.select_related("recipient").order_by("pk")
    ]
    Message.objects.all().delete()
    return sorted(rows)


def test_who_is_told_along_the_way() -> None:
    world = World()
    for name in ("secretariat", "legal_officer", "operator", "president", "member"):
        getattr(world, name)
    for name in ("tied_member", "holder_a_rep", "holder_b_rep", "officer", "second_operator"):
        getattr(world, name)
    story = world.story()
    version = story.ask_signature()
    assert told() == [("signature_asked", "representante")]
    story.do("", "sign", by=world.representative, version=version, sha256=version.sha256)
    assert told() == [
        ("deposited", "investigatrice"),
        ("deposited", "representante"),  # who signed keeps the receipt too
        ("expected_completeness", "secretariat"),
    ]
    story.do("completeness", "request_completion", by=world.secretariat, message="Le plan.")
    assert told() == [("completion_requested", "investigatrice")]
    story.do("", "send_completion", by=world.investigator)
    assert told() == [("completion_received", "secretariat")]
    story.completeness()
    assert told() == [
        ("complete", "investigatrice"),
        ("expected_holder", "resp-a"),
        ("expected_holder", "resp-b"),
        ("expected_opinion", "membre"),  # not the member of the same organisation
        ("expected_opinion", "presidente"),
        ("set_apart", "membre-lie"),
    ]
    story.declare()
    story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
    assert told() == [("rapporteur_assigned", "membre")]
    story.holder()
    assert told() == []
    story.do("opinion", "issue_opinion", by=world.president, **story.opinion_payload())
    assert told() == [("expected_answer", "investigatrice")]
    story.answer()
    assert told() == [("expected_referral", "secretariat")]
    story.referral()
    assert told() == [("expected_authorisation", "juriste"), ("referral_sent", "investigatrice")]
    story.authorisation()
    assert told() == [("authorised", "investigatrice"), ("expected_register", "secretariat")]
    story.register()
    assert ("expected_convention", "juriste") in told()
    story.convention()
    assert told() == [("convention_signed", "habilite"), ("convention_signed", "investigatrice")]


def test_words_of_a_message() -> None:
    story = World().story()
    story.world.holder_a_rep  # noqa: B018 - there before the consultation
    story.sign()
    story.completeness()
    message = Message.objects.get(code="request.expected_holder")
    assert message.subject.startswith(f"Dossier {story.request.number}\xa0: vos remarques avant le")
    lines = message.body.splitlines()
    assert lines[0].startswith("Lisez la demande")
    assert lines[2].endswith(f"/dossiers/{story.request.pk}/")
    assert "aucune remarque reçue" in message.body
    assert re.search(r"Avant le \w+\s\d{1,2}\s\w+\s20\d\d\.", message.body)
    assert message.about == story.request.pk


def test_the_last_request_says_that_it_is_the_last() -> None:
    story = World().story()
    story.sign()
    for words in ("faite, une seule.", "seconde et dernière demande"):
        Message.objects.all().delete()
        story.review("to_mend")
        story.do("completeness", "request_completion", by=story.world.secretariat, message="")
        body = Message.objects.get(code="request.completion_requested").body
        assert words in body
        assert "Protocole scientifique" in body
        story.review()
        story.do("", "send_completion", by=story.world.investigator)


def test_tacit_and_reminder() -> None:
    story = World().story()
    story.world.president  # noqa: B018 - there to be told
    story.sign()
    story.completeness()
    Message.objects.all().delete()
    legal_advance("40d")
    run_due()
    assert told() == [
        ("expected_answer", "investigatrice"),
        ("silence_unannounced", "presidente"),
        *[("silence_unannounced", "secretariat")] * 3,  # of the committee and of each holder
        ("tacit_opinion", "presidente"),
        ("tacit_opinion", "secretariat"),
    ]
    legal_advance("40d")
    run_due()
    assert told()[0] == ("answer_reminder", "investigatrice")


def test_an_applicant_who_does_not_complete_is_reminded_once() -> None:
    story = World().story()
    story.sign()
    story.review("to_mend")
    secretariat = story.world.secretariat
    story.do("completeness", "request_completion", by=secretariat, message="")
    message = Message.objects.get(code="request.completion_requested")
    pieces = story.request.pieces.count()
    assert re.search(rf": {pieces} pièces à compléter avant le .*20\d\d$", message.subject)
    assert message.body.count("Protocole scientifique") == 1
    Message.objects.all().delete()
    legal_advance("2m")
    run_due()
    assert told() == [
        ("completion_overdue", "secretariat"),
        ("completion_reminder", "investigatrice"),
    ]
    run_due()
    assert told() == []
    assert story.fresh().state == "incomplete"  # the machine closes nothing


def test_words_of_the_desk_are_not_sent_twice() -> None:
    story = World().story()
    story.sign()
    piece = story.request.pieces.get(code="protocol")
    piece.review, piece.review_comment = "to_mend", "Le plan manque."
    piece.save()
    said = "1. Protocole scientifique : Le plan manque."
    story.do("completeness", "request_completion", by=story.world.secretariat, message=said)
    body = Message.objects.get(code="request.completion_requested").body
    assert body.count("Le plan manque.") == 1


def test_a_tacit_opinion_that_opens_nothing_says_so() -> None:
    """A24: the applicant is not invited to go on where the procedure refuses it."""
    story = World().story(procedure="fr-mr-007")
    story.sign()
    story.completeness()
    legal_advance("40d")
    run_due()
    body = Message.objects.get(code="request.expected_answer").body
    assert "La MR-007 demande un avis exprès et favorable" in body
    assert "indiquez que vous renoncez" in body


def test_the_analysis_of_the_desk_is_not_sent_to_the_applicant() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.holder()
    story.opinion("unfavourable")
    story.answer()
    story.referral()
    story.authorisation()
    assert "le guichet vérifie" in Message.objects.get(code="request.authorised").body
    task = story.request.tasks.get(code="opinion_not_favourable_check")
    story.do(
        "",
        "close_task",
        by=story.world.legal_officer,
        task=task,
        outcome="not_cleared",
        note="Analyse réservée au guichet.",
    )
    body = Message.objects.get(code="request.refused").body
    assert "Analyse réservée" not in body
    assert "la convention ne peut pas être signée" in body


def test_every_message_has_its_template_and_its_label() -> None:
    mine = [one for one in registered() if issubclass(one, RequestNotice)]
    folder = settings.BASE_DIR / "templates"
    assert len(mine) > 30
    for notice in mine:
        assert (folder / notice.template).is_file(), notice.code
        assert str(notice.label)
    known = {one.template for one in registered()}
    files = {f"email/{path.name}" for path in (folder / "email").glob("request_*.txt")}
    assert files <= known


def test_a_refused_move_writes_nothing_but_its_refusal() -> None:
    story = World().story()
    story.sign()
    Message.objects.all().delete()
    before = AuditEvent.objects.count()
    with pytest.raises(engine.TransitionRefused):
        story.do("completeness", "accept_completeness", by=story.world.secretariat)
    assert not Message.objects.exists()
    (event,) = AuditEvent.objects.order_by("recorded_at")[before:]
    assert (event.action, event.outcome) == ("request.act_refused", "refused")
    with pytest.raises(engine.NotAllowed):
        story.do("completeness", "accept_completeness", by=story.world.investigator)
    assert AuditEvent.objects.filter(outcome="not_allowed").count() == 1


def test_provisioning_is_heard_once_however_often_it_speaks() -> None:
    story = World().story().reach("use")
    story.world.second_operator  # noqa: B018 - there to be told
    grant = Grant.objects.get(person=story.world.named)
    permit, workspace = grant.permit, grant.workspace
    Message.objects.all().delete()
    for _time in range(2):
        signals.key_ready.send(sender=Grant, grant=grant)
        signals.key_unrevealed.send(sender=Grant, grant=grant)
        signals.key_expiring.send(sender=Grant, grant=grant, days=5)
        signals.permit_expiring.send(sender=Permit, permit=permit, days=30)
        signals.extract_staged.send(sender=Workspace, workspace=workspace)
        signals.workspace_failed.send(sender=Workspace, workspace=workspace, code="quota")
        signals.drift_found.send(
            sender=Workspace, workspace=workspace, finding="bucket", narrowed=True
        )
        signals.grant_changed.send(sender=Grant, grant=grant, old="closing", new="closed")
    rows = told()
    assert len(rows) == len(set(rows))
    events = {code for code, _who in rows}
    assert events == {
        "key_ready",
        "key_unrevealed",
        "key_expiring",
        "access_expiring",
        "extract_staged",
        "workspace_failed",
        "drift_found",
        "access_closed",
    }
    assert ("key_ready", "habilite") in rows
    assert {who for code, who in rows if code == "workspace_failed"} == {"operatrice"}


@pytest.mark.parametrize("keyed", [False, True])
def test_a_closing_is_said_to_be_proven_only_when_it_was(keyed: bool) -> None:
    story = World().story().reach("use")
    grant = Grant.objects.get(person=story.world.named)
    operator, now = story.world.operator, timezone.now()
    if keyed:
        grant.credentials.create(use="person", access_key="SCWPERSON")
    said = {}
    stopping.suspend(grant, by=operator, reason="Essai.")
    stopping.resume(grant, by=operator, reason="Essai.")
    stopping.revoke(grant, by=operator, reason="Essai.")
    Grant.objects.filter(pk=grant.pk).update(
        state="closed", closed_at=now, proof_at=now if keyed else None
    )
    grant.refresh_from_db()
    signals.grant_changed.send(sender=Grant, grant=grant, old="wanted", new="closed")
    for event in ("resumed", "revoked", "closed"):
        said[event] = Message.objects.filter(code=f"request.access_{event}").latest("pk").body
    assert ("la clé d’avant fonctionne" in said["resumed"]) is keyed
    assert ("sa clé est en cours de destruction" in said["revoked"]) is keyed
    assert ("prouvé" in said["revoked"]) is keyed
    assert ("sa fermeture est prouvée" in said["closed"]) is keyed
    assert ("sans avoir été ouvert" in said["closed"]) is not keyed
