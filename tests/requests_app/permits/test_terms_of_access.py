"""Each term of each predicate on access, taken alone: everything holds but that one, and it is no.

A fixture in which every term is true proves none of them. Here one study is open in every respect,
and each line of a table makes one thing false.
"""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.db import transaction
from django.db.models import F
from django.test import TestCase, override_settings
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as GeneratedCase

from portal.accounts.models import Organisation, TermsAcceptance, Training, User
from portal.common.calendar import legal_now, legal_today
from requests_app.models import (
    AccessRequest,
    Act,
    Credential,
    Extract,
    ExtractState,
    Grant,
    GrantState,
    Outbox,
    Permit,
    RequestDataset,
    RequestMember,
    RequestState,
    Stage,
    Workspace,
)
from requests_app.permits import access
from requests_app.provisioning import gates
from requests_app.provisioning.extract.approved import approved_tables, scope_fingerprint
from requests_app.provisioning.facts import right_of
from requests_app.provisioning.plan import Facts, PersonFacts, admitted
from requests_app.provisioning.worker import sweeping
from requests_app.provisioning.worker.lease import Lease
from tests.requests_app.provisioning import world


Toggle = Callable[[], object]
DAY = timedelta(days=1)


@contextmanager
def undone() -> Any:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def on_grant(**fields: Any) -> Toggle:
    return lambda: Grant.objects.update(**fields)


def on_permit(**fields: Any) -> Toggle:
    return lambda: Permit.objects.update(**fields)


def on_key(**fields: Any) -> Toggle:
    return lambda: Credential.objects.update(**fields)


def ago(days: int) -> Any:
    return timezone.now() - days * DAY


def ended_permit() -> None:
    """The permit's own end; the grant still says otherwise."""
    Permit.objects.update(starts_at=ago(20), expires_at=ago(1))


