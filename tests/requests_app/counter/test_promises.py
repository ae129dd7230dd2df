"""A page says that somebody is told only when a message to them exists."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts import invitations, memberships, throttle
from portal.accounts.models import Invitation, Membership
from portal.notifications.models import Message
from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.workflow.acts.corrections import correctable_codes
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World, user


pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


def page(name: str, story: Story) -> str:
    return reverse(f"requests_app:{name}", args=[story.request.pk])


def without_signatory(world: World, *, asks: bool) -> Story:
    """A request whose representative nobody has confirmed: known, or only invited."""
    story = world.story()
    Membership.objects.filter(user=world.representative).update(
        can_sign_since=None, asks_to_sign=asks
    )
    if not asks:
        Membership.objects.filter(user=world.representative).update(ended_at=timezone.now())
    return story


def test_those_who_are_asked_to_sign_are_named(world: World) -> None:
    story = world.story()
    client = client_for(world.investigator)
    summary = reverse("requests_app:draft_step", args=[story.request.pk, "recapitulatif"])
    assert f"demandera la signature à : {world.representative}" in page_text(client.get(summary))
    said = page_text(client.post(page("ask_signature", story), follow=True))
    assert f"demande la signature à : {world.representative}" in said
    assert Message.objects.filter(code="request.signature_asked").count() == 1


def test_nobody_is_told_when_nobody_can_be(world: World) -> None:
    story = without_signatory(world, asks=True)
    client = client_for(world.investigator)
    summary = reverse("requests_app:draft_step", args=[story.request.pk, "recapitulatif"])
    for said in (
        page_text(client.get(summary)),
        page_text(client.post(page("ask_signature", story), follow=True)),
        page_text(client.get(page("sign", story))),
    ):
        assert "personne n’est prévenu" in said
        assert f"La capacité de signer de {world.representative} n’est pas encore confirmée" in said
        assert "le secrétariat du guichet doit répondre" in said
    assert not Message.objects.filter(code="request.signature_asked").exists()


def test_a_representative_only_invited_or_unknown_is_said(world: World) -> None:
    story = without_signatory(world, asks=False)
    client = client_for(world.investigator)
    summary = reverse("requests_app:draft_step", args=[story.request.pk, "recapitulatif"])
    assert "Aucun signataire de l’organisme n’est connu" in page_text(client.get(summary))
    invitations.invite(
        kind=Invitation.Kind.REPRESENTATIVE,
        email="chef@example.org",
        by=world.investigator,
        organisation=world.university,
        request_id=story.request.pk,
    )
    said = page_text(client.get(summary))
    assert "L’invitation envoyée à chef@example.org n’est pas encore acceptée" in said


def test_a_representative_not_yet_confirmed_reads_what_lacks_then_is_led_to_it(
    world: World,
) -> None:
    story = without_signatory(world, asks=True)
    manager = user("gestionnaire", of=world.university)
    Membership.objects.filter(user=manager).update(is_manager=True)
    story.ask_signature()
    client = client_for(world.representative)
    for shown in (page("sign", story), reverse("requests_app:my_requests")):
        text = page_text(client.get(shown))
        assert "Votre capacité de signer" in text
        assert f"un gestionnaire de l’organisme ({manager}) doit répondre" in text
    Message.objects.all().delete()
    waiting = Membership.objects.get(user=world.representative)
    memberships.confirm(waiting, by=manager, may_sign=True)
    (told,) = Message.objects.filter(recipient=world.representative)
    assert "attend votre signature" in told.body
    assert page("sign", story) in told.body
    client = client_for(world.representative, verified=True)  # now a signatory
    assert "Signer et déposer" in page_text(client.get(page("sign", story)))


def test_a_signatory_made_by_an_invitation_hears_of_what_waits(world: World) -> None:
    story = without_signatory(world, asks=False)
    manager = user("gestionnaire", of=world.university)
    Membership.objects.filter(user=manager).update(is_manager=True)
    story.ask_signature()
    chief = user("cheffe")
    chief.email_confirmed_at = timezone.now()
    chief.save()
    invitations.invite(
        kind=Invitation.Kind.REPRESENTATIVE,
        email=chief.email,
        by=manager,
        organisation=world.university,
    )
    body = Message.objects.get(code="account.invitation").body
    token = body.split("/invitation/")[1].split("/")[0]
    invitations.accept(token=token, by=chief)
    told = Message.objects.get(code="request.signature_asked", recipient=chief)
    assert page("sign", story) in told.body


def test_the_box_promises_a_correction_only_where_there_is_one(world: World) -> None:
    story = world.story().reach("authorisation")
    said: dict[bool, set[str]] = {True: set(), False: set()}
    for name in ACT_FORMS:
        if name in {"close_task", "correct_act", "record_convention"} or "audition" in name:
            continue  # their forms ask for more; the box is the base's
        stage = story.stage("authorisation" if name.startswith("record_") else "completeness")
        form = ACT_FORMS[name](
            None, request=story.request, stage=stage, user=world.legal_officer, label_suffix=""
        )
        form.ask_confirmation(name)
        if "confirm" in form.fields:
            said[name in correctable_codes()].add(str(form.fields["confirm"].label))
    assert len(said[True]) == len(said[False]) == 1
    assert "se corrigent" in said[True].pop()
    assert "ne se corrige pas" in said[False].pop()


def test_words_of_a_person_reach_no_subject_of_a_mail_to_a_stranger(world: World) -> None:
    evil = "URGENT\r\nBcc: x@y.zz \u202e votre compte expire, https://guichet.evil.example/login"
    story = world.story()
    world.university.name = "Banque www.evil.example"
    world.university.save()
    world.investigator.first_name, world.investigator.last_name = "http://evil.example", "\u0007Eve"
    world.investigator.save()
    invitations.invite(
        kind=Invitation.Kind.REPRESENTATIVE,
        email="inconnu@example.org",
        by=world.investigator,
        organisation=world.university,
        request_id=story.request.pk,
        about=evil,
    )
    sent = Message.objects.get(code="account.invitation")
    assert "invité comme représentant légal" in sent.subject
    for word in ("URGENT", "Eve", "evil", "Banque"):
        assert word not in sent.subject
    assert "evil.example" not in sent.body
    assert "URGENT Bcc: x@y[.]zz votre compte expire" in sent.body
    assert not {"\u202e", "\u0007", "\r"} & set(sent.body)


def test_one_address_does_not_receive_invitations_without_end(world: World) -> None:
    senders = [user(f"chercheur-{n}", of=world.university) for n in range(2)]

    def invite(n: int) -> None:
        invitations.invite(
            kind=Invitation.Kind.REPRESENTATIVE,
            email="Victime@example.org" if n % 2 else "victime@example.org",
            by=senders[n % 2],
            organisation=world.university,
        )

    for n in range(throttle.INVITATIONS_BY_RECIPIENT.tries):
        invite(n)
    with pytest.raises(invitations.TooMany, match="Cette adresse a déjà reçu"):
        invite(0)
