"""Whatever a person is at once, each row they get is one that the issue's rules give, and no other.

The rules are those of `test_permissions_sets`, written a second time in Python, row by row; here
Hypothesis composes the person: roles and their scopes, memberships, places in files, declarations,
each of them also in the form that almost counts (ended, removed, unconfirmed, of the body next
door).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portal.accounts.models import (
    DeclarationOfInterests,
    Invitation,
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    User,
)
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    InterestDeclaration,
    Note,
    Opinion,
    Piece,
    ReasonedAccess,
    Report,
    RequestMember,
    RequestVersion,
    Stage,
    StoredFile,
    Task,
)
from requests_app.rights import permissions
from tests.requests_app.rights.test_permissions_sets import build, expected, held_by, roles
from tests.support.factories import stored_file
from tests.support.rotation import deep, falls


pytestmark = pytest.mark.both


Parts = dict[Any, frozenset[str]]
SITE = [Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR, Role.DPO, Role.AUDITOR]
SITE.append(Role.ADMINISTRATOR)
SCOPED = [
    (Role.PRESIDENT, "cesrees"),
    (Role.COMMITTEE_MEMBER, "cesrees"),
    (Role.PRESIDENT, "autre-comite"),
    (Role.HOLDER_REPRESENTATIVE, "holder-a"),
    (Role.HOLDER_REPRESENTATIVE, "holder-b"),
    (Role.HOLDER_REPRESENTATIVE, "cnam"),
    (Role.MAIN_BASE_OFFICER, "cnam"),
    (Role.MAIN_BASE_OFFICER, "holder-a"),
]
REQUESTS = 12
often = st.sampled_from([True, True, True, False])
role = st.tuples(
    st.one_of(st.sampled_from([(one, "") for one in SITE]), st.sampled_from(SCOPED)), often
)
membership = st.tuples(
    st.sampled_from(["universite", "autre-universite", "holder-a", "cesrees"]),
    st.sampled_from(["confirmed", "signs", "asked", "ended"]),
)
place = st.tuples(
    st.integers(0, REQUESTS - 1),
    st.sampled_from(list(RequestMember.Kind.values)),
    st.booleans(),  # has access to the data
    often,  # still there
)
declared = st.tuples(st.integers(0, REQUESTS - 1), st.sampled_from(["none", "withdrawn"]))
invited = st.tuples(
    st.integers(0, REQUESTS - 1), st.sampled_from(["named_person", "named_person", "team"])
)
reason = st.tuples(st.integers(0, REQUESTS - 1), st.booleans())


def compose(requests: list[AccessRequest], drawn: dict[str, Any]) -> User:
    """The person of one example, made in the database."""
    now = timezone.now()
    person = User.objects.create_user("composee", "composee@example.org", "x")
    bodies = {one.code: one for one in Organisation.objects.all()}
    for (name, scope), active in drawn["roles"]:
        RoleAssignment.objects.create(
            user=person,
            role=name,
            scope=bodies[scope] if scope else None,
            ended_at=None if active else now,
        )
    for code, state in dict(drawn["memberships"]).items():
        Membership.objects.create(
            user=person,
            organisation=bodies[code],
            asks_to_sign=state == "asked",
            confirmed_at=None if state == "asked" else now,
            can_sign_since=now if state == "signs" else None,
            ended_at=now if state == "ended" else None,
        )
    for index, kind, access, there in {one[0]: one for one in drawn["places"]}.values():
        RequestMember.objects.create(
            request=requests[index],
            user=person,
            kind=kind,
            has_data_access=access,
            added_by=person,
            removed_at=None if there else now,
        )
    for index, answer in dict(drawn["declared"]).items():
        InterestDeclaration.objects.create(
            request=requests[index],
            member=person,
            committee=bodies["cesrees"],
            answer=answer,
            declared_at=now,
        )
    if drawn["interests"]:
        row = DeclarationOfInterests.objects.create(user=person, declared_on=now.date())
        row.organisations.set([bodies[code] for code in drawn["interests"]])
    for index, still in drawn["reasons"]:
        start = now if still else now - timedelta(hours=3)
        ReasonedAccess.objects.create(
            user=person,
            request=requests[index],
            reason="Incident.",
            granted_at=start,
            expires_at=start + timedelta(hours=1),
        )
    for index, kind in drawn["invited"]:
        Invitation.objects.create(
            kind=kind,
            email="Composee@Example.org",
            token_hash=f"{index}-{kind}",
            request_id=requests[index].pk,
            invited_by=requests[index].created_by,
            expires_at=now + timedelta(days=1),
        )
    if drawn["signed"] is not None:
        RequestVersion.objects.filter(request=requests[drawn["signed"]], status="signed").update(
            signed_by=person
        )
    if not drawn["active"]:
        User.objects.filter(pk=person.pk).update(is_active=False)
    return User.objects.get(pk=person.pk)


# --- rows of each kind, by the rules --------------------------------------------------------------


def _committees(person: Any) -> set[Any]:
    return roles(person, Role.PRESIDENT) | roles(person, Role.COMMITTEE_MEMBER)


def _stage(person: Any, stage: Stage, parts: Parts) -> bool:
    some = parts[stage.request_id]
    own = stage.holder_id in roles(
        person, Role.HOLDER_REPRESENTATIVE
    ) or stage.committee_id in _committees(person)
    return "timeline" in some or (own and bool(some))


def _act(person: Any, act: Act, parts: Parts) -> bool:
    some = parts[act.request_id]
    if act.stage is not None and act.stage.kind == "holder":
        own = act.stage.holder_id in roles(person, Role.HOLDER_REPRESENTATIVE)
        return "remarks" in some or (own and "own_remark" in some)
    if act.code in {"issue_opinion", "file_late_opinion"}:
        return "opinion" in some
    return "acts" in some


def _report(person: Any, report: Report, parts: Parts) -> bool:
    seen = "reports" in parts[report.stage.request_id]
    return seen and (report.filed_at is not None or report.author_id == person.pk)


def _interest(person: Any, row: InterestDeclaration, parts: Parts) -> bool:
    some = parts[row.request_id]
    if row.member_id == person.pk and some:
        return True
    every = roles(person, Role.SECRETARIAT) or roles(person, Role.AUDITOR)
    own = row.committee_id in roles(person, Role.PRESIDENT)
    return "interests" in some and (bool(every) or own)


def _grant(person: Any, grant: Grant, parts: Parts) -> bool:
    return "grants" in parts[grant.permit.request_id] or (
        grant.person_id == person.pk and person.is_active
    )


@dataclass(frozen=True)
class Papers:
    """What each stored file is, whoever asks: read once for all people."""

    signed: set[Any]
    awaited: set[Any]
    opinions: set[Any]
    acts: dict[Any, list[Act]]

    @classmethod
    def read(cls) -> "Papers":
        awaiting = ["awaiting_signature", "signature_check"]
        acts: dict[Any, list[Act]] = {}
        for act in Act.objects.filter(document__isnull=False).select_related("stage"):
            acts.setdefault(act.document_id, []).append(act)
        return cls(
            signed=set(RequestVersion.objects.values_list("signed_file", flat=True)),
            awaited=set(
                Piece.objects.filter(request__state__in=awaiting).values_list("file", flat=True)
            ),
            opinions=set(Opinion.objects.values_list("document", flat=True)),
            acts=acts,
        )


def _file(person: Any, stored: StoredFile, parts: Parts) -> bool:
    some, papers = parts[stored.request_id], TestEveryKindOfRow.papers
    if stored.pk in papers.awaited and "version_to_sign" in some:
        return True
    if stored.pk in papers.signed:
        whole = stored.request.form.parts | {"versions"}
        return "version_to_sign" in some or whole <= some
    if stored.pk in papers.opinions:
        return "opinion" in some
    if acts := papers.acts.get(stored.pk):
        return any(_act(person, act, parts) for act in acts)
    return "pieces" in some


KINDS: list[tuple[str, Callable[[Any], Any], Any, Callable[[Any, Any, Parts], bool]]] = [
    ("stages", permissions.stages_visible_to, Stage.objects, _stage),
    ("acts", permissions.acts_visible_to, Act.objects.select_related("stage"), _act),
    (
        "opinions",
        permissions.opinions_visible_to,
        Opinion.objects,
        lambda _person, row, parts: "opinion" in parts[row.request_id],
    ),
    ("reports", permissions.reports_visible_to, Report.objects.select_related("stage"), _report),
    (
        "notes",
        permissions.notes_visible_to,
        Note.objects,
        lambda _person, row, parts: "notes" in parts[row.request_id],
    ),
    (
        "tasks",
        permissions.tasks_visible_to,
        Task.objects,
        lambda _person, row, parts: "tasks" in parts[row.request_id],
    ),
    ("interests", permissions.interests_visible_to, InterestDeclaration.objects, _interest),
    ("grants", permissions.grants_visible_to, Grant.objects.select_related("permit"), _grant),
    ("files", permissions.files_visible_to, StoredFile.objects, _file),
]


class TestEveryKindOfRow(TestCase):
    requests: list[AccessRequest]
    papers: Papers

    @classmethod
    def setUpTestData(cls) -> None:
        counter = build()
        world = counter.world
        cls.requests = list(counter.requests.values())
        assert len(cls.requests) == REQUESTS
        session = counter.requests["in session"]
        stage = Stage.objects.get(request=session, kind="opinion")
        # A draft report, a task, documents of acts and of an opinion, a signed paper.
        Report.objects.create(
            stage=stage, author=world.president, version=session.versions.latest("number")
        )
        for request in cls.requests:
            Task.objects.create(
                request=request,
                code="tacit_authorisation_check",
                role="legal_officer",
                opened_at=timezone.now(),
            )
        for act in Act.objects.filter(request=counter.requests["use"]):
            act.document = stored_file(act.request, by=world.secretariat)
            act.save(update_fields=["document"])
        opinion = Opinion.objects.filter(request=counter.requests["use"])[0]
        opinion.document = stored_file(counter.requests["use"], by=world.president)
        opinion.save(update_fields=["document"])
        version = RequestVersion.objects.filter(request=session)[0]
        version.signed_file = stored_file(session, by=world.investigator)
        version.save(update_fields=["signed_file"])
        cls.papers = Papers.read()

    def _check(self, person: Any, drawn: object) -> None:
        person.held_rows = held_by(person) if person.is_authenticated else []
        parts = {one.pk: permissions.parts_visible(person, one) for one in self.requests}
        if person.is_authenticated:
            for one in self.requests:
                assert set(parts[one.pk]) == expected(person, one), drawn
        else:
            assert not any(parts.values())
        seen = set(permissions.requests_visible_to(person).values_list("pk", flat=True))
        assert seen == {pk for pk, some in parts.items() if some}
        for one in self.requests:
            assert permissions.can_view(person, one) == (one.pk in seen)
        for kind, visible_to, rows, rule in KINDS:
            found = set(visible_to(person).values_list("pk", flat=True))
            due = (
                {row.pk for row in rows.all() if rule(person, row, parts)}
                if person.is_authenticated
                else set()
            )
            assert found == due, (kind, drawn)

    def test_a_visitor_gets_no_row(self) -> None:
        for _kind, _visible_to, rows, _rule in KINDS:
            assert rows.exists()  # otherwise nothing is proved of this kind
        self._check(AnonymousUser(), "visitor")

    def _each_role(self, *, active: bool) -> None:
        """Each role alone, cleared of interests everywhere."""
        nothing: dict[str, Any] = dict.fromkeys(
            ("memberships", "places", "interests", "reasons", "invited"), ()
        )
        for place in [*((one, "") for one in SITE), *SCOPED]:
            drawn = nothing | {
                "roles": [(place, active)],
                "declared": [(index, "none") for index in range(REQUESTS)],
                "signed": None,
                "active": True,
            }
            with transaction.atomic():
                self._check(compose(self.requests, drawn), drawn)
                transaction.set_rollback(True)

    def test_each_role_alone(self) -> None:
        self._each_role(active=True)

    def test_each_role_that_ended(self) -> None:
        self._each_role(active=False)

    @settings(
        max_examples=100 if deep() else 20,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],  # an example reads at a glance: not shrunk
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        drawn=st.fixed_dictionaries(
            {
                "roles": st.lists(role, min_size=1, max_size=3, unique_by=lambda one: one[0]),
                "memberships": st.lists(membership, max_size=2),
                "places": st.lists(place, max_size=3),
                "declared": st.lists(declared, min_size=2, max_size=6),
                "interests": st.lists(
                    st.sampled_from(["universite", "holder-a", "cesrees"]), max_size=1
                ),
                "reasons": st.lists(reason, max_size=2),
                "invited": st.lists(invited, max_size=2, unique=True),
                "signed": st.one_of(st.none(), st.integers(0, REQUESTS - 1)),
                "active": st.sampled_from([True] * 9 + [False]),
            }
        )
    )
    def test_sets_and_object_answers_are_the_rules(self, drawn: dict[str, Any]) -> None:
        """A share of the persons drawn; in `make deep`, all of five times as many."""
        if falls(drawn, 4):
            self._check(compose(self.requests, drawn), drawn)
