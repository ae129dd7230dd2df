"""What a page keeps about a person's rights is what a fresh object says, and no act is decided on
it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import (
    DeclarationOfInterests,
    Invitation,
    Membership,
    Organisation,
    User,
)
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    Piece,
    RequestMember,
    RequestVersion,
)
from requests_app.rights import actors, duties, kept, permissions
from requests_app.workflow import engine
from tests.support.factories import Story, World, stored_file
from tests.support.queries import count_queries


pytestmark = pytest.mark.both


TIED = DeclarationOfInterests.organisations.through
QUALITIES = ("", "operator", "holder")
Undo = Callable[[], object]


def answers(person: User, request: AccessRequest) -> dict[str, Any]:
    seen = permissions.requests_with
    this = AccessRequest.objects.filter(pk=request.pk)
    return {
        "parts": permissions.parts_visible(person, request),
        "sets": [seen(person, *part).filter(pk=request.pk).exists() for part in ([], ["content"])],
        "apart": [duties.apart(person, request, quality) for quality in QUALITIES],
        "set apart": [this.filter(duties.set_apart(person, one)).exists() for one in QUALITIES],
        "ties": duties.ties_of(person),
        "hidden": permissions.is_conflicted(person, request),
        "team": permissions.in_team(person, request),
    }


@contextmanager
def undone() -> Iterator[None]:
    """A block that something interrupts at its end."""
    with suppress(InterruptedError), transaction.atomic():
        yield
        raise InterruptedError


def again(person: User) -> User:
    return User.objects.get(pk=person.pk)


class KeptRights(TestCase):
    world: World
    story: Story
    request: AccessRequest

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()
        cls.story = cls.world.story().reach("opinion")
        cls.request = cls.story.request

    # --- one write of each kind, and its undoing ---

    def _place(self, person: User) -> Undo:
        place = RequestMember.objects.create(
            request=self.request, user=person, kind="editor", added_by=self.world.investigator
        )
        return place.delete

    def _draft(self, person: User) -> Undo:
        draft = AccessRequest.objects.create(
            title="Étude",
            procedure_code=self.request.procedure_code,
            procedure_version=self.request.procedure_version,
            organisation=self.world.university,
            created_by=person,
        )
        return draft.delete

    def _version(self, person: User) -> Undo:
        version = RequestVersion.objects.create(
            request=self.request,
            number=90,
            content={},
            sha256="0" * 64,
            status="cancelled",
            frozen_by=person,
            frozen_at=timezone.now(),
        )
        return version.delete

    def _piece(self, person: User) -> Undo:
        file = stored_file(self.request, by=person)
        return Piece.objects.create(request=self.request, code="autre", file=file).delete

    def _membership(self, person: User) -> Undo:
        now = timezone.now()
        place = Membership.objects.create(
            user=person, organisation=self.world.university, confirmed_at=now, can_sign_since=now
        )
        return place.delete

    def _invitation(self, person: User) -> Undo:
        sent = Invitation.objects.create(
            kind="named_person",
            email=person.email,
            token_hash="x" * 64,
            request_id=self.request.pk,
            invited_by=self.world.investigator,
            expires_at=timezone.now() + timedelta(days=3),
        )
        return sent.delete

    def _withdrawal(self, person: User) -> Undo:
        return InterestDeclaration.objects.create(**self._withdrawn(person)).delete

    def _withdrawn(self, person: User) -> dict[str, Any]:
        return {
            "request": self.request,
            "committee": self.world.cesrees,
            "member": person,
            "answer": "withdrawn",
            "declared_at": timezone.now(),
        }

    def _declaration(self, person: User) -> Undo:
        """Written under another's name first: alone, a declaration without organisation ties
        nobody."""
        declared = self._declared(self.world.dpo, self.world.university)
        declared.user = person
        declared.save()
        return declared.delete

    def _tie(self, person: User) -> Undo:
        declared = self._declared(person)
        answers(person, self.request)
        declared.organisations.add(self.world.university)
        return declared.organisations.clear

    def _declared(self, person: User, *tied: Organisation) -> DeclarationOfInterests:
        today = timezone.now().date()
        declared = DeclarationOfInterests.objects.create(user=person, declared_on=today)
        for one in tied:
            self._elsewhere(TIED(declarationofinterests=declared, organisation=one))
        return declared

    def test_each_write_that_ties_a_person_shows_at_once_on_the_same_object(self) -> None:
        world = self.world
        cases: dict[type[models.Model], tuple[User, Callable[[User], Undo]]] = {
            AccessRequest: (world.legal_officer, self._draft),
            DeclarationOfInterests: (world.member, self._declaration),
            InterestDeclaration: (world.auditor, self._withdrawal),
            Invitation: (world.operator, self._invitation),
            Membership: (world.secretariat, self._membership),
            Piece: (world.legal_officer, self._piece),
            RequestMember: (world.auditor, self._place),
            RequestVersion: (world.secretariat, self._version),
            TIED: (world.member, self._tie),
        }
        assert set(kept.HEARD) | {TIED} == set(cases)
        for model, (person, write) in cases.items():
            lasting = again(person)
            before = answers(lasting, self.request)
            undo = write(lasting)
            after = answers(lasting, self.request)
            assert after == answers(again(person), self.request), model
            assert after != before, model
            undo()
            assert answers(lasting, self.request) == before, model
            assert answers(again(person), self.request) == before, model

    def test_a_place_that_ends_by_an_update_shows_at_once_on_the_same_object(self) -> None:
        person = again(self.world.investigator)
        assert permissions.in_team(person, self.request)
        RequestMember.objects.filter(user=person).update(removed_at=timezone.now())
        assert not permissions.in_team(person, self.request)
        assert answers(person, self.request) == answers(again(person), self.request)

    def test_a_page_asks_once_and_its_act_asks_again(self) -> None:
        person = again(self.world.secretariat)
        with count_queries() as first:
            answers(person, self.request)
        with count_queries() as second:
            answers(person, self.request)
        with transaction.atomic(), count_queries() as third:
            answers(person, self.request)
        assert len(second) < len(first)
        assert len(second) < len(third)

    # --- what somebody else writes between a page and the act ---

    def _warm(self, person: User) -> User:
        """As a page leaves the object whose button is then pressed."""
        lasting = again(person)
        answers(lasting, self.request)
        return lasting

    def _elsewhere(self, *rows: models.Model) -> None:
        """Another process writes, of which nobody here hears: no signal is sent."""
        for row in rows:
            type(row)._default_manager.bulk_create([row])

    def test_who_left_the_team_meanwhile_does_not_act_for_it(self) -> None:
        person = self._warm(self.world.investigator)
        place = RequestMember.objects.filter(request=self.request, user=person)
        models.QuerySet(RequestMember).filter(pk__in=place).update(removed_at=timezone.now())
        assert permissions.in_team(person, self.request)  # the page that was read
        with pytest.raises(engine.NotAllowed):
            engine.apply(self.request, "withdraw", by=person, reason="Fin.")

    def test_a_member_withdrawn_meanwhile_does_not_act(self) -> None:
        """By an organisation they are tied to, which a page keeps; by their answer."""
        stage = self.story.stage("opinion")
        declared = self._declared(self.world.member)
        person = self._warm(self.world.member)
        self._elsewhere(TIED(declarationofinterests=declared, organisation=self.world.university))
        assert not permissions.is_conflicted(person, self.request)  # the page that was read
        with pytest.raises(engine.NotAllowed):
            engine.apply(stage, "declare_interest", by=person, answer="none")
        president = self._warm(self.world.president)
        self._elsewhere(InterestDeclaration(**self._withdrawn(president)))
        with pytest.raises(engine.NotAllowed):
            engine.apply(stage, "extend_opinion", by=president, reason="Complexité.")

    def test_a_former_member_withdrawn_meanwhile_does_not_act(self) -> None:
        person = self._warm(self.world.secretariat)
        self._elsewhere(InterestDeclaration(**self._withdrawn(person)))
        assert actors.is_actor(person, "secretariat", self.request)  # the page that was read
        with transaction.atomic():
            assert not actors.is_actor(person, "secretariat", self.request)

    def test_an_officer_who_joined_the_file_meanwhile_does_not_act_on_it(self) -> None:
        person = self._warm(self.world.legal_officer)
        place = {"request": self.request, "user": person, "kind": "editor"}
        self._elsewhere(RequestMember(added_by=self.world.investigator, **place))
        assert actors.is_actor(person, "legal_officer", self.request)  # the page that was read
        with transaction.atomic():
            assert not actors.is_actor(person, "legal_officer", self.request)

    # --- what is undone ---

    def test_what_was_kept_beside_a_write_goes_with_it_when_it_is_undone(self) -> None:
        person = self._warm(self.world.named)
        card = permissions.parts_visible(person, self.request)
        places = RequestMember.objects.filter(request=self.request, user=person)
        assert "card" in card
        with undone():
            places.update(removed_at=timezone.now())
            assert "card" not in permissions.parts_visible(person, self.request)
        assert permissions.parts_visible(person, self.request) == card
        with undone():
            with transaction.atomic():
                places.update(removed_at=timezone.now())
            assert "card" not in permissions.parts_visible(person, self.request)
        assert permissions.parts_visible(person, self.request) == card
        with transaction.atomic():
            with undone():
                places.update(removed_at=timezone.now())
                assert "card" not in permissions.parts_visible(person, self.request)
            assert permissions.parts_visible(person, self.request) == card


@pytest.mark.django_db(transaction=True)
def test_a_transaction_undone_whole_leaves_nothing_kept_of_it() -> None:
    """The same without the transactions that hold the other tests."""
    world = World()
    request, person = world.draft(), again(world.investigator)
    places = RequestMember.objects.filter(request=request, user=person)
    assert not connection.in_atomic_block
    assert "content" in permissions.parts_visible(person, request)
    for block in (nullcontext, transaction.atomic):  # the next one too: no question between them
        with undone():
            places.update(removed_at=timezone.now())
            assert permissions.parts_visible(person, request) == frozenset()
        with block():
            assert "content" in permissions.parts_visible(person, request)
    places.update(removed_at=timezone.now())
    assert permissions.parts_visible(person, request) == frozenset()
