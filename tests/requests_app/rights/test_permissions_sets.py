"""Object answers, querysets and the issue's rules written a second time, in Python, agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import (
    DeclarationOfInterests,
    Invitation,
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    User,
)
from portal.accounts.roles import forget
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    InterestDeclaration,
    Note,
    Opinion,
    Permit,
    ReasonedAccess,
    Report,
    RequestDataset,
    RequestMember,
    RequestVersion,
    Stage,
    Task,
)
from requests_app.rights import permissions
from requests_app.rights.seen import deposited_seen
from tests.support.factories import World, organisation, user
from tests.support.queries import count_queries


pytestmark = pytest.mark.both


CARD = {"status", "card"}
FILE = CARD | {"summary", "purpose", "persons", "specification", "content", "pieces", "versions"}
COURSE = {"timeline", "acts", "permit", "grants", "log"}


# --- the rules once more, row by row ------------------------------------------------------------


def roles(person: User, role: Role) -> set[Any]:
    held = getattr(person, "held_rows", None)  # the property test asks hundreds of times
    rows = held_by(person) if held is None else held
    return {row.scope_id for row in rows if row.role == role}


def held_by(person: User) -> list[RoleAssignment]:
    return list(RoleAssignment.objects.filter(user=person, ended_at__isnull=True))


def expected(person: User, request: AccessRequest) -> set[str]:
    if not person.is_active:
        return set()
    parts = set(_applicant(person, request))
    if not _hidden(person, request):
        own = has_a_part(person, request)
        as_holder = own or is_colleague(person, request)
        parts |= _left(_office(person, request), own)
        parts |= _left(_operator(person, request), own or is_invited(person, request))
        parts |= _left(_committee(person, request), own)
        parts |= _left(_holders(person, request), as_holder)
        parts |= _left(_main_base(person, request), as_holder or is_invited(person, request))
    return parts


def _left(parts: Iterator[str], own: bool) -> set[str]:
    """On their own file, an office leaves the card."""
    return set(parts) & (CARD if own else permissions.ALL_PARTS)


def has_a_part(person: User, request: AccessRequest) -> bool:
    """Team, named persons, signatories, of now and of before; whoever wrote it."""
    versions = list(RequestVersion.objects.filter(request=request))
    for member in RequestMember.objects.filter(request=request, user=person):
        left = member.removed_at
        if left is None or any(one.frozen_at <= left for one in versions):
            return True
    wrote = {request.created_by_id, request.content_edited_by_id}
    wrote |= {one.frozen_by_id for one in versions} | {one.signed_by_id for one in versions}
    wrote |= {one.file.uploaded_by_id for one in request.pieces.all() if one.file}
    return person.pk in wrote or any(one.can_sign_since for one in _places(person, request))


def _places(person: User, request: AccessRequest) -> list[Membership]:
    """Memberships of the applicant's organisation, confirmed, held while the file existed."""
    rows = Membership.objects.filter(user=person, organisation=request.organisation_id)
    return [
        one
        for one in rows
        if one.confirmed_at and (one.ended_at is None or one.ended_at >= request.created_at)
    ]


def is_colleague(person: User, request: AccessRequest) -> bool:
    held = roles(person, Role.HOLDER_REPRESENTATIVE) | roles(person, Role.MAIN_BASE_OFFICER)
    return bool(_places(person, request)) or request.organisation_id in held


def is_invited(person: User, request: AccessRequest) -> bool:
    return any(
        one.kind == "named_person"
        and one.request_id == request.pk
        and one.email.casefold() == person.email.casefold()
        for one in Invitation.objects.open()
    )


def _applicant(person: User, request: AccessRequest) -> Iterator[str]:
    mine = [
        m for m in RequestMember.objects.filter(request=request, user=person) if not m.removed_at
    ]
    for member in mine:
        if member.kind in {"investigator", "editor"}:
            yield from FILE | COURSE | {"version_to_sign", "tasks"}
            if Opinion.objects.filter(request=request).exists():
                yield "opinion"
                states = [one.state for one in request.stages.all() if one.kind == "opinion"]
                if not {"pending", "running", "paused"} & set(states):
                    yield "remarks"
        if member.kind == "representative":
            yield from CARD | {"version_to_sign"}
        if member.kind == "named" or member.has_data_access:
            yield from CARD | {"own_grant"}
    signs = Membership.objects.filter(
        user=person,
        organisation=request.organisation,
        confirmed_at__isnull=False,
        can_sign_since__isnull=False,
        ended_at__isnull=True,
    )
    for version in RequestVersion.objects.filter(request=request):
        unsigned = version.status in {"awaiting", "checking"}
        if version.signed_by_id == person.pk or (unsigned and signs.exists()):
            yield from CARD | {"version_to_sign"}
        if signs.exists():
            yield from CARD


