"""Rows for tests, through the same doors as the product: a request in a state was brought there.

`World` is one counter with everyone at it. `Story` drives one request through the engine:
`story.reach("opinion")` stops when that stage runs.
"""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from catalog.models import Dataset
from portal.accounts.models import Membership, Organisation, Role, RoleAssignment, User
from portal.common.calendar import legal_today
from requests_app import dossier
from requests_app.models import (
    AccessRequest,
    Extract,
    ExtractState,
    Grant,
    GrantState,
    Piece,
    RequestDataset,
    RequestMember,
    RequestVersion,
    Stage,
    StageState,
    StoredFile,
    Workspace,
)
from requests_app.permits import creating
from requests_app.permits.parties import convention_parties
from requests_app.procedures import forms, registry
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure
from requests_app.provisioning.extract import confirming
from requests_app.provisioning.extract.approved import approved_tables, scope_fingerprint
from requests_app.workflow import engine, granting
from requests_app.workflow.kinds.answer import points_of
from requests_app.workflow.kinds.audition import earliest_day
from tests.support import odd_form
from tests.support import requests as basics
from tests.support.clock import legal_advance


_counter = itertools.count(1)


def user(
    username: str = "",
    *,
    role: Role | None = None,
    scope: Organisation | None = None,
    of: Organisation | None = None,
    signs: bool = False,
) -> User:
    """A person, with one role and one confirmed membership when asked."""
    name = username or f"personne-{next(_counter)}"
    one = User.objects.create_user(
        name, f"{name}@example.org", "x", first_name=name.capitalize(), last_name="Test"
    )
    if role is not None:
        RoleAssignment.objects.create(user=one, role=role, scope=scope)
    if of is not None:
        now = timezone.now()
        Membership.objects.create(
            user=one, organisation=of, confirmed_at=now, can_sign_since=now if signs else None
        )
    return one


def organisation(code: str, kind: str = "applicant", **fields: Any) -> Organisation:
    return basics.organisation(code, kind, **fields)


def dataset(code: str, *, holder: str = "holder-a", kind: str = "catalogue") -> Dataset:
    known = Dataset.objects.filter(code=code).first()
    if known is not None:
        return known
    one = basics.dataset(code, holder=holder, kind=kind)
    basics.table(one, "T", {"A": {}, "B": {}})
    return one


def stored_file(
    request: AccessRequest,
    *,
    name: str = "piece.pdf",
    content_type: str = "application/pdf",
    by: User | None = None,
) -> StoredFile:
    content = f"%PDF-1.4 {uuid.uuid4()}".encode()
    one = StoredFile(
        request=request,
        name=name,
        content_type=content_type,
        size=len(content),
        sha256=uuid.uuid4().hex * 2,
        uploaded_by=by,
    )
    one.file.save(name, ContentFile(content), save=False)
    one.save(force_insert=True)
    return one


def full_content(codes: list[str]) -> dict[str, Any]:
    """Content with every field that the shipped procedures ask for."""
    party = {
        "name": "Laboratoire de test",
        "email": "test@example.org",
        "address": "1 rue de l’Essai",
        "experience": "Dix ans d’études.",
    }
    reason = {"undertaking": True, "reason": "L’étude n’y sert pas."}
    return {
        "parties": {
            "controller": {
                "name": "Organisme de test",
                "address": "1 rue de l’Essai",
                "missions": "Éprouver des portails.",
                "outside_eu": False,
            },
            "person_in_charge": party,
            "dpo": party,
        },
        "purpose": {
            "purposes": ["research"],
            "methodology": "mr_004",
            "summary": "Une étude de test.",
            "objectives": "Tester.",
            "public_interest": "Éprouver le guichet.",
        },
        "prohibited": {"decision": reason, "promotion": reason, "insurance": reason},
        "specification": {
            "rows": [{"dataset": code, "table": "T", "variables": ["A"]} for code in codes],
            "population": "Personnes de test.",
            "criteria": "Un événement au moins.",
            "inclusion_from": "2015-01-01",
            "inclusion_until": "2017-12-31",
            "history_years": 0,
            "follow_up_months": 12,
            "geography": "France entière",
            "expected_number": 12000,
            "matching_mode": "criteria",
            "delivery_mode": "daughter_system",
        },
        "legal": {
            "legal_basis": "public_interest",
            "health_condition": "research",
            "retention_months": 60,
            "rights": "Information collective.",
            "security": "Espace du portail.",
        },
        "duration": {"months": 24},
    }


