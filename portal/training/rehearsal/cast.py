"""Made-up bodies, people and bases, as a procedure needs them; a complete file of one of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from catalog.models import DataHolder, Dataset, Table, Variable
from portal.accounts.models import Membership, Organisation, Role, RoleAssignment, User
from requests_app import dossier
from requests_app.deadlines.access_period import most_months
from requests_app.dossier.reading import sync_datasets
from requests_app.models import AccessRequest, Piece, RequestMember, Stage, StoredFile
from requests_app.procedures import forms, registry
from requests_app.procedures.cases import CASES, CaseType
from requests_app.procedures.content import Row
from requests_app.procedures.moves import Actor
from requests_app.procedures.schema import Procedure


# A prefix of all that is made up: in a body's own words nothing is called so.
OURS = "essai"
_FILE = b"%PDF-1.4 essai"
# Who holds an actor's quality on the whole site: the role of the same name.
_SITE = {Actor.SECRETARIAT, Actor.LEGAL_OFFICER, Actor.OPERATOR}


class NoFile(Exception):
    """The procedure cannot be begun; says why, in French."""


class Cast:
    """Everyone that one procedure needs. Made once, for as many files as are played."""

    def __init__(self, procedure: Procedure) -> None:
        self.procedure = procedure
        self.form = forms.of(procedure)
        terms = procedure.convention
        named = [*(terms.main_base if terms else ()), *(terms.catalogue if terms else ())]
        self.university = _organisation(f"{OURS}-universite", Organisation.Kind.APPLICANT)
        for code in (one for one in named if one != "holder"):
            _organisation(code, Organisation.Kind.HOLDER)
        self.committees = [
            _organisation(code, Organisation.Kind.COMMITTEE)
            for code in sorted(procedure.committees)
        ]
        self.datasets = [*self._datasets()]
        self.people = self._everyone()

    # --- bodies and bases ---

    def _datasets(self) -> Sequence[Dataset]:
        """One of each kind that the procedure gives; two of the catalogue, of two holders."""
        terms, made = self.procedure.convention, []
        for kind in self.procedure.dataset_kinds:
            if kind == "main_base":
                known = [one for one in (terms.main_base if terms else ()) if one != "holder"]
                made.append(_dataset(kind, known[0] if known else f"{OURS}-base-principale"))
            else:
                made += [_dataset(kind, f"{OURS}-{name}") for name in ("registre", "cohorte")]
        return made

    # --- people ---

    def _everyone(self) -> dict[str, User]:
        """By a name that says what they are."""
        found = {
            "investigator": _person("investigator", of=self.university),
            "named": _person("named", of=self.university),
            "representative": _person("representative", of=self.university, signs=True),
            "operator_2": _person("operator_2", role=Role.OPERATOR),
        }
        for role in (Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR):
            found[str(role)] = _person(str(role), role=role)
        for body in self.committees:
            for role in (Role.PRESIDENT, Role.COMMITTEE_MEMBER):
                found[f"{role} {body.code}"] = _person(f"{role}-{body.code}", role=role, scope=body)
        for dataset in self.datasets:
            body = dataset.holder.organisation
            role = Role.HOLDER_REPRESENTATIVE
            if dataset.kind == "main_base":
                role = Role.MAIN_BASE_OFFICER
            found[f"{role} {body.code}"] = _person(f"{role}-{body.code}", role=role, scope=body)
        return found

    def name_of(self, user: User | None) -> str:
        """`president cesrees`; empty for somebody who is not of the cast."""
        return next((name for name, one in self.people.items() if one == user), "")

    def who(self, actor: Actor, stage: Stage | None = None, role: str = "") -> list[User]:
        """Those who have a quality, on a stage where it is of one."""
        if actor == Actor.TEAM:
            return [self.people["investigator"]]
        if actor == Actor.SIGNATORY:
            return [self.people["representative"]]
        scope = None
        if stage is not None:
            scope = stage.holder_id or stage.committee_id
        wanted: Mapping[Actor, tuple[Role, ...]] = {
            Actor.HOLDER: (Role.HOLDER_REPRESENTATIVE,),
            Actor.PRESIDENT: (Role.PRESIDENT,),
            Actor.MEMBER: (Role.PRESIDENT, Role.COMMITTEE_MEMBER),
            Actor.MAIN_BASE_OFFICER: (Role.MAIN_BASE_OFFICER,),
        }
        if actor in wanted:
            return self._holding(wanted[actor], None if actor == Actor.MAIN_BASE_OFFICER else scope)
        if actor == Actor.TASK_ROLE and role == "applicant":
            return [self.people["investigator"]]
        name = role if actor == Actor.TASK_ROLE else str(actor)
        return self._holding((Role(name),), None) if name in Role.values else []

    def _holding(self, roles: Sequence[Role], scope: object) -> list[User]:
        held = RoleAssignment.objects.filter(role__in=roles, user__in=self.people.values())
        if scope is not None:
            held = held.filter(scope=scope)
        users = [one.user for one in held.select_related("user").order_by("pk")]
        return list(dict.fromkeys(users))

    # --- a file ---

    def draft(self) -> AccessRequest:
        """Every question answered, every piece given. Raises NoFile."""
        by = self.people["investigator"]
        rows = [Row(dataset=one.code) for one in self.datasets]
        request = dossier.create(
            title="Étude inventée pour l’essai",
            organisation=self.university,
            procedure=self.procedure,
            orientation={},
            rows=rows,
            parent=self._parent(),
            by=by,
        )
        for name, kind, access in (
            ("named", RequestMember.Kind.NAMED, True),
            ("representative", RequestMember.Kind.REPRESENTATIVE, False),
        ):
            RequestMember.objects.create(
                request=request,
                user=self.people[name],
                kind=kind,
                has_data_access=access,
                added_by=by,
            )
        RequestMember.objects.filter(request=request, user=by).update(has_data_access=True)
        request.content = self._answers(request)
        request.save(update_fields=["content", "updated_at"])
        sync_datasets(request)
        facts = dossier.facts(request)
        for piece in self.procedure.pieces:
            if piece.needed(facts):
                file = _stored(request, by, piece.content_types[0])
                Piece.objects.create(request=request, code=piece.code, file=file)
        return request

    def paper(self, request: AccessRequest) -> StoredFile:
        """A version signed by hand."""
        return _stored(request, self.people["investigator"], "application/pdf")

    def _parent(self) -> AccessRequest | None:
        if not CASES[self.procedure.type].has_parent:
            return None
        known = registry.current(types={CaseType.ACCESS})
        if not known:
            raise NoFile(
                "Cette procédure suit un autre dossier, et le portail n’a aucune procédure d’accès."
            )
        return dossier.create(
            title="Étude suivie",
            organisation=self.university,
            procedure=known[0],
            orientation={},
            by=self.people["investigator"],
        )

    def _answers(self, request: AccessRequest) -> dict[str, Any]:
        """Twice: an answer may not be below one that is written after it."""
        content: dict[str, Any] = {}
        for _again in range(2):
            facts = dossier.facts(request) | content
            for section, question in self.form.pairs():
                value = question.sample(facts)
                if self.form.path_of("access_months") == f"{section.code}.{question.code}":
                    value = min(max(value, 12), most_months(self.procedure), question.high)  # type: ignore[attr-defined]
                content.setdefault(section.code, {})[question.code] = value
                facts[section.code] = content[section.code]
        return self.form.whole(content)


def _organisation(code: str, kind: str) -> Organisation:
    known = {"name": f"Organisme d’essai {code}", "kind": kind}
    return Organisation.objects.get_or_create(code=code, defaults=known)[0]


def _dataset(kind: str, holder: str) -> Dataset:
    body = _organisation(holder, Organisation.Kind.HOLDER)
    code = f"{OURS}-base-{holder}"
    if (known := Dataset.objects.filter(code=code).first()) is not None:
        return known
    owner = DataHolder.objects.filter(organisation=body).first()
    owner = owner or DataHolder.objects.create(organisation=body)
    made = Dataset.objects.create(
        code=code,
        kind=kind,
        title_fr=f"Base d’essai de {holder}",
        holder=owner,
        published_at=timezone.now(),
    )
    table = Table.objects.create(dataset=made, name="TABLE", label_fr="Table d’essai")
    Variable.objects.create(table=table, name="VARIABLE", position=0, label_fr="Variable d’essai")
    return made


def _person(
    name: str,
    *,
    role: Role | None = None,
    scope: Organisation | None = None,
    of: Organisation | None = None,
    signs: bool = False,
) -> User:
    username = f"{OURS}-{name}".replace("_", "-")
    known = User.objects.filter(username=username).first()
    if known is not None:
        return known
    now = timezone.now()
    made: User = User.objects.create_user(
        username,
        f"{username}@example.org",
        first_name="Essai",
        last_name=name.replace("_", " ").capitalize(),
        email_confirmed_at=now,
    )
    if role is not None:
        RoleAssignment.objects.create(user=made, role=role, scope=scope)
    if of is not None:
        Membership.objects.create(
            user=made, organisation=of, confirmed_at=now, can_sign_since=now if signs else None
        )
    return made


def _stored(request: AccessRequest, by: User, content_type: str) -> StoredFile:
    one = StoredFile(
        request=request,
        name="essai.pdf",
        content_type=content_type,
        size=len(_FILE),
        sha256=(str(request.pk).replace("-", "") * 2)[:64],
        uploaded_by=by,
    )
    one.file.save("essai.pdf", ContentFile(_FILE), save=False)
    one.save(force_insert=True)
    return one