def _office(person: User, request: AccessRequest) -> Iterator[str]:
    deposited = request.number is not None
    if roles(person, Role.SECRETARIAT) and deposited:
        yield from permissions.ALL_PARTS - {"full_log", "own_grant", "own_remark"}
    if roles(person, Role.SECRETARIAT) and request.state == "signature_check":
        yield from CARD | {"version_to_sign"}
    handed_in = Act.objects.filter(request=request, code="deposit_paper")
    if roles(person, Role.SECRETARIAT) and handed_in.exists():
        yield from CARD
    if roles(person, Role.LEGAL_OFFICER) and deposited:
        yield from FILE | COURSE | {"remarks", "opinion", "notes", "tasks"}
    if roles(person, Role.DPO) and deposited:
        yield from FILE | COURSE | {"full_log"}
    if roles(person, Role.AUDITOR):
        yield from permissions.ALL_PARTS
    if roles(person, Role.ADMINISTRATOR):
        yield "status"
        for access in ReasonedAccess.objects.filter(user=person, request=request):
            if access.expires_at > timezone.now():
                yield from FILE | COURSE


def _begun(request: AccessRequest) -> list[Stage]:
    return [s for s in request.stages.all() if s.state in {"running", "paused", "done"}]


def _operator(person: User, request: AccessRequest) -> Iterator[str]:
    if roles(person, Role.OPERATOR) and (
        any(s.kind in {"extract", "opening"} for s in _begun(request))
        or Permit.objects.filter(request=request).exists()
    ):
        yield from CARD | {"persons", "permit", "grants", "timeline"}


def _holders(person: User, request: AccessRequest) -> Iterator[str]:
    for stage in _begun(request):
        if stage.kind == "holder" and stage.holder_id in roles(person, Role.HOLDER_REPRESENTATIVE):
            yield from CARD | {"summary", "purpose", "persons", "specification", "own_remark"}


def _main_base(person: User, request: AccessRequest) -> Iterator[str]:
    for stage in _begun(request):
        if stage.kind == "convention":
            for row in RequestDataset.objects.filter(request=request):
                owner = row.dataset.holder.organisation_id
                if row.dataset.kind == "main_base" and owner in roles(
                    person, Role.MAIN_BASE_OFFICER
                ):
                    yield from FILE | {"opinion", "permit", "grants", "timeline"}


def _committee(person: User, request: AccessRequest) -> Iterator[str]:
    for stage in _begun(request):
        if stage.kind == "opinion" and stage.committee_id in _committees(person):
            yield from CARD
            none = InterestDeclaration.objects.filter(request=request, member=person, answer="none")
            if none.exists():
                yield from FILE | {"timeline", "remarks", "reports", "opinion", "committee"}
                if stage.committee_id in roles(person, Role.PRESIDENT):
                    yield "interests"


def _committees(person: User) -> set[Any]:
    return roles(person, Role.PRESIDENT) | roles(person, Role.COMMITTEE_MEMBER)


def _hidden(person: User, request: AccessRequest) -> bool:
    if InterestDeclaration.objects.filter(
        request=request, member=person, answer="withdrawn"
    ).exists():
        return True
    committees = _committees(person)
    if not any(s.kind == "opinion" and s.committee_id in committees for s in request.stages.all()):
        return False
    tied = {
        m.organisation_id
        for m in Membership.objects.filter(user=person)
        if m.confirmed_at and not m.ended_at
    }
    for declaration in DeclarationOfInterests.objects.filter(user=person):
        tied |= {one.pk for one in declaration.organisations.all()}
    tied -= {one.pk for one in Organisation.objects.filter(kind="committee")}
    members = [
        m.user for m in RequestMember.objects.filter(request=request) if m.removed_at is None
    ]
    colleagues = {
        m.organisation_id
        for m in Membership.objects.filter(user__in=members)
        if m.confirmed_at and not m.ended_at
    }
    return person in members or request.organisation_id in tied or bool(colleagues & tied)


