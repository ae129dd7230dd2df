"""The steps of a draft, their addresses and their state."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from requests_app.dossier import Missing
from requests_app.models import AccessRequest
from requests_app.procedures.content import Label


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the draft. `section`: what it fills in (a section of the content, or rows)."""

    section: str
    slug: str
    label: Label


STEPS = (
    Step("parties", "parties", gettext_lazy("Parties")),
    Step("purpose", "finalite", gettext_lazy("Finalité et intérêt public")),
    Step("prohibited", "finalites-interdites", gettext_lazy("Finalités interdites")),
    Step("specification", "donnees", gettext_lazy("Expression de besoins")),
    Step("identifiers", "identifiants", gettext_lazy("Identifiants potentiels")),
    Step("legal", "cadre-juridique", gettext_lazy("Cadre juridique")),
    Step("persons", "personnes", gettext_lazy("Équipe et personnes habilitées")),
    Step("duration", "duree", gettext_lazy("Durée")),
    Step("pieces", "pieces", gettext_lazy("Pièces")),
    Step("summary", "recapitulatif", gettext_lazy("Récapitulatif et signature")),
)
BY_SLUG = {step.slug: step for step in STEPS}
BY_SECTION = {step.section: step for step in STEPS}


@dataclass(frozen=True, slots=True)
class StepState:
    """A step in the list: what it lacks, in words."""

    step: Step
    url: str
    missing: int
    current: bool

    @property
    def words(self) -> str:
        if self.step.section == "summary":
            return ""
        if not self.missing:
            return _("complète")
        text = ngettext("%(n)s point à compléter", "%(n)s points à compléter", self.missing)
        return text % {"n": self.missing}


@dataclass(frozen=True, slots=True)
class MissingLink:
    """Something missing, with the address of the field that mends it."""

    label: str
    url: str
    step: str


def url_of(request: AccessRequest, section: str) -> str:
    return reverse("requests_app:draft_step", args=[request.pk, BY_SECTION[section].slug])


def states(
    request: AccessRequest, missing: Iterable[Missing], *, current: str = ""
) -> list[StepState]:
    """Every step with how much it lacks."""
    counts: dict[str, int] = {}
    for one in missing:
        counts[one.section] = counts.get(one.section, 0) + 1
    return [
        StepState(
            step,
            url_of(request, step.section),
            counts.get(step.section, 0),
            step.section == current,
        )
        for step in STEPS
    ]


def links(request: AccessRequest, missing: Iterable[Missing]) -> list[MissingLink]:
    """Everything missing, each with its link, in the order of the steps."""
    order = {step.section: rank for rank, step in enumerate(STEPS)}
    return [
        MissingLink(
            one.label,
            f"{url_of(request, one.section)}#{field_id(one)}",
            str(BY_SECTION[one.section].label),
        )
        for one in sorted(missing, key=lambda one: order[one.section])
    ]


def field_id(one: Missing) -> str:
    """Identifier in the page: `parties.controller.name` → `id_controller__name`."""
    head, dot, path = one.anchor.partition(".")
    if dot and head == one.section:
        return "id_" + path.replace(".", "__")
    return one.anchor


def rank(section: str) -> int:
    """Rank of a step, from 1."""
    return STEPS.index(BY_SECTION[section]) + 1


def next_step(section: str) -> Step | None:
    """The step after a section; None after the last."""
    rank = STEPS.index(BY_SECTION[section])
    return STEPS[rank + 1] if rank + 1 < len(STEPS) else None