class OpenStudy(TestCase):
    """One person, one study, all of it open."""

    person: User
    workspace: Workspace

    @classmethod
    def setUpTestData(cls) -> None:
        cls.person = world.person("habilite")
        cls.workspace = world.study([cls.person], staged=False)
        now = timezone.now()
        Workspace.objects.update(next_reconcile_at=now + 30 * DAY)
        cls.confirmed()
        Grant.objects.update(state=GrantState.OPEN, opened_at=now)
        Permit.objects.update(starts_at=ago(10))
        cls.other = world.person("voisin", ready=False)

    @classmethod
    def confirmed(cls) -> None:
        """As a second person leaves it, without a manifest."""
        Extract.objects.update(
            state=ExtractState.CONFIRMED, confirmed_at=timezone.now(), confirmed_by=cls.person
        )

    def grant(self) -> Grant:
        return Grant.objects.select_related(
            "permit__request__organisation", "permit__act", "person", "workspace"
        ).get(person=self.person)

    def each(self, toggles: dict[str, Toggle], holds: Callable[[], bool]) -> None:
        assert holds(), "nothing is proved: the predicate does not hold to begin with"
        kept = []
        for name, toggle in toggles.items():
            with undone():
                toggle()
                if holds():
                    kept.append(name)
        assert not kept

    # --- who has access ---

    ACCESS: dict[str, tuple[Toggle, str]] = {
        "the grant is not open": (on_grant(state="suspended"), "Son accès est suspendu"),
        "a suspension is wanted": (on_grant(wanted="suspended"), "demandé qu’il soit suspendu"),
        "a closing is wanted": (on_grant(wanted="closed"), "demandé qu’il soit fermé"),
        "the permit has not begun": (on_permit(starts_at=ago(-1)), "n’a pas commencé"),
        "the permit is revoked": (on_permit(revoked_at=ago(1)), "est retiré"),
        "the permit is suspended": (on_permit(suspended_at=ago(1)), "est suspendu"),
        "the permit is over": (ended_permit, "est terminée"),
        "the grant is over": (on_grant(expires_at=ago(1)), "est terminée"),
        "the account is closed": (
            lambda: User.objects.filter(username="habilite").update(is_active=False),
            "est désactivé",
        ),
    }

    def test_each_term_of_the_set(self) -> None:
        self.each(
            {name: toggle for name, (toggle, _words) in self.ACCESS.items()},
            lambda: access.accesses().filter(person=self.person).exists(),
        )

    def test_each_term_of_the_explanation_is_said(self) -> None:
        assert access.explain(self.person, self.workspace).has_access
        for name, (toggle, words) in self.ACCESS.items():
            with undone():
                toggle()
                said = access.explain(User.objects.get(pk=self.person.pk), self.workspace)
                assert not said.has_access, name
                assert words in said.why, name
                assert len(said.reasons) == 1, name

    def test_the_person_and_the_study_are_those_asked(self) -> None:
        assert not access.explain(self.other, self.workspace).has_access
        elsewhere = world.study([], staged=False)
        assert not access.explain(self.person, elsewhere).has_access

    def test_a_holder_is_told_of_its_own_databases_only(self) -> None:
        """`for_holders` is the same predicate: what ends an access takes it off that list."""
        base = world.dataset()
        RequestDataset.objects.create(request=self.workspace.request, dataset=base)
        holder = base.holder.organisation_id
        self.each(
            {
                "another holder": lambda: RequestDataset.objects.update(dataset=world.dataset()),
                "suspended": self.ACCESS["the permit is suspended"][0],
            },
            lambda: access.for_holders([holder]).exists(),
        )
        assert not access.for_holders([], main_base=[holder]).exists()  # not the main base
        type(base).objects.filter(pk=base.pk).update(kind="main_base")
        assert access.for_holders([], main_base=[holder]).exists()
        assert not access.for_holders([], main_base=[self.workspace.pk]).exists()

    # --- what is wanted of the provider ---

    def test_each_term_of_what_is_wanted(self) -> None:
        now = legal_now()
        margin = timedelta(seconds=live.PROVISIONING["expiry_margin"])
        closed: dict[str, Toggle] = {
            "closing wanted": on_grant(wanted="closed"),
            "permit revoked": on_permit(revoked_at=now),
            "grant about to end": on_grant(expires_at=now + margin),
            "permit about to end": on_permit(expires_at=now + margin),
        }
        suspended: dict[str, Toggle] = {
            "suspension wanted": on_grant(wanted="suspended"),
            "permit suspended": on_permit(suspended_at=now),
        }
        assert right_of(self.grant(), now=now) == "open"
        for right, toggles in (("closed", closed), ("suspended", suspended)):
            for name, toggle in toggles.items():
                with undone():
                    toggle()
                    assert right_of(self.grant(), now=now) == right, name
        with undone():  # closing outranks
            on_permit(suspended_at=now, revoked_at=now)()
            assert right_of(self.grant(), now=now) == "closed"
        on_grant(expires_at=now + margin + timedelta(seconds=1))()
        assert right_of(self.grant(), now=now) == "open"

    # --- gates ---

    def test_each_term_of_a_persons_conditions(self) -> None:
        today = legal_today()
        conditions: dict[str, dict[str, Toggle]] = {
            "training": {
                "begins tomorrow": lambda: Training.objects.update(followed_on=today + DAY),
                "over since yesterday": lambda: Training.objects.update(valid_until=today - DAY),
                "somebody else's": lambda: Training.objects.update(user=self.other),
            },
            "terms": {
                "of another version": lambda: TermsAcceptance.objects.update(version="1999"),
                "somebody else's": lambda: TermsAcceptance.objects.update(user=self.other),
            },
            "second_factor": {
                "not confirmed": lambda: TOTPDevice.objects.update(confirmed=False),
                "somebody else's": lambda: TOTPDevice.objects.update(user=self.other),
            },
        }
        assert gates.missing(self.person) == []
        for code, toggles in conditions.items():
            for name, toggle in toggles.items():
                with undone():
                    toggle()
                    assert gates.missing(self.person) == [code], name
        Training.objects.update(
            followed_on=today, valid_until=today
        )  # the first and last day count
        assert gates.missing(self.person) == []

    def _lacking(self) -> list[str]:
        return gates.missing_for([self.grant()])[self.grant().pk]

    @override_settings(PROVISIONING=live.PROVISIONING | {"worker_addresses": ["192.0.2.1/32"]})
    def test_each_term_of_a_grants_conditions(self) -> None:
        now = timezone.now()
        elsewhere = world.make_request()
        lacking: dict[str, tuple[str, Toggle]] = {
            "no access to the data": (
                "named",
                lambda: RequestMember.objects.update(has_data_access=False),
            ),
            "left": ("named", lambda: RequestMember.objects.update(removed_at=now)),
            "named elsewhere": ("named", lambda: RequestMember.objects.update(request=elsewhere)),
            "somebody else named": (
                "named",
                lambda: RequestMember.objects.update(user=self.other),
            ),
            "account closed": ("account", lambda: User.objects.update(is_active=False)),
            "organisation suspended": (
                "organisation",
                lambda: Organisation.objects.update(suspended_at=now),
            ),
            "not begun": ("not_started", on_permit(starts_at=ago(-1))),
            "no address": ("addresses", on_grant(source_addresses=[])),
            "a project space": ("workspace", on_permit(delivery_mode="project_space")),
            "extract not confirmed": (
                "extract_missing",
                lambda: Extract.objects.update(state=ExtractState.TO_PREPARE),
            ),
            "extract of another scope": (
                "extract_differs",
                lambda: Extract.objects.update(manifest={"scope_sha256": "x"}),
            ),
        }
        assert self._lacking() == []
        for name, (code, toggle) in lacking.items():
            with undone():
                toggle()
                assert self._lacking() == [code], name
        with override_settings(PROVISIONING=live.PROVISIONING | {"worker_addresses": []}):
            assert self._lacking() == ["worker_addresses"]
        scope = scope_fingerprint(approved_tables(self.grant().permit.scope))
        Extract.objects.update(manifest={"scope_sha256": scope})
        assert self._lacking() == []
        Extract.objects.update(state=ExtractState.STAGED)
        assert self._lacking() == ["extract_unconfirmed"]
        Extract.objects.update(state=ExtractState.DELIVERED, delivered_at=now)
        assert self._lacking() == []

    def test_each_term_of_who_is_let_in(self) -> None:
        person = PersonFacts("g", "open", "open", True, legal_now(), identity="app")

        def let_in(delivered: bool = True, **change: Any) -> bool:
            values = {name: getattr(person, name) for name in PersonFacts.__slots__} | change
            return bool(admitted(Facts(persons=(PersonFacts(**values),), delivered=delivered)))

        assert let_in()
        assert not let_in(delivered=False)
        for change in ({"right": "suspended"}, {"right": "closed"}, {"ready": False}):
            assert not let_in(**change), change
        assert not let_in(identity="")

    # --- what is due ---

    def _stage(self, **fields: Any) -> Stage:
        now = legal_now()
        values = {
            "request": self.workspace.request,
            "code": "opinion",
            "kind": "opinion",
            "role": "president",
            "state": "running",
            "started_at": now - 9 * DAY,
            "due_at": now - DAY,
        }
        return Stage.objects.create(**(values | fields))

    def test_each_term_of_what_is_due(self) -> None:
        now = legal_now()

        def due(**fields: Any) -> bool:
            with undone():
                stage = self._stage(**fields)
                return Stage.objects.due(at=now).filter(pk=stage.pk).exists()

        assert due()
        for fields in (
            {"due_at": None},
            {"due_at": now},
            {"expired_at": now},
            {"state": "pending", "started_at": None},
            {"state": "done", "ended_at": now, "outcome": "favourable"},
            {"state": "skipped", "ended_at": now},
        ):
            assert not due(**fields), fields
        assert due(state="paused")
        assert due(state="paused", expired_at=now)  # the applicant's date is another one
        assert due(reminded_at=now)
        assert not due(state="paused", reminded_at=now)
        assert not due(state="paused", due_at=now)
        AccessRequest.objects.update(state=RequestState.SIGNATURE_CHECK)
        assert not due(state="paused")  # no reminder while the desk compares what they signed
        assert due()

    def test_each_term_of_an_open_stage(self) -> None:
        now = legal_now()
        for fields, held in (
            ({}, True),
            ({"state": "paused"}, True),
            ({"state": "pending", "started_at": None}, False),
            ({"state": "done", "ended_at": now, "outcome": "favourable"}, False),
            ({"state": "skipped", "ended_at": now}, False),
        ):
            with undone():
                stage = self._stage(**fields)
                assert Stage.objects.open().filter(pk=stage.pk).exists() is held, fields

    def test_each_term_of_an_access_that_ends(self) -> None:
        now = timezone.now()
        soon = legal_now() + timedelta(seconds=live.PROVISIONING["expiry_margin"])

        def woken(*toggles: Toggle) -> bool:
            with undone():
                for toggle in toggles:
                    toggle()
                return bool(sweeping.wake_ending())

        of_grant, of_permit = on_grant(expires_at=soon), on_permit(expires_at=soon)
        assert woken(of_grant)
        assert woken(of_permit)
        assert not woken()
        for name, toggle in {
            "closed": on_grant(state="closed", closed_at=now),
            "closing already wanted": on_grant(wanted="closed"),
            "planned already": lambda: Workspace.objects.update(next_reconcile_at=now - DAY),
        }.items():
            assert not woken(of_grant, toggle), name
        assert woken(of_grant, lambda: Workspace.objects.update(next_reconcile_at=None))

    def _key(self, **fields: Any) -> None:
        Credential.objects.create(
            **(
                {
                    "grant": self.grant(),
                    "use": "person",
                    "access_key": "SCWX",
                    "ciphertext": b"x",
                    "expires_at": timezone.now() + 10 * DAY,
                }
                | fields
            )
        )
        Credential.objects.update(created_at=timezone.now() - 30 * DAY)

    def test_each_term_of_a_key_nobody_looked_at(self) -> None:
        now = timezone.now()
        self._key()
        toggles = {
            "the probe's": on_key(use="probe"),
            "wiped": on_key(ciphertext=None),
            "shown": on_key(ciphertext=None, revealed_at=now),
            "withdrawn": on_key(withdrawn_at=now),
            "young": on_key(created_at=now),
            "not open yet": on_grant(state="opening"),
        }
        self._each_sweep(toggles, sweeping.withdraw_unrevealed)

    def test_each_term_of_a_key_about_to_end(self) -> None:
        now = timezone.now()
        self._key()
        toggles = {
            "the probe's": on_key(use="probe"),
            "withdrawn": on_key(withdrawn_at=now),
            "told": on_key(expiry_told_at=now),
            "long": on_key(expires_at=now + 60 * DAY),
            "not open": on_grant(state="suspended"),
            "the access ends as soon": on_grant(expires_at=now + 14 * DAY),
        }
        self._each_sweep(toggles, sweeping.notice_keys)

    def test_each_term_of_a_permit_about_to_end(self) -> None:
        on_permit(expires_at=legal_now() + 80 * DAY)()
        now = timezone.now()
        toggles = {
            "revoked": on_permit(revoked_at=now),
            "over": ended_permit,
            "far": on_permit(expires_at=legal_now() + 91 * DAY),
            "told": on_permit(notices_sent=[90]),
            "closed for everybody": on_grant(state="closed", closed_at=now),
        }
        self._each_sweep(toggles, sweeping.notice_ends)

    def _each_sweep(self, toggles: dict[str, Toggle], sweep: Callable[[], int]) -> None:
        def done() -> bool:
            with undone():
                return bool(sweep())

        self.each(toggles, done)

    def test_each_term_of_a_lease(self) -> None:
        now = timezone.now()
        pk = self.workspace.pk

        def taken(until: Any) -> bool:
            with undone():
                Workspace.objects.update(lease_until=until)
                return Lease.take(pk) is not None

        assert taken(None)
        assert taken(now - timedelta(seconds=1))
        assert not taken(now + DAY)
        lease = Lease.take(pk)
        assert lease is not None
        lease.renew()
        for toggle in (
            lambda: Workspace.objects.update(lease_generation=F("lease_generation") + 1),
            lambda: Workspace.objects.update(lease_until=now - DAY),
        ):
            with undone():
                toggle()
                with pytest.raises(Exception, match=str(pk)):
                    lease.renew()
        assert not Outbox.objects.filter(topic="nobody").exists()