# --- a counter with everyone and everyone's near miss ---------------------------------------------


@dataclass
class Counter:
    world: World
    people: dict[str, User]
    requests: dict[str, AccessRequest]


def build() -> Counter:
    world = World()
    other = organisation("autre-universite")
    other_committee = organisation("autre-comite", "committee")
    now = timezone.now()
    people = {
        name: getattr(world, name)
        for name in (
            "investigator",
            "named",
            "representative",
            "secretariat",
            "legal_officer",
            "operator",
            "dpo",
            "auditor",
            "administrator",
            "president",
            "member",
            "tied_member",
            "holder_a_rep",
            "holder_b_rep",
            "officer",
        )
    }
    people["nobody"] = user("personne")
    people["staff"] = user("staff")
    User.objects.filter(pk=people["staff"].pk).update(is_staff=True, is_superuser=True)
    people["colleague"] = user("collegue", of=world.university)
    people["second_signatory"] = user("second-signataire", of=world.university, signs=True)
    people["other_signatory"] = user("autre-signataire", of=other, signs=True)
    people["unconfirmed_signatory"] = user("signataire-a-confirmer")
    Membership.objects.create(
        user=people["unconfirmed_signatory"], organisation=world.university, asks_to_sign=True
    )
    people["other_president"] = user("autre-pdt", role=Role.PRESIDENT, scope=other_committee)
    people["other_officer"] = user(
        "autre-officier", role=Role.MAIN_BASE_OFFICER, scope=world.holder_a
    )
    people["former_secretary"] = user("ancien", role=Role.SECRETARIAT)
    RoleAssignment.objects.filter(user=people["former_secretary"]).update(ended_at=now)
    people["inactive_auditor"] = user("auditeur-inactif", role=Role.AUDITOR)
    User.objects.filter(pk=people["inactive_auditor"].pk).update(is_active=False)
    people["declared_member"] = user(
        "membre-declare", role=Role.COMMITTEE_MEMBER, scope=world.cesrees
    )
    declaration = DeclarationOfInterests.objects.create(
        user=people["declared_member"], declared_on=now.date()
    )
    declaration.organisations.add(world.university)
    people["member_and_auditor"] = user(
        "membre-auditrice", role=Role.COMMITTEE_MEMBER, scope=world.cesrees
    )
    RoleAssignment.objects.create(user=people["member_and_auditor"], role=Role.AUDITOR)
    people["member_in_team"] = user(
        "membre-equipe", role=Role.COMMITTEE_MEMBER, scope=world.cesrees
    )
    requests = {}
    for code in ("completeness", "opinion", "answer", "convention", "use", "end"):
        requests[code] = world.story().reach(code).fresh()
    requests["draft"] = world.draft()
    requests["main base only"] = world.story(datasets=[world.main_base]).reach("convention").fresh()
    awaiting = world.story()
    awaiting.ask_signature()
    requests["awaiting"] = awaiting.fresh()
    on_paper = world.story()
    on_paper.ask_signature()
    on_paper.deposit_paper()
    requests["on paper"] = on_paper.fresh()
    in_session = world.story().reach("opinion")
    in_session.declare(world.president, world.member, people["member_and_auditor"])
    in_session.do(
        "opinion",
        "assign_rapporteurs",
        by=world.president,
        members=[world.member],
    )
    report = in_session.opinion_payload()
    report.pop("present")
    in_session.do("opinion", "file_report", by=world.member, **report)
    in_session.do(
        "opinion",
        "withdraw_member",
        by=world.president,
        member=people["member_and_auditor"],
        reason="Lien avec l’étude.",
    )
    requests["in session"] = in_session.fresh()
    taken_back = world.story()
    taken_back.ask_signature()
    taken_back.deposit_paper()
    taken_back.do("", "cancel_signature", by=world.investigator)
    requests["taken back"] = taken_back.fresh()
    RequestMember.objects.create(
        request=requests["opinion"],
        user=people["member_in_team"],
        kind="editor",
        added_by=world.investigator,
    )
    removed = user("retire")
    RequestMember.objects.create(
        request=requests["use"],
        user=removed,
        kind="editor",
        added_by=world.investigator,
        removed_at=now,
    )
    people["removed_editor"] = removed
    permissions.give_reason(world.administrator, requests["use"], reason="Incident 12.")
    ReasonedAccess.objects.create(
        user=world.administrator,
        request=requests["answer"],
        reason="Ancien incident.",
        granted_at=now - timedelta(hours=3),
        expires_at=now - timedelta(hours=2),
    )
    for request in requests.values():
        Note.objects.create(request=request, author=world.secretariat, text="Note.")
    return Counter(
        world, {name: User.objects.get(pk=one.pk) for name, one in people.items()}, requests
    )


