"""The content of a file, by section: what the form fills in, what a signature freezes.

Everything may be empty in a draft; what a procedure requires is said by its own file
(`required_fields`). These models keep shapes, sizes and codes right, whoever writes.
"""

from datetime import date
from typing import Annotated, Any

from django.conf import settings
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


Label = str | Promise

# A10: the six purposes of CSP L.1461-3 III, in our words (K: wording to be confirmed by counsel).
PURPOSES: dict[str, Label] = {
    "information": _(
        "information sur la santé, l’offre de soins, la prise en charge médico-sociale et leur"
        " qualité"
    ),
    "policy": _(
        "définition, mise en œuvre et évaluation des politiques de santé et de protection sociale"
    ),
    "spending": _("connaissance des dépenses de santé, d’assurance maladie et médico-sociales"),
    "activity": _(
        "information des professionnels, des structures et des établissements sur leur propre"
        " activité"
    ),
    "vigilance": _("surveillance, veille et sécurité sanitaires"),
    "research": _(
        "recherches, études, évaluation et innovation en santé et prise en charge médico-sociale"
    ),
}
# A10: nobody has listed prohibited purposes exhaustively, hence one free-text reason each.
PROHIBITED: dict[str, Label] = {
    "decision": _("prendre une décision à l’encontre d’une personne identifiée"),
    "promotion": _(
        "promouvoir des produits de santé auprès de professionnels ou d’établissements de santé"
    ),
    "insurance": _(
        "exclure des garanties d’un contrat d’assurance, ou modifier cotisations et primes, pour"
        " une personne ou un groupe de personnes présentant un même risque"
    ),
}
LEGAL_BASES: dict[str, Label] = {
    "public_interest": _("mission d’intérêt public (article 6.1.e)"),
    "legitimate_interest": _("intérêt légitime (article 6.1.f)"),
    "legal_obligation": _("obligation légale (article 6.1.c)"),
    "consent": _("consentement (article 6.1.a)"),
}
HEALTH_CONDITIONS: dict[str, Label] = {
    "research": _("recherche scientifique ou statistique (article 9.2.j)"),
    "public_health": _("intérêt public dans le domaine de la santé publique (article 9.2.i)"),
    "substantial_interest": _("motif d’intérêt public important (article 9.2.g)"),
}
# A29: how persons are found in the base.
MATCHING_MODES: dict[str, Label] = {
    "criteria": _("population choisie sur critères, pseudonymisée (sans appariement)"),
    "direct": _("appariement direct, par le numéro de sécurité sociale"),
    "indirect": _("appariement indirect, par des variables communes"),
}
PROJECT_SPACE = "project_space"


def is_available(mode: str) -> bool:
    """Whether the portal can deliver in this way today; a file may hold one it cannot yet."""
    return mode != PROJECT_SPACE or bool(settings.PROJECT_SPACES)


def _project_space() -> str:
    words = gettext("espace projet : vous travaillez dans un espace du portail")
    return words if is_available(PROJECT_SPACE) else f"{words} ({gettext('pas encore disponible')})"


DELIVERY_MODES: dict[str, Label] = {
    "daughter_system": _("système fils : les données sont livrées à votre propre système"),
    PROJECT_SPACE: lazy(_project_space, str)(),
}
PARTIES: dict[str, Label] = {
    "controller": _("Responsable de traitement (RT)"),
    "person_in_charge": _("Responsable de mise en œuvre (RMO)"),
    "lab": _("Laboratoire de recherche ou bureau d’études"),
    "sponsor": _("Commanditaire ou financeur"),
    "requesting_person": _("Personne publique à l’origine de la demande"),
    "eu_representative": _("Représentant dans l’Union européenne"),
    "dpo": _("Délégué à la protection des données (DPO)"),
}
SECTIONS = (
    "parties",
    "purpose",
    "prohibited",
    "specification",
    "identifiers",
    "legal",
    "duration",
)


def _known(codes: dict[str, Label]) -> Any:
    def check(value: str) -> str:
        if value and value not in codes:
            raise ValueError(f"unknown code {value!r} (expected one of {', '.join(codes)})")
        return value

    return AfterValidator(check)