@dataclass
class World:
    """One counter: its bodies and one person for each part."""

    suffix: str = ""
    cache: dict[str, User] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cnam = organisation("cnam", "holder")
        self.hdh = organisation("hdh", "authority")
        self.cesrees = organisation("cesrees", "committee")
        self.university = organisation("universite")
        self.holder_a = organisation("holder-a", "holder")
        self.holder_b = organisation("holder-b", "holder")
        self.main_base = dataset("base-principale", holder="cnam", kind="main_base")
        self.base_a = dataset("base-a", holder="holder-a")
        self.base_b = dataset("base-b", holder="holder-b")

    def _user(self, name: str, **more: Any) -> User:
        return User.objects.filter(username=name).first() or user(name, **more)

    @cached_property
    def investigator(self) -> User:
        return self._user("investigatrice", of=self.university)

    @cached_property
    def named(self) -> User:
        return self._user("habilite", of=self.university)

    @cached_property
    def representative(self) -> User:
        return self._user("representante", of=self.university, signs=True)

    @cached_property
    def secretariat(self) -> User:
        return self._user("secretariat", role=Role.SECRETARIAT)

    @cached_property
    def legal_officer(self) -> User:
        return self._user("juriste", role=Role.LEGAL_OFFICER)

    @cached_property
    def operator(self) -> User:
        return self._user("operateur", role=Role.OPERATOR)

    @cached_property
    def second_operator(self) -> User:
        return self._user("operatrice", role=Role.OPERATOR)

    @cached_property
    def dpo(self) -> User:
        return self._user("dpo", role=Role.DPO)

    @cached_property
    def auditor(self) -> User:
        return self._user("auditrice", role=Role.AUDITOR)

    @cached_property
    def administrator(self) -> User:
        return self._user("administrateur", role=Role.ADMINISTRATOR)

    def seat(self, role: Role, committee: Organisation) -> User:
        """Who presides over a committee, or sits in it: its own people, one of each."""
        if committee == self.cesrees:
            return self.president if role == Role.PRESIDENT else self.member
        name = "presidente" if role == Role.PRESIDENT else "membre"
        return self._user(f"{name}-{committee.code}", role=role, scope=committee)

    @cached_property
    def president(self) -> User:
        return self._user("presidente", role=Role.PRESIDENT, scope=self.cesrees)

    @cached_property
    def member(self) -> User:
        return self._user("membre", role=Role.COMMITTEE_MEMBER, scope=self.cesrees)

    @cached_property
    def tied_member(self) -> User:
        return self._user(
            "membre-lie", role=Role.COMMITTEE_MEMBER, scope=self.cesrees, of=self.university
        )

    @cached_property
    def holder_a_rep(self) -> User:
        return self._user("resp-a", role=Role.HOLDER_REPRESENTATIVE, scope=self.holder_a)

    @cached_property
    def holder_b_rep(self) -> User:
        return self._user("resp-b", role=Role.HOLDER_REPRESENTATIVE, scope=self.holder_b)

    @cached_property
    def officer(self) -> User:
        return self._user("officier", role=Role.MAIN_BASE_OFFICER, scope=self.cnam)

    def holder_rep(self, stage: Stage) -> User:
        return self.holder_a_rep if stage.holder_id == self.holder_a.pk else self.holder_b_rep

    def draft(
        self,
        *,
        procedure: str = "fr-cnil-standard",
        datasets: list[Dataset] | None = None,
    ) -> AccessRequest:
        """A complete draft: content, persons and required pieces."""
        spec = registry.current(procedure)[0]
        if datasets is None:
            datasets = [self.main_base] if "main_base" in spec.dataset_kinds else []
            if "catalogue" in spec.dataset_kinds:
                datasets += [self.base_a, self.base_b]
        for code in spec.committees:
            organisation(code, "committee")
        known = full_content([one.code for one in datasets])
        request = AccessRequest.objects.create(
            title=f"Étude {next(_counter)}",
            type=str(spec.type),
            procedure_code=spec.code,
            procedure_version=spec.version,
            organisation=self.university,
            created_by=self.investigator,
            content=odd_form.answers()
            if spec.form == odd_form.FORM
            else forms.of(spec).taken_over(known),
        )
        for one in datasets:
            RequestDataset.objects.create(request=request, dataset=one)
        for person, kind, access in (
            (self.investigator, RequestMember.Kind.INVESTIGATOR, True),
            (self.named, RequestMember.Kind.NAMED, True),
            (self.representative, RequestMember.Kind.REPRESENTATIVE, False),
        ):
            RequestMember.objects.create(
                request=request,
                user=person,
                kind=kind,
                has_data_access=access,
                added_by=self.investigator,
            )
        facts = dossier.facts(request)
        for piece in spec.pieces:
            if piece.needed(facts):
                Piece.objects.create(
                    request=request,
                    code=piece.code,
                    file=stored_file(request, by=self.investigator),
                )
        return request

    def story(self, **more: Any) -> "Story":
        return Story(self, self.draft(**more))