dates = st.integers(-2, 2)


class Generated(GeneratedCase):
    """The set and the explanation say the same of worlds composed at random, term by term."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.people = [world.person("une"), world.person("autre")]
        cls.workspace = world.study(cls.people, staged=False)
        Grant.objects.update(state=GrantState.OPEN, opened_at=timezone.now())
        second = Permit.objects.get()
        second.pk, second.number, second._state.adding = None, 2, True  # an amendment
        now = legal_now()
        second.act = Act.objects.create(
            request=second.request, code="record_convention", effective_at=now, entered_at=now
        )
        second.save()

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(
        permits_drawn=st.lists(
            st.fixed_dictionaries(
                {
                    "starts": dates,
                    "lasts": st.integers(1, 3),
                    "revoked": st.sampled_from([False] * 4 + [True]),
                    "suspended": st.sampled_from([False] * 4 + [True]),
                }
            ),
            min_size=2,
            max_size=2,
        ),
        grants_drawn=st.lists(
            st.fixed_dictionaries(
                {
                    "version": st.integers(0, 1),
                    "state": st.sampled_from(["open"] * 4 + list(GrantState.values)),
                    "wanted": st.sampled_from(["open"] * 4 + ["suspended", "closed"]),
                    "ends": st.integers(-1, 3),
                    "active": st.sampled_from([True] * 4 + [False]),
                    "trained": st.booleans(),
                    "left": st.booleans(),
                }
            ),
            min_size=2,
            max_size=2,
        ),
        sanctioned=st.booleans(),
    )
    def test_the_set_is_the_explanation(
        self, permits_drawn: Any, grants_drawn: Any, sanctioned: bool
    ) -> None:
        now = legal_now()
        ids = list(Permit.objects.order_by("number").values_list("pk", flat=True))
        for pk, drawn in zip(ids, permits_drawn, strict=True):
            starts = now + drawn["starts"] * DAY
            Permit.objects.filter(pk=pk).update(
                starts_at=starts,
                expires_at=starts + drawn["lasts"] * DAY,
                revoked_at=now if drawn["revoked"] else None,
                suspended_at=now if drawn["suspended"] else None,
            )
        for person, drawn in zip(self.people, grants_drawn, strict=True):
            Grant.objects.filter(person=person).update(
                permit=ids[drawn["version"]],
                state=drawn["state"],
                wanted=drawn["wanted"],
                closed_at=now,
                expires_at=now + drawn["ends"] * DAY,
            )
            User.objects.filter(pk=person.pk).update(is_active=drawn["active"])
            # what opens an access is asked before the key: it takes away none that is proven open
            Training.objects.filter(user=person).update(
                valid_until=legal_today() + (DAY if drawn["trained"] else -DAY)
            )
            RequestMember.objects.filter(user=person).update(
                removed_at=now if drawn["left"] else None
            )
        Organisation.objects.update(suspended_at=now if sanctioned else None)
        for moment in (now, now + DAY, now - DAY):
            rows = {row.person_id: row for row in access.accesses(at=moment)}
            for person, drawn in zip(self.people, grants_drawn, strict=True):
                version = permits_drawn[drawn["version"]]
                begun = now + version["starts"] * DAY
                due = (
                    drawn["state"] == drawn["wanted"] == "open"
                    and drawn["active"]
                    and not version["revoked"]
                    and not version["suspended"]
                    and begun <= moment <= begun + version["lasts"] * DAY
                    and moment <= now + drawn["ends"] * DAY
                )
                said = access.explain(User.objects.get(pk=person.pk), self.workspace, at=moment)
                assert (person.pk in rows) is said.has_access is due, (drawn, version, moment)
                assert said.why
                if due:
                    assert (said.since, said.until) == (
                        rows[person.pk].since,
                        rows[person.pk].until,
                    )