Line = Annotated[str, Field(max_length=300)]
Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Year = Annotated[int, Field(ge=1900, le=2200)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Party(Section):
    """A body or person of the applicant's side (A7, A19)."""

    name: Line = ""
    address: Annotated[str, Field(max_length=1000)] = ""
    contact: Line = ""  # the person to write to, and their function
    email: Line = ""
    experience: Text = ""  # titles, experience, functions (A19)


class Controller(Party):
    missions: Text = ""  # or corporate purpose (A19)
    outside_eu: bool = False  # then a representative in the Union is named (A7)
    health_industry: bool = False  # health-product company or insurer: A9 asks for more


class Parties(Section):
    controller: Controller = Controller()
    person_in_charge: Party = Party()
    lab: Party = Party()
    sponsor: Party = Party()
    requesting_person: Party = Party()
    eu_representative: Party = Party()
    dpo: Party = Party()


class Purpose(Section):
    purposes: list[Annotated[str, _known(PURPOSES)]] = []
    summary: Text = ""
    objectives: Text = ""
    public_interest: Text = ""


class Undertaking(Section):
    undertaking: bool = False
    reason: Text = ""


class Prohibited(Section):
    decision: Undertaking = Undertaking()
    promotion: Undertaking = Undertaking()
    insurance: Undertaking = Undertaking()


class Row(Section):
    """One dataset, or one of its tables: no variable named means all, no year means every year."""

    dataset: Name
    table: Annotated[str, Field(max_length=100)] = ""
    variables: Annotated[list[Name], Field(max_length=5000)] = []
    year_from: Year | None = None
    year_until: Year | None = None

    @model_validator(mode="after")
    def years_are_in_order(self) -> "Row":
        if self.year_from and self.year_until and self.year_until < self.year_from:
            raise ValueError("the last year comes before the first")
        return self

    @property
    def key(self) -> tuple[str, str]:
        return self.dataset, self.table


class CodeList(Section):
    nomenclature: Line = ""
    codes: Text = ""
    purpose: Line = ""


class Specification(Section):
    """The expression of needs (A21, A24, A29)."""

    rows: Annotated[list[Row], Field(max_length=500)] = []
    population: Text = ""
    criteria: Text = ""
    code_lists: Annotated[list[CodeList], Field(max_length=50)] = []
    inclusion_from: date | None = None
    inclusion_until: date | None = None
    history_years: Annotated[int, Field(ge=0, le=50)] | None = None
    follow_up_months: Annotated[int, Field(ge=0, le=600)] | None = None
    geography: Line = ""
    expected_number: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    matching_mode: Annotated[str, _known(MATCHING_MODES)] = ""
    own_data: Text = ""
    delivery_mode: Annotated[str, _known(DELIVERY_MODES)] = ""

    @model_validator(mode="after")
    def rows_are_distinct(self) -> "Specification":
        keys = [row.key for row in self.rows]
        if len(keys) != len(set(keys)):
            raise ValueError("a table is named twice in the specification")
        return self


class Justification(Section):
    justification: Text = ""


class Identifiers(Section):
    """One justification per potential identifier asked for (A22)."""

    birth_month: Justification = Justification()
    residence_commune: Justification = Justification()
    care_date: Justification = Justification()
    death_date: Justification = Justification()
    death_commune: Justification = Justification()


class Legal(Section):
    legal_basis: Annotated[str, _known(LEGAL_BASES)] = ""
    health_condition: Annotated[str, _known(HEALTH_CONDITIONS)] = ""
    retention_months: Annotated[int, Field(ge=1, le=600)] | None = None
    rights: Text = ""  # how persons are informed and use their rights
    security: Text = ""


class Duration(Section):
    months: Annotated[int, Field(ge=1, le=240)] | None = None
    wished_start: date | None = None


class Content(Section):
    parties: Parties = Parties()
    purpose: Purpose = Purpose()
    prohibited: Prohibited = Prohibited()
    specification: Specification = Specification()
    identifiers: Identifiers = Identifiers()
    legal: Legal = Legal()
    duration: Duration = Duration()


def read(content: dict[str, Any]) -> Content:
    """The stored content, whatever is missing being empty. Raises pydantic.ValidationError."""
    return Content.model_validate({name: content.get(name, {}) for name in SECTIONS})


def cleaned(section: str, data: dict[str, Any]) -> dict[str, Any]:
    """One section ready for storage (plain JSON values, every field present).

    Raises KeyError for a section that does not exist, pydantic.ValidationError on bad values.
    """
    model: type[BaseModel] = Content.model_fields[section].annotation  # type: ignore[assignment]
    return model.model_validate(data).model_dump(mode="json")