class Story:
    """One request, driven through the engine by the right people."""

    def __init__(self, world: World, request: AccessRequest) -> None:
        self.world, self.request = world, request

    @property
    def procedure(self) -> Procedure:
        return registry.get(self.request.procedure_code, self.request.procedure_version)

    def fresh(self) -> AccessRequest:
        self.request = AccessRequest.objects.get(pk=self.request.pk)
        return self.request

    def stage(self, code: str) -> Stage:
        """A stage by its code, or by its kind where a procedure names it otherwise: of several,
        the first that runs, else the first begun."""
        mine = Stage.objects.filter(request=self.request).order_by("position", "pk")
        if (named := mine.filter(code=code).first()) is not None:
            return named
        order = [StageState.RUNNING, StageState.PAUSED, StageState.DONE]
        found = sorted(
            mine.filter(kind=code),
            key=lambda one: order.index(one.state) if one.state in order else len(order),
        )
        return found[0]

    def do(self, target: str, name: str, *, by: User | None, **payload: Any) -> engine.Applied:
        """Apply a verb on a stage named by its code, or on the request (`""`)."""
        return engine.apply(self.stage(target) if target else self.request, name, by=by, **payload)

    def headings(self) -> dict[str, str]:
        return dict.fromkeys(self.opinion_spec.rubrics, "Texte.")

    @property
    def opinion_spec(self) -> StageSpec:
        """Of the opinion that is being given, else of the first."""
        if Stage.objects.filter(request=self.request, kind="opinion").exists():
            return self.procedure.stage(self.stage("opinion").code)
        return next(one for one in self.procedure.stages if one.kind == "opinion")

    def seated(self, target: str) -> tuple[User, User]:
        """President and member of the committee that a stage is before."""
        committee = self.stage(target).committee or self.world.cesrees
        return (
            self.world.seat(Role.PRESIDENT, committee),
            self.world.seat(Role.COMMITTEE_MEMBER, committee),
        )

    # --- one method a step, in the order of the procedure ---

    def ask_signature(self) -> RequestVersion:
        self.do("", "ask_signature", by=self.world.investigator)
        return RequestVersion.objects.get(request=self.request, status="awaiting")

    def sign(self) -> None:
        version = self.ask_signature()
        self.do("", "sign", by=self.world.representative, version=version, sha256=version.sha256)
        self.fresh()

    def deposit_paper(self, *, by: User | None = None, **more: Any) -> RequestVersion:
        """The awaited version, handed in as signed on paper by somebody named in words."""
        version = RequestVersion.objects.get(request=self.request, status="awaiting")
        by = by or self.world.investigator
        said = {"signatory_name": "Anne Martin", "signatory_capacity": "directrice générale"}
        self.do(
            "",
            "deposit_paper",
            by=by,
            version=version,
            sha256=version.sha256,
            file=stored_file(self.request, by=by),
            **(said | more),
        )
        self.fresh()
        return version

    def verify_paper(self, version: RequestVersion, **more: Any) -> engine.Applied:
        said = {"signatory_name": "Anne Martin", "signatory_capacity": "directrice générale"}
        given = {"version": version, "fingerprint": version.sha256[-8:]} | said | more
        done = self.do("", "verify_signature", by=self.world.secretariat, **given)
        self.fresh()
        return done

    def review(self, verdict: str = "accepted") -> None:
        Piece.objects.filter(request=self.request).update(review=verdict)

    def completeness(self, **payload: Any) -> None:
        self.review()
        self.do("completeness", "accept_completeness", by=self.world.secretariat, **payload)
        self.fresh()

    def holder(self) -> None:
        for stage in Stage.objects.filter(
            request=self.request, kind="holder", state=StageState.RUNNING
        ):
            engine.apply(stage, "file_remark", by=self.world.holder_rep(stage), text="Remarque.")

    def declare(self, *people: User, answer: str = "none") -> None:
        for person in people or self.seated("opinion"):
            self.do("opinion", "declare_interest", by=person, answer=answer)

    def convene(self, *, by: User | None = None, **more: Any) -> None:
        spec = self.procedure.stage(self.stage("audition").code)
        said = {"on": earliest_day(spec), "hour": "14:30", "place": "salle B", "message": ""}
        by = by or self.world.secretariat
        self.do("audition", "convene_audition", by=by, **(said | more))

    def audition(self, outcome: str = "heard") -> None:
        """Convened, held on its day, recorded: the calendar moves."""
        self.declare_at("audition")
        self.convene()
        legal_advance("17d")
        self.do(
            "audition",
            "record_audition",
            by=self.world.secretariat,
            outcome=outcome,
            text="Le demandeur a présenté son projet.",
            present=[self.seated("audition")[1]],
        )
        self.fresh()

    def declare_at(self, stage: str, *people: User) -> None:
        for person in people or self.seated(stage):
            self.do(stage, "declare_interest", by=person, answer="none")

    def opinion(self, sense: str = "favourable_with_recommendations", **more: Any) -> None:
        self.declare()
        self.do(
            "opinion",
            "issue_opinion",
            by=self.seated("opinion")[0],
            **self.opinion_payload(sense),
            **more,
        )

    def opinion_payload(self, sense: str = "favourable_with_recommendations") -> dict[str, Any]:
        return {
            "sense": sense,
            "headings": self.headings(),
            "points": ["Préciser la durée.", "Réduire les variables."],
            "present": [self.seated("opinion")[1]],
        }

    def answer(self, decision: str = "go") -> None:
        self.do(
            "answer",
            "answer_points",
            by=self.world.investigator,
            answers={point.key: f"Point {point.number}." for point in points_of(self.request)},
            decision=decision,
        )
        self.fresh()

    def referral(self) -> None:
        self.do("referral", "record_referral", by=self.world.secretariat)

    def receipt(self, **more: Any) -> None:
        self.do(
            "authorisation",
            "record_receipt",
            by=self.world.legal_officer,
            application_number="925057",
            **more,
        )

    def authorisation(self, **more: Any) -> None:
        if not self.stage("authorisation").acts.filter(code="record_receipt").exists():
            self.receipt()
        self.do(
            "authorisation",
            "record_authorisation",
            by=self.world.legal_officer,
            number="DR-2027-104",
            application_number="925057",
            **more,
        )

    def conformity(self) -> None:
        self.do("conformity", "record_conformity", by=self.world.investigator, reference="MR7-1")

    def register(self) -> None:
        more = self.addresses("register")
        self.do("register", "publish_register", by=self.world.secretariat, **more)
        self.fresh()

    def addresses(self, target: str) -> dict[str, Any]:
        """What an act says besides where its stage opens rights."""
        if not granting.may_open(self.procedure, self.procedure.stage(self.stage(target).code)):
            return {}
        people = granting.persons_of(self.request)
        return {"addresses": {str(person.pk): ["192.0.2.10/32"] for person in people}}

    def convention_payload(self) -> dict[str, Any]:

        today = legal_today()
        people = [self.world.investigator, self.world.named]
        return {
            "delivery_mode": "daughter_system",
            "starts_on": today,
            "ends_on": today + timedelta(days=365),
            "parties": convention_parties(self.request),
            "persons": people,
            "homologated_on": date(2026, 1, 5),
            "addresses": {str(person.pk): ["192.0.2.10/32"] for person in people},
        }

    def convention(self, **more: Any) -> None:
        self.do(
            "convention",
            "record_convention",
            by=self.world.legal_officer,
            **(self.convention_payload() | more),
        )
        self.fresh()

    def manifest(self) -> None:
        """As the extract source would leave it: of the approved specification, without files."""
        tables = approved_tables(creating.approved_scope(self.request))
        Extract.objects.filter(workspace__request=self.request).update(
            state=ExtractState.STAGED,
            manifest={"files": [], "scope_sha256": scope_fingerprint(tables)},
            asked_at=None,
        )

    def extract(self) -> None:
        """Stage a manifest, then have it confirmed."""
        self.manifest()
        self.confirm_extract(by=self.world.second_operator)

    def confirm_extract(self, *, by: User) -> None:
        """As the page that shows what is prepared now."""
        seen = confirming.manifest_sha256(Workspace.objects.get(request=self.request))
        self.do("extract", "confirm_extract", by=by, manifest=seen)

    def opening(self) -> None:
        """The reconciler's part, written as it would: a proven right."""
        self.move_grants(GrantState.OPEN)
        self.do("opening", "finish_opening", by=None)

    def use(self) -> None:
        self.move_grants(GrantState.CLOSED)
        self.do("use", "finish_use", by=None)

    def closure(self) -> None:
        self.do("closure", "close", by=self.world.secretariat)
        self.fresh()

    def move_grants(self, state: str) -> None:
        now = timezone.now()
        dates = {"opened_at": now} if state == GrantState.OPEN else {"closed_at": now}
        Grant.objects.filter(permit__request=self.request).update(state=state, **dates)

    def reach(self, code: str) -> "Story":
        """Bring the request to where the stage `code` runs (`"end"`: all done)."""
        self.sign()
        for stage in self.procedure.stages:
            if stage.code == code:
                return self
            getattr(self, stage.kind)()
        return self
