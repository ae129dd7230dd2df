"""A link that acts by itself is kept no longer than it has to be, wherever its message stands."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts import invitations, registration
from portal.accounts.models import Invitation, User
from portal.notifications import sending
from portal.notifications.base import registered
from portal.notifications.models import Message
from portal.notifications.retry import retry
from tests.support.people import a_person, an_organisation


pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    errors: list[Exception] = []

    def send(self: mail.EmailMessage, *_args: object, **_kwargs: object) -> int:
        if errors:
            raise errors.pop(0)
        return 1

    monkeypatch.setattr("django.core.mail.EmailMessage.send", send)
    return errors


def ask(kind: str) -> Message:
    """Each message that holds a link, asked for as people do."""
    person = a_person(f"personne-{kind}")
    if kind == "reset":
        registration.ask_reset(email=person.email)
    elif kind == "confirm":
        registration.ask_registration(email="nouvelle@exemple.fr")
    elif kind == "email_change":
        registration.ask_email_change(email="autre@exemple.fr", by=person)
    else:
        invitations.invite(
            kind=Invitation.Kind.REPRESENTATIVE,
            email="invitee@exemple.fr",
            by=person,
            organisation=an_organisation(),
        )
    return Message.objects.get(code=f"account.{kind}")


LINKS = {
    "reset": timedelta(days=3),
    "confirm": registration.REGISTER_VALID,
    "email_change": registration.CHANGE_VALID,
    "invitation": invitations.VALID,
}


def test_every_message_with_a_link_is_tried_here() -> None:
    codes = {notice.code for notice in registered() if notice.sensitive}
    assert {code for code in codes if code.startswith("account.")} == {
        f"account.{kind}" for kind in LINKS
    }


@pytest.mark.parametrize("kind", LINKS)
class TestEachLink:
    def test_waits_no_longer_than_it_lives(self, kind: str) -> None:
        """The mail server was away: the worker comes back when the link has ended."""
        message = ask(kind)
        assert "/" in message.body
        assert message.expires_at is not None
        lives = message.expires_at - message.created_at
        assert abs(lives - LINKS[kind]) < timedelta(minutes=1)
        with time_machine.travel(timezone.now() + LINKS[kind] + timedelta(minutes=1)):
            sending.send_due()
        message.refresh_from_db()
        assert (message.body, message.state) == ("", Message.State.SKIPPED)
        assert mail.outbox == []

    def test_is_wiped_when_it_fails_for_good(self, kind: str, failing: list[Exception]) -> None:
        message = ask(kind)
        words = f"rejected because of {message.body.split('http')[-1].split()[0]} in it"
        failing.append(smtplib.SMTPDataError(554, words.encode()))
        sending.send_due()
        message.refresh_from_db()
        assert (message.body, message.state) == ("", Message.State.FAILED)
        assert message.last_error == "554 rejected because of … in it"
        assert retry([message], by=a_person()) == (0, 1)

    def test_is_wiped_after_the_last_try(self, kind: str, failing: list[Exception]) -> None:
        message = ask(kind)
        Message.objects.filter(pk=message.pk).update(tries=sending.MAX_TRIES - 1)
        failing.append(smtplib.SMTPDataError(451, b"busy"))
        sending.send_due()
        message.refresh_from_db()
        assert (message.body, message.state) == ("", Message.State.FAILED)


def test_a_link_being_tried_again_is_kept_until_it_ends(failing: list[Exception]) -> None:
    message = ask("invitation")
    failing.append(smtplib.SMTPDataError(451, b"busy"))
    sending.send_due()
    message.refresh_from_db()
    assert message.state == Message.State.PENDING
    assert message.body


@pytest.mark.parametrize("state", ["failed", "skipped", "sent", "pending"])
def test_whatever_became_of_the_message_its_link_ends(state: str) -> None:
    """Rows of before, too: those of a state that no longer keeps a text."""
    message = ask("reset")
    Message.objects.filter(pk=message.pk).update(state=state)
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        assert sending.wipe_expired() == 1
        assert sending.wipe_expired() == 0
    assert Message.objects.get(pk=message.pk).body == ""


def test_a_worker_that_died_while_sending_leaves_no_link() -> None:
    message = ask("email_change")
    assert sending.claim() is not None
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        sending.send_due()
    message.refresh_from_db()
    assert (message.body, message.state) == ("", Message.State.SKIPPED)
    assert mail.outbox == []


def test_other_messages_keep_their_text(failing: list[Exception]) -> None:
    person: User = a_person("ada")
    registration.password_changed(user=person, by_link=False)
    failing.append(smtplib.SMTPDataError(554, b"no"))
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        sending.send_due()
    message = Message.objects.get()
    assert message.state == Message.State.FAILED
    assert message.body


def test_a_link_without_an_end_is_not_written() -> None:
    values: dict[str, Any] = {"code": "x", "address": "a@exemple.fr", "subject": "s", "body": "b"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(sensitive=True, **values)
    assert Message.objects.create(sensitive=False, **values).expires_at is None