def _acts(name: str, person: Any, parts: dict[Any, frozenset[str]]) -> None:
    due = set()
    for act in Act.objects.select_related("stage"):
        some = parts[act.request_id]
        if act.stage is not None and act.stage.kind == "holder":
            own = (
                person.is_authenticated
                and act.stage.holder_id in roles(person, Role.HOLDER_REPRESENTATIVE)
                and "own_remark" in some
            )
            seen = "remarks" in some or own
        elif act.code in {"issue_opinion", "file_late_opinion"}:
            seen = "opinion" in some
        else:
            seen = "acts" in some
        if seen:
            due.add(act.pk)
    found = set(permissions.acts_visible_to(person).values_list("pk", flat=True))
    assert found == due, name


class TestRights(TestCase):
    counter: Counter

    @classmethod
    def setUpTestData(cls) -> None:
        cls.counter = build()

    def test_parts_are_those_of_the_issue(self) -> None:
        wrong = []
        for name, person in self.counter.people.items():
            for stage, request in self.counter.requests.items():
                seen, due = permissions.parts_visible(person, request), expected(person, request)
                if seen != due:
                    wrong.append((name, stage, sorted(seen - due), sorted(due - seen)))
        assert not wrong

    def test_sets_are_the_object_answers(self) -> None:
        """Every queryset holds exactly the rows of the requests whose part the person sees."""
        for name, person in [*self.counter.people.items(), ("visitor", AnonymousUser())]:
            parts = {
                r.pk: permissions.parts_visible(person, r) for r in self.counter.requests.values()
            }
            seen = set(permissions.requests_visible_to(person).values_list("pk", flat=True))
            assert seen == {pk for pk, some in parts.items() if some}, name
            for part in permissions.ALL_PARTS:
                having = set(permissions.requests_with(person, part).values_list("pk", flat=True))
                assert having == {pk for pk, some in parts.items() if part in some}, (name, part)
            checks: list[tuple[Any, Any, str]] = [
                (permissions.opinions_visible_to(person), Opinion.objects.all(), "opinion"),
                (permissions.notes_visible_to(person), Note.objects.all(), "notes"),
            ]
            for visible, everything, part in checks:
                due = {one.pk for one in everything if part in parts[one.request_id]}
                assert set(visible.values_list("pk", flat=True)) == due, (name, part)
            reports = {
                one.pk
                for one in Report.objects.select_related("stage")
                if "reports" in parts[one.stage.request_id]
            }
            found = set(permissions.reports_visible_to(person).values_list("pk", flat=True))
            assert found == reports, name
            grants = {
                one.pk
                for one in Grant.objects.select_related("permit")
                if "grants" in parts[one.permit.request_id]
                or (one.person_id == person.pk and person.is_active)
            }
            found = set(permissions.grants_visible_to(person).values_list("pk", flat=True))
            assert found == grants, name
            _acts(name, person, parts)

    def test_what_is_open_in_an_inbox_is_what_the_person_sees(self) -> None:
        """An open stage or task has been deposited: less is asked of it, and no answer changes."""
        Task.objects.bulk_create(
            Task(request=one, code="x", role="legal_officer", opened_at=timezone.now())
            for one in self.counter.requests.values()
            if one.number
        )
        for name, person in self.counter.people.items():
            seen = deposited_seen(person, at="request")
            visible = permissions.requests_visible_to(person)
            for rows in (Stage.objects.open(), Task.objects.filter(closed_at__isnull=True)):
                found = set(rows.filter(seen).values_list("pk", flat=True))
                assert found == set(
                    rows.filter(request__in=visible).values_list("pk", flat=True)
                ), name

    def test_a_holder_reads_its_own_databases_only(self) -> None:
        request = self.counter.requests["opinion"]
        rows = permissions.specification_rows(self.counter.people["holder_a_rep"], request)
        assert [row["dataset"] for row in rows] == ["base-a"]
        assert (
            len(permissions.specification_rows(self.counter.people["investigator"], request)) == 3
        )
        assert permissions.specification_rows(self.counter.people["operator"], request) == []

    def test_withdrawn_means_nothing_anywhere(self) -> None:
        """A14: whatever else they are; and the president's withdrawal covers the auditor's role
        too."""
        person, request = (
            self.counter.people["member_and_auditor"],
            self.counter.requests["in session"],
        )
        assert permissions.parts_visible(person, request) == frozenset()
        assert not permissions.stages_visible_to(person).filter(request=request).exists()
        assert not permissions.acts_visible_to(person).filter(request=request).exists()
        assert not permissions.files_visible_to(person).filter(request=request).exists()
        assert not permissions.notes_visible_to(person).filter(request=request).exists()
        assert permissions.parts_visible(person, self.counter.requests["use"])
        rows = InterestDeclaration.objects.filter(request=request, answer="withdrawn")
        assert {(one.member.username, one.origin) for one in rows} == {
            ("membre-lie", "organisation"),
            ("membre-declare", "organisation"),
            ("membre-auditrice", "president"),
        }

    def test_a_member_of_the_team_keeps_their_file(self) -> None:
        person = self.counter.people["member_in_team"]
        parts = permissions.parts_visible(person, self.counter.requests["opinion"])
        assert "content" in parts
        assert not parts & {"reports", "interests", "committee"}

    def test_files_follow_what_they_belong_to(self) -> None:
        request = self.counter.requests["use"]
        for name, sees in {
            "investigator": True,
            "secretariat": True,
            "officer": True,
            "operator": False,
            "holder_a_rep": False,
            "named": False,
            "nobody": False,
            "staff": False,
            "administrator": True,
        }.items():
            found = permissions.files_visible_to(self.counter.people[name]).filter(request=request)
            assert found.exists() is sees, name

    def test_who_signs_opens_the_pieces_of_the_version_that_awaits(self) -> None:
        """Those pieces and no others; and nobody who does not sign."""
        request = self.counter.requests["awaiting"]
        frozen = request.versions.get(status="awaiting").content["pieces"]
        pieces = {piece["file"] for piece in frozen if "file" in piece}
        for name, sees in {
            "representative": True,
            "other_signatory": False,
            "named": False,
        }.items():
            found = permissions.files_visible_to(self.counter.people[name])
            ids = {str(pk) for pk in found.filter(request=request).values_list("pk", flat=True)}
            assert ids == (pieces if sees else set()), name
        # Once signed, the piece is read by the rights of the file again.
        person, signed = self.counter.people["representative"], self.counter.requests["use"]
        assert not permissions.files_visible_to(person).filter(request=signed).exists()

    def test_stages_of_others_are_hidden_from_a_holder(self) -> None:
        request = self.counter.requests["opinion"]
        seen = permissions.stages_visible_to(self.counter.people["holder_a_rep"]).filter(
            request=request
        )
        assert [row.holder.code for row in seen] == ["holder-a"]
        assert Stage.objects.filter(request=request, kind="holder").count() == 2


