"""Rights: what a convention writes, what stops it, and the predicate in its two forms."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portal.accounts import suspension
from portal.accounts.models import Role, User
from portal.audit.models import AuditEvent
from portal.common.calendar import legal_now
from portal.notifications.models import Message
from requests_app.models import AccessRequest, Grant, GrantState, Permit, RequestMember, Workspace
from requests_app.permits import access, stopping
from requests_app.workflow import engine
from tests.support.factories import Story, World
from tests.support.people import with_role


@pytest.fixture
def in_force(db: Any) -> Story:
    return World().story().reach("use")


def test_the_convention_writes_the_permit_of_the_version(in_force: Story) -> None:
    permit = Permit.objects.get()
    assert permit.act.code == "record_convention"
    assert [row["dataset"] for row in permit.scope] == ["base-principale", "base-a", "base-b"]
    assert permit.scope[0]["variables"] == ["A"]
    assert permit.request_version == permit.act.version
    workspace = Workspace.objects.get()
    assert len(workspace.slug) <= 40
    assert workspace.slug.startswith(in_force.request.number.lower())
    assert set(Grant.objects.values_list("person__username", flat=True)) == {
        "investigatrice",
        "habilite",
    }
    assert all(one.source_addresses == ["192.0.2.10/32"] for one in Grant.objects.all())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"homologated_on": None}, "homologation"),
        ({"delivery_mode": "by mail"}, "mode de livraison"),
        ({"parties": []}, "manque une partie"),
        ({"persons": []}, "au moins une personne"),
        ({"addresses": {}}, "adresses"),
        ({"ends_on": "2026-01-01"}, "précède"),
        ({"ends_on": "demain"}, "lisible"),
    ],
)
def test_a_wrong_convention_is_told_all_that_is_wrong(
    db: Any, change: dict[str, Any], words: str
) -> None:
    story = World().story().reach("convention")
    with pytest.raises(engine.TransitionRefused, match=words):
        story.convention(**change)
    assert not Permit.objects.exists()
    assert not Grant.objects.exists()


def test_a_person_outside_the_file_gets_nothing(db: Any) -> None:
    story = World().story().reach("convention")
    outsider = story.world.dpo
    with pytest.raises(engine.TransitionRefused, match="pas dans le dossier"):
        story.convention(persons=[outsider])


def test_who_was_removed_from_the_file_gets_nothing(db: Any) -> None:
    story = World().story().reach("convention")
    gone = RequestMember.objects.filter(request=story.request, user=story.world.named)
    gone.update(removed_at=legal_now())
    with pytest.raises(engine.TransitionRefused, match="pas dans le dossier"):
        story.convention()
    assert not Permit.objects.exists()


def test_suspend_resume_revoke_one_person(in_force: Story) -> None:
    operator = in_force.world.operator
    grant = Grant.objects.get(person=in_force.world.named)
    other = Grant.objects.exclude(pk=grant.pk).get()
    assert [one.pk for one in stopping.suspend(grant, by=operator, reason="Absence.")] == [grant.pk]
    assert not access.accesses().filter(pk=grant.pk).exists()
    assert access.accesses().filter(pk=other.pk).exists()
    stopping.resume(grant, by=operator, reason="Retour.")
    assert access.accesses().filter(pk=grant.pk).exists()
    stopping.revoke(grant, by=operator, reason="Départ.")
    grant.refresh_from_db()
    assert (grant.wanted, grant.reason) == ("closed", "Départ.")
    assert grant.closing_requested_at is not None
    assert stopping.resume(grant, by=operator, reason="Regret.") == []  # for good
    told = Message.objects.filter(code="request.access_revoked")
    assert {one.recipient.username for one in told} >= {"habilite", "investigatrice"}
    assert AuditEvent.objects.filter(action="grant.revoke", about=in_force.request.pk).count() == 1


def test_a_study_an_organisation_a_person_everywhere(in_force: Story) -> None:
    operator, permit = in_force.world.operator, Permit.objects.get()
    stopping.suspend(permit, by=operator, reason="Contrôle.")
    assert not access.accesses().exists()
    stopping.resume(permit, by=operator, reason="Fin du contrôle.")
    assert access.accesses().count() == 2
    stopping.suspend(in_force.world.university, by=operator, reason="Sanction.")
    in_force.world.university.refresh_from_db()
    assert in_force.world.university.suspended_at is not None
    assert not access.accesses().exists()
    stopping.resume(in_force.world.university, by=operator, reason="Levée.")
    stopping.revoke(in_force.world.named, by=operator, reason="Départ.")
    assert access.accesses().get().person == in_force.world.investigator


def test_a_sanction_of_the_administrator_suspends_the_accesses(in_force: Story) -> None:
    administrator = with_role(Role.ADMINISTRATOR)
    named, university = in_force.world.named, in_force.world.university
    suspension.suspend_person(named, by=administrator, reason="Compte compromis.")
    grant = Grant.objects.get(person=named)
    assert (grant.wanted, grant.reason) == ("suspended", "Compte compromis.")
    assert access.accesses().get().person == in_force.world.investigator
    suspension.suspend_organisation(university, by=administrator, reason="Sanction.")
    assert not access.accesses().exists()
    suspension.resume_person(named, by=administrator, reason="Vérifié.")
    suspension.resume_organisation(university, by=administrator, reason="Levée.")
    assert not access.accesses().exists()  # an operator resumes each access
    stopping.resume(grant, by=in_force.world.operator, reason="Vérifié.")
    assert access.accesses().get().person == named


def test_who_may_stop_what(in_force: Story) -> None:
    grant = Grant.objects.get(person=in_force.world.named)
    for person in (in_force.world.secretariat, in_force.world.named, in_force.world.auditor):
        with pytest.raises(PermissionError):
            stopping.revoke(grant, by=person, reason="Non.")
    with pytest.raises(stopping.PermitRefused, match="motif"):
        stopping.revoke(grant, by=in_force.world.operator, reason=" ")
    with pytest.raises(PermissionError):
        stopping.remove_person(
            in_force.request, in_force.world.investigator, by=in_force.world.named, reason="Non."
        )


def test_the_investigator_removes_a_person_at_once(in_force: Story) -> None:
    named = in_force.world.named
    stopping.remove_person(
        in_force.request, named, by=in_force.world.investigator, reason="A quitté l’équipe."
    )
    assert not RequestMember.objects.filter(user=named, removed_at__isnull=True).exists()
    assert Grant.objects.get(person=named).wanted == "closed"
    with pytest.raises(stopping.PermitRefused):
        stopping.remove_person(
            in_force.request, named, by=in_force.world.investigator, reason="Encore."
        )


def test_a_holder_sees_who_uses_its_data(in_force: Story) -> None:
    world = in_force.world
    rows = access.for_holders([world.holder_a.pk])
    assert {one.person.username for one in rows} == {"investigatrice", "habilite"}
    assert all(one.since and one.until for one in rows)
    assert not access.for_holders([world.hdh.pk]).exists()


class TestPredicate(TestCase):
    """`accesses()` and `explain()` say the same of every combination of facts."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.story = World().story().reach("use")  # type: ignore[attr-defined]

    @settings(max_examples=150, deadline=None)
    @given(
        state=st.sampled_from(GrantState.values),
        wanted=st.sampled_from(["open", "suspended", "closed"]),
        starts=st.integers(-2, 2),
        expires=st.integers(-2, 3),
        grant_expires=st.integers(-2, 3),
        revoked=st.booleans(),
        suspended=st.booleans(),
        active=st.booleans(),
    )
    def test_agree(
        self,
        state: str,
        wanted: str,
        starts: int,
        expires: int,
        grant_expires: int,
        revoked: bool,
        suspended: bool,
        active: bool,
    ) -> None:
        now = legal_now()
        if expires <= starts:
            expires = starts + 1
        Permit.objects.update(
            starts_at=now + timedelta(days=starts),
            expires_at=now + timedelta(days=expires),
            revoked_at=now if revoked else None,
            suspended_at=now if suspended else None,
        )
        person = User.objects.get(username="habilite")
        User.objects.filter(pk=person.pk).update(is_active=active)
        Grant.objects.filter(person=person).update(
            state=state,
            wanted=wanted,
            expires_at=now + timedelta(days=grant_expires),
            closed_at=now,
            opened_at=now,
        )
        person.refresh_from_db()
        workspace = Workspace.objects.get()
        for moment in (now, now + timedelta(days=1), now - timedelta(days=1)):
            rows = access.accesses(at=moment).filter(person=person, workspace=workspace)
            said = access.explain(person, workspace, at=moment)
            assert said.has_access == rows.exists(), (said, moment)
            assert said.why
            if said.has_access:
                row = rows.get()
                assert (row.since, row.until) == (said.since, said.until)

    def test_nobody_without_a_grant(self) -> None:
        stranger = User.objects.get(username="representante")
        said = access.explain(stranger, Workspace.objects.get())
        assert not said.has_access
        assert said.why == "Aucun accès n’est accordé à cette personne."


def test_every_grant_has_its_act(db: Any) -> None:
    world = World()
    for _number, code in product(range(1), ("convention", "extract", "use")):
        world.story().reach(code)
    for request in AccessRequest.objects.all():
        grants = Grant.objects.filter(permit__request=request)
        assert grants.exists() == request.acts.filter(code="record_convention").exists()
