"""Reading the log: a request's story with names, for who has the right; the admin's lists."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models.signals import post_init
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Organisation, Role, RoleAssignment, User
from portal.audit import actions, labels, permissions
from portal.audit.models import AuditEvent
from portal.audit.record import record, record_refusal
from portal.audit.seal import seal_pending
from portal.audit.story import story
from portal.audit.texts import erase
from portal.audit.verify import verify
from tests.support.client import client_for
from tests.support.queries import count_queries


pytestmark = [pytest.mark.django_db, pytest.mark.both]
ABOUT = uuid.UUID("11111111-2222-4333-8444-555555555555")


def person(name: str, role: Role | None = None) -> User:
    user = User.objects.create_user(
        name, email=f"{name}@example.org", last_name=name.title(), is_staff=True
    )
    if role:
        RoleAssignment.objects.create(user=user, role=role)
    return user


@pytest.fixture
def auditor() -> User:
    return person("auditeur", Role.AUDITOR)


@pytest.fixture
def lea() -> User:
    return person("léa")


@pytest.fixture
def told(lea: User) -> list[AuditEvent]:
    organisation = Organisation.objects.create(code="chu", name="CHU démo", kind="applicant")
    return [
        record("clock.advance", by=lea, on=organisation, about=ABOUT, text="Premier motif"),
        record_refusal("clock.advance", by=lea, on=organisation, about=ABOUT),
        record("audit.export", by=None, on=lea, about=ABOUT),
        record("clock.advance", by=lea, about=uuid.uuid4()),
    ]


def test_the_story_reads_back_with_names_that_the_chain_does_not_hold(
    told: list[AuditEvent], auditor: User
) -> None:
    seal_pending()
    lines = story(ABOUT, by=auditor)
    assert [line.id for line in lines] == [event.pk for event in told[:3]]
    first, second, third = lines
    assert (first.label, first.actor, first.on) == ("Horloge légale avancée", "Léa", "CHU démo")
    assert (first.text, first.outcome_label, first.position) == ("Premier motif", "fait", 1)
    assert (second.outcome, second.outcome_label) == ("refused", "refusé")
    assert (third.actor, third.on) == ("Guichet (automatique)", "Léa")
    chain = json.dumps([event.content() for event in told], ensure_ascii=False)
    for name in ("Léa", "CHU", "motif"):
        assert name not in chain
    assert verify().ok


def test_erased_words_and_lost_objects_still_read(told: list[AuditEvent], auditor: User) -> None:
    erase(told[0].pk, by=auditor, reason="demande de la personne")
    Organisation.objects.filter(code="chu")._raw_delete("default")
    line = story(ABOUT, by=auditor)[0]
    assert (line.text, line.text_state) == ("", "erased")
    assert line.on.startswith("organisme ")


def test_readers_are_auditors_the_dpo_and_whom_a_room_allows(
    told: list[AuditEvent], lea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "_story_readers", [])
    for reader in (lea, person("admin", Role.ADMINISTRATOR), person("guichet", Role.SECRETARIAT)):
        with pytest.raises(PermissionDenied):
            story(ABOUT, by=reader)
    assert len(story(ABOUT, by=person("dpo", Role.DPO))) == 3
    permissions.allow_story(lambda user, about: user == lea and about == ABOUT)
    # Reserved actions are left out for the parties of a request.
    assert [line.action for line in story(ABOUT, by=lea)] == ["clock.advance"] * 2
    with pytest.raises(PermissionDenied):
        story(uuid.uuid4(), by=lea)


def test_a_story_can_be_cut_and_filtered(told: list[AuditEvent], auditor: User) -> None:
    assert [line.action for line in story(ABOUT, by=auditor, limit=1)] == ["audit.export"]
    assert len(story(ABOUT, by=auditor, only=["clock.advance"])) == 2


def test_a_story_costs_the_same_with_more_events(told: list[AuditEvent], auditor: User) -> None:
    counts = []
    for size in (1, 60):
        for _ in range(size):
            record("clock.advance", by=auditor, on=auditor, about=ABOUT, text="x")
        with count_queries() as queries:
            list(story(ABOUT, by=User.objects.get(pk=auditor.pk)))
        counts.append(queries.count)
    # with: is the file hidden from this reader (A14), or their own
    assert counts[0] == counts[1] <= 8


def test_a_page_of_a_story_reads_its_own_events(auditor: User) -> None:
    for number in range(30):
        record("clock.advance", by=auditor, on=auditor, about=ABOUT, text=f"motif {number}")
    whole, bounded = story(ABOUT, by=auditor), story(ABOUT, by=auditor, limit=20)
    texts = [line.text for line in whole]
    assert texts == [f"motif {number}" for number in range(30)]
    assert [line.text for line in bounded] == texts[10:]
    for asked in (slice(0, 7), slice(25, 40), slice(30, 40), slice(None, None, 2), slice(9, 2, -3)):
        assert [line.text for line in whole[asked]] == texts[asked]
    assert (whole[0].text, whole[-1].text) == (texts[0], texts[-1])
    with pytest.raises(IndexError):
        whole[30]
    made: list[int] = []

    def count(instance: AuditEvent, **_kwargs: object) -> None:
        made.append(1)

    post_init.connect(count, sender=AuditEvent, weak=False)
    page = Paginator(whole, 5).get_page(2)
    assert [line.text for line in page] == texts[5:10]
    post_init.disconnect(count, sender=AuditEvent)
    assert len(made) == 5


def test_objects_are_named_in_one_query_and_what_is_gone_by_its_type(auditor: User) -> None:
    there, gone = ("accounts.user", str(auditor.pk)), ("accounts.user", str(ABOUT))
    unknown = ("gone.model", "1234567890")
    with count_queries() as queries:
        found = labels.labels_for([there, gone, unknown, ("", "")])
    assert len(queries) == 1
    assert found == {
        there: str(auditor),
        gone: "personne 11111111",
        unknown: "gone.model 12345678",
    }


def test_unknown_actions_are_reserved() -> None:
    assert actions.is_reserved("room.gone")
    assert actions.label_of("room.gone") == "room.gone"
    assert not actions.is_reserved("clock.advance")


class TestAdmin:
    EVENTS = "admin:audit_auditevent_changelist"

    def test_the_lists_cost_the_same_with_more_events(self, auditor: User) -> None:
        client = client_for(auditor, verified=True)
        for url in (self.EVENTS, "admin:audit_auditseal_changelist"):
            counts = []
            for size in (3, 40):
                for number in range(size):
                    by = person(f"p{url[-12]}{size}-{number}")
                    record("clock.advance", by=by, on=by, about=ABOUT, text="x")
                seal_pending()
                with count_queries() as queries:
                    response = client.get(reverse(url))
                counts.append(queries.count)
                assert response.status_code == 200
            assert counts[0] == counts[1] <= 15, queries.report()

    def test_events_are_found_by_any_id_and_nonsense_finds_nothing(
        self, auditor: User, told: list[AuditEvent], lea: User
    ) -> None:
        client = client_for(auditor, verified=True)

        def found(term: str) -> int:
            response = client.get(reverse(self.EVENTS), {"q": term})
            assert response.status_code == 200
            return len(response.context["cl"].result_list)

        assert found(str(told[0].pk)) == 1
        assert found(str(ABOUT)) == 3
        assert found(str(lea.pk)) == 4  # as author, or as object
        assert found("'; DROP TABLE") == 0
        assert found("zz") == 0
        filtered = client.get(reverse(self.EVENTS), {"action": "audit.export"})
        assert len(filtered.context["cl"].result_list) == 1

    def test_an_event_is_read_and_cannot_be_changed(
        self, auditor: User, told: list[AuditEvent]
    ) -> None:
        client = client_for(auditor, verified=True)
        url = reverse("admin:audit_auditevent_change", args=[told[0].pk])
        page = client.get(url)
        assert "Premier motif" in page.content.decode()
        assert client.post(url, {"outcome": "x"}).status_code == 403
        for name in ("add", "delete"):
            args: list[Any] = [told[0].pk] if name == "delete" else []
            assert (
                client.get(reverse(f"admin:audit_auditevent_{name}", args=args)).status_code == 403
            )

    def test_an_administrator_does_not_read_about_requests(self, told: list[AuditEvent]) -> None:
        record("clock.advance", by=None)
        admin = person("admin", Role.ADMINISTRATOR)
        client = client_for(admin, verified=True)
        page = client.get(reverse(self.EVENTS))
        assert len(page.context["cl"].result_list) == 1
        response: Any = client.get(
            reverse("admin:audit_auditevent_change", args=[told[0].pk]), follow=False
        )
        assert response.status_code in {302, 404}
        assert client.get(reverse("admin:audit_auditseal_changelist")).status_code == 403

    def test_staff_alone_sees_nothing(self) -> None:
        staff = person("staff")
        assert not permissions.visible_to(staff).exists()
        client: Client = client_for(staff, verified=True)
        assert client.get(reverse(self.EVENTS)).status_code in {302, 403}


def test_visible_rows_and_right_agree(told: list[AuditEvent], auditor: User, lea: User) -> None:
    record("clock.advance", by=None)
    for user in (auditor, lea, person("dpo", Role.DPO), person("admin", Role.ADMINISTRATOR)):
        everything = permissions.can_read_everything(user)
        seen = permissions.visible_to(user)
        assert everything == (seen.count() == AuditEvent.objects.count())
        assert permissions.can_open_log(user) == seen.exists()
    assert (
        AuditEvent.objects.filter(recorded_at__gt=told[0].recorded_at - timedelta(1)).count() == 5
    )