class TestKept(TestCase):
    """What a person's roles open is worked out once a request, and again once they changed."""

    def test_rules_are_kept_with_the_roles_and_dropped_with_them(self) -> None:
        world = World()
        request = world.story().reach("completeness").fresh()
        person = user("nouvelle")
        assert permissions.parts_visible(person, request) == frozenset()
        with count_queries() as asked:
            assert not permissions.can_view(person, request)
        assert len(asked) == 0  # neither roles nor memberships again, and nothing they could open
        RoleAssignment.objects.create(user=person, role=Role.SECRETARIAT)
        assert not permissions.can_view(person, request)
        forget(person)
        assert "content" in permissions.parts_visible(person, request)
        RoleAssignment.objects.filter(user=person).update(ended_at=timezone.now())
        forget(person)
        assert not permissions.can_view(person, request)

    def test_a_reason_that_ended_opens_nothing_more_to_the_same_person(self) -> None:
        world = World()
        request = world.story().reach("completeness").fresh()
        person = world.administrator
        opened = ReasonedAccess.objects.create(
            user=person,
            request=request,
            reason="Incident.",
            granted_at=timezone.now(),
            expires_at=timezone.now() + timedelta(hours=1),
        )
        assert "content" in permissions.parts_visible(person, request)
        ReasonedAccess.objects.filter(pk=opened.pk).update(expires_at=timezone.now())
        assert "content" not in permissions.parts_visible(person, request)
