"""Messages: written with the act, sent once by one worker, tried again, skipped with a reason."""

import email
import email.policy
import smtplib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.admin.sites import site
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import Role, RoleAssignment, User
from portal.audit.models import AuditEvent
from portal.notifications import permissions, sending
from portal.notifications.base import Notice, absolute_url, label_of, registered, render
from portal.notifications.models import Message
from portal.notifications.tasks import send_due as send_task
from tests.support.audit import in_threads
from tests.support.client import client_for
from tests.support.queries import count_queries


TEMPLATE = """{% block subject %}Dossier {{ number }} :
 2 pièces à compléter{% endblock %}
{% block body %}Complétez « {{ title }} » : {{ url }}



Bonjour {{ recipient.first_name }}.{% endblock %}"""


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "tests_notice.txt").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "email" / "broken.txt").write_text("{% block subject %}x{% endblock %}")
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}
    ]


class PieceNotice(Notice):
    code = "tests.notice"
    label = "Pièces à compléter"


class LinkNotice(Notice):
    code = "tests.link"
    template = "email/tests_notice.txt"
    sensitive = True


CONTEXT = {"number": "GUI-2027-0042", "title": "Santé & <b>environnement</b>", "path": "/d/42/"}


@pytest.fixture
def lea() -> User:
    return User.objects.create_user("lea", email="lea@example.org", first_name="Léa")


@pytest.fixture
def administrator() -> User:
    user = User.objects.create_user("admin", email="admin@example.org", is_staff=True)
    RoleAssignment.objects.create(user=user, role=Role.ADMINISTRATOR)
    return user


pytestmark = pytest.mark.django_db


def test_a_message_is_written_and_nothing_is_sent(lea: User) -> None:
    about = uuid.uuid4()
    (message,) = PieceNotice.send([lea], CONTEXT, about=about)
    assert mail.outbox == []
    message.refresh_from_db()
    assert message.subject == "Dossier GUI-2027-0042 : 2 pièces à compléter"
    assert message.body.startswith("Complétez « Santé & <b>environnement</b> » : http://")
    assert "/d/42/\n\nBonjour Léa." in message.body
    assert "Mes messages" in message.body
    assert (message.state, message.about) == ("pending", about)


def test_the_message_goes_with_the_rolled_back_act(lea: User) -> None:
    def act() -> None:
        with transaction.atomic():
            PieceNotice.send(lea, CONTEXT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not Message.objects.exists()


def test_a_subject_cannot_carry_a_header(lea: User) -> None:
    PieceNotice.send(lea, CONTEXT | {"number": "1\r\nBcc: all@example.org"})
    send_task()
    (sent,) = mail.outbox
    assert "\n" not in sent.subject
    assert "Bcc" not in sent.message()


def test_people_and_addresses_once_each(lea: User) -> None:
    written = PieceNotice.send([lea, lea, "Max@example.org", "max@example.org ", ""], CONTEXT)
    assert [m.address for m in written] == ["", "Max@example.org"]
    send_task()
    assert sorted(m.to[0] for m in mail.outbox) == ["Max@example.org", "lea@example.org"]
    assert "Mes messages" not in Message.objects.get(recipient=None).body


def test_once_means_once_per_recipient(lea: User) -> None:
    for _ in range(2):
        PieceNotice.send([lea], CONTEXT, once="grant-1-30d")
    PieceNotice.send([lea], CONTEXT, once="grant-2-30d")
    PieceNotice.send(["max@example.org"], CONTEXT, once="grant-1-30d")
    assert Message.objects.count() == 3


def test_nothing_is_sent_before_its_time(lea: User) -> None:
    PieceNotice.send(lea, CONTEXT, send_after=timezone.now() + timedelta(hours=1))
    send_task()
    assert mail.outbox == []
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        send_task()
    assert len(mail.outbox) == 1


def test_what_is_sent_says_so(lea: User) -> None:
    (message,) = PieceNotice.send(lea, CONTEXT)
    send_task()
    send_task()
    message.refresh_from_db()
    assert (message.state, message.tries, message.address) == ("sent", 1, "lea@example.org")
    (sent,) = mail.outbox
    assert sent.extra_headers["Message-ID"].startswith(f"<{message.pk}@")
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"


def test_disabled_accounts_are_skipped_visibly(lea: User) -> None:
    waiting = PieceNotice.send(lea, CONTEXT)[0]
    lea.is_active = False
    lea.save()
    skipped = PieceNotice.send(lea, CONTEXT)[0]
    send_task()
    waiting.refresh_from_db()
    assert mail.outbox == []
    for message in (waiting, skipped):
        assert (message.state, message.last_error) == ("skipped", "compte désactivé")


def test_a_link_that_acts_is_wiped_once_sent(lea: User) -> None:
    (message,) = LinkNotice.send(lea, CONTEXT)
    send_task()
    message.refresh_from_db()
    assert "/d/42/" in mail.outbox[0].body
    assert "/d/42/" not in message.body
    assert not permissions.visible_to(lea).exists()


def test_a_closed_request_is_no_longer_heard_of(lea: User, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, other = uuid.uuid4(), uuid.uuid4()
    monkeypatch.setattr(permissions, "_hiding_rules", [])
    PieceNotice.send(lea, CONTEXT, about=other)
    (message,) = PieceNotice.send(lea, CONTEXT, about=closed)
    permissions.hide_about(lambda user, abouts: abouts & {closed})
    assert [m.about for m in permissions.visible_to(lea)] == [other]
    send_task()
    message.refresh_from_db()
    assert message.state == "skipped"
    assert len(mail.outbox) == 1
    url = reverse("notifications:message", args=[message.pk])
    assert client_for(lea).get(url).status_code == 404


def test_notices_are_registered_once() -> None:
    assert PieceNotice in registered()
    assert label_of("tests.notice") == "Pièces à compléter"
    assert PieceNotice.template == "email/tests_notice.txt"

    with pytest.raises(ValueError, match="defined twice"):
        type("Other", (Notice,), {"code": "tests.notice"})
    with pytest.raises(LookupError, match="body block"):
        render("email/broken.txt", {})
    assert absolute_url("/a/").endswith("/a/")


def test_every_registered_notice_has_its_template() -> None:
    from django.template.loader import get_template

    for notice in registered():
        get_template(notice.template)


class TestServerFailures:
    @pytest.fixture
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        errors: list[Exception] = []

        def send(self: mail.EmailMessage, *_args: object, **_kwargs: object) -> int:
            if errors:
                raise errors.pop(0)
            return 1

        monkeypatch.setattr("django.core.mail.EmailMessage.send", send)
        return errors

    def test_a_temporary_error_is_tried_again_later(
        self, lea: User, failing: list[Exception]
    ) -> None:
        failing.append(smtplib.SMTPDataError(451, b"try later lea@example.org"))
        (message,) = PieceNotice.send(lea, CONTEXT)
        send_task()
        message.refresh_from_db()
        assert (message.state, message.tries) == ("pending", 1)
        assert message.last_error == "451 try later …"
        assert message.send_after > timezone.now()
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            send_task()
        message.refresh_from_db()
        assert (message.state, message.tries, message.last_error) == ("sent", 2, "")

    def test_a_refused_address_fails_at_once(self, lea: User, failing: list[Exception]) -> None:
        failing.append(smtplib.SMTPRecipientsRefused({"lea@example.org": (550, b"unknown")}))
        (message,) = PieceNotice.send(lea, CONTEXT)
        send_task()
        message.refresh_from_db()
        assert (message.state, message.last_error) == ("failed", "550 unknown")

    def test_an_impossible_address_fails_alone(self, lea: User, failing: list[Exception]) -> None:
        failing.append(UnicodeEncodeError("ascii", "é", 0, 1, "no"))
        PieceNotice.send([lea, "max@example.org"], CONTEXT)
        send_task()
        assert sorted(Message.objects.values_list("state", flat=True)) == ["failed", "sent"]

    def test_a_server_down_stops_the_batch(self, lea: User, failing: list[Exception]) -> None:
        failing.extend([ConnectionRefusedError(111, "refused")] * 2)
        PieceNotice.send([lea, "max@example.org"], CONTEXT)
        send_task()
        assert sorted(Message.objects.values_list("tries", flat=True)) == [0, 1]

    def test_it_gives_up_visibly(self, lea: User, failing: list[Exception]) -> None:
        (message,) = PieceNotice.send(lea, CONTEXT)
        for number in range(sending.MAX_TRIES):
            failing.append(smtplib.SMTPDataError(451, b"busy"))
            with time_machine.travel(timezone.now() + timedelta(days=number + 1), tick=False):
                send_task()
        message.refresh_from_db()
        assert (message.state, message.tries) == ("failed", sending.MAX_TRIES)

    def test_a_dead_worker_s_message_is_taken_up(self, lea: User, failing: list[Exception]) -> None:
        PieceNotice.send(lea, CONTEXT)
        old = sending.claim()
        assert old is not None
        assert sending.claim() is None
        with time_machine.travel(timezone.now() + timedelta(minutes=3)):
            new = sending.claim()
            assert new is not None
            assert new.lease == old.lease + 1
            # The old worker wakes up: what it writes changes nothing.
            assert not sending._finish(old, state="failed")
            assert sending._finish(new, state="sent")


@pytest.mark.django_db(transaction=True)
def test_four_workers_send_each_message_once(lea: User, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def send(self: mail.EmailMessage, *_args: object, **_kwargs: object) -> int:
        sent.append(self.extra_headers["Message-ID"])
        return 1

    monkeypatch.setattr("django.core.mail.EmailMessage.send", send)
    for _ in range(40):
        PieceNotice.send(lea, CONTEXT)
    in_threads(4, lambda _n: sending.send_due())
    assert len(sent) == len(set(sent)) == 40
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_mails_are_files_that_a_reader_opens(lea: User, tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_BACKEND = "portal.notifications.backends.EmlBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    PieceNotice.send(lea, CONTEXT)
    sending.send_due()
    (path,) = (tmp_path / "mail").glob("*.eml")
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert parsed["To"] == "lea@example.org"
    assert parsed["Subject"].strip().startswith("Dossier GUI-2027-0042")
    assert "environnement" in parsed.get_content()


class TestPages:
    @pytest.fixture
    def client(self, lea: User) -> Client:
        return client_for(lea)

    def test_one_s_own_messages_only(self, lea: User, client: Client) -> None:
        mine, other = PieceNotice.send([lea, "max@example.org"], CONTEXT)
        page = client.get(reverse("notifications:mine"))
        assert page.status_code == 200
        assert mine.subject in page.content.decode()
        page = client.get(reverse("notifications:message", args=[mine.pk]))
        text = page.content.decode()
        assert "&lt;b&gt;environnement" in text
        assert client.get(reverse("notifications:message", args=[other.pk])).status_code == 404

    def test_the_empty_page_says_so(self, client: Client) -> None:
        assert "Aucun message" in client.get(reverse("notifications:mine")).content.decode()

    def test_the_page_costs_the_same_with_more_messages(self, lea: User, client: Client) -> None:
        counts = []
        for size in (2, 28):
            PieceNotice.send([lea] * 1, CONTEXT)
            for _ in range(size):
                PieceNotice.send(lea, CONTEXT)
            with count_queries() as queries:
                client.get(reverse("notifications:mine"))
            counts.append(queries.count)
        assert counts[0] == counts[1] <= 12


class TestAdmin:
    URL = "admin:notifications_message_changelist"

    @pytest.fixture
    def client(self, administrator: User) -> Client:
        return client_for(administrator, verified=True)

    def test_the_list_is_short_of_queries_and_of_words(self, lea: User, client: Client) -> None:
        counts = []
        for size in (3, 30):
            for number in range(size):
                PieceNotice.send([lea, f"p{size}-{number}@example.org"], CONTEXT)
            with count_queries() as queries:
                page = client.get(reverse(self.URL))
            counts.append(queries.count)
        assert page.status_code == 200
        assert "environnement" not in page.content.decode()
        assert counts[0] == counts[1] <= 15
        message = Message.objects.all()[0]
        page = client.get(reverse("admin:notifications_message_change", args=[message.pk]))
        assert "environnement" not in page.content.decode()

    def test_failed_messages_are_tried_again(self, lea: User, client: Client) -> None:
        failed, sent = PieceNotice.send([lea, "max@example.org"], CONTEXT)
        Message.objects.filter(pk=failed.pk).update(state="failed", tries=7)
        Message.objects.filter(pk=sent.pk).update(state="sent")
        client.post(
            reverse(self.URL),
            {
                "action": "try_again",
                "_selected_action": [str(failed.pk), str(sent.pk)],
                "confirmed": "1",
            },
        )
        failed.refresh_from_db()
        sent.refresh_from_db()
        assert (failed.state, failed.tries, sent.state) == ("pending", 0, "sent")
        event = AuditEvent.objects.get(action="message.retry")
        assert event.on_id == str(failed.pk)

    def test_staff_without_a_role_sees_nothing(self) -> None:
        staff = User.objects.create_user("staff", email="s@example.org", is_staff=True)
        request = type("Request", (), {"user": staff})()
        assert not site._registry[Message].has_view_permission(request)


@pytest.fixture
def smtp_server() -> Iterator[tuple[int, list[Any]]]:
    """A real SMTP server on loopback that keeps what it receives and refuses one address."""

    from tests.support.smtp import serve

    with serve() as (port, received):
        yield port, received


def test_a_real_server_takes_the_mail(
    lea: User, smtp_server: tuple[int, list[Any]], settings: Any
) -> None:
    port, received = smtp_server
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    PieceNotice.send([lea, "refused@example.org"], CONTEXT)
    result = sending.send_due()
    assert (result.sent, result.failed) == (1, 1)
    (envelope,) = received
    assert envelope.rcpt_tos == ["lea@example.org"]
    assert Message.objects.get(state="failed").last_error.startswith("550 ")


def test_a_server_that_is_not_there_leaves_the_mail_waiting(lea: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    (message,) = PieceNotice.send(lea, CONTEXT)
    sending.send_due()
    message.refresh_from_db()
    assert message.state == "pending"
    assert "ConnectionRefusedError" in message.last_error
    assert connection.in_atomic_block  # the test's own: nothing was left open
