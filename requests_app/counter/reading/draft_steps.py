"""The steps of a draft, their addresses and their state."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from requests_app.dossier import Missing
from requests_app.models import AccessRequest
from requests_app.procedures.content import Label
from requests_app.procedures.form import Form


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the draft. `section`: what it fills in (a section of the content, or rows)."""

    section: str
    slug: str
    label: Label


# Pages of the portal's own: the team, where the form puts it, and those that come last.
TEAM = Step("persons", "personnes", gettext_lazy("Équipe et personnes habilitées"))
LAST = (
    Step("pieces", "pieces", gettext_lazy("Pièces")),
    Step("summary", "recapitulatif", gettext_lazy("Récapitulatif et signature")),
)


def steps_of(form: Form) -> tuple[Step, ...]:
    """Every step of a file, in order: the form's sections, the team, the pieces, the summary."""
    steps = [
        replace(TEAM, label=str(one.label))
        if one.kind == "team"
        else Step(one.code, one.slug, str(one.heading))
        for one in form.sections
    ]
    placed = TEAM.section in {step.section for step in steps}
    return (*steps, *(() if placed else (TEAM,)), *LAST)


def by_section(form: Form) -> dict[str, Step]:
    return {step.section: step for step in steps_of(form)}


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
    """Raises KeyError for a section that its form does not have."""
    step = by_section(request.form)[section]
    return reverse("requests_app:draft_step", args=[request.pk, step.slug])


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
            reverse("requests_app:draft_step", args=[request.pk, step.slug]),
            counts.get(step.section, 0),
            step.section == current,
        )
        for step in steps_of(request.form)
    ]


def links(request: AccessRequest, missing: Iterable[Missing]) -> list[MissingLink]:
    """Everything missing, each with its link, in the order of the steps."""
    steps = by_section(request.form)
    order = {section: rank for rank, section in enumerate(steps)}
    return [
        MissingLink(
            one.label,
            f"{url_of(request, one.section)}#{field_id(one)}",
            str(steps[one.section].label),
        )
        for one in sorted(missing, key=lambda one: order[one.section])
    ]


def field_id(one: Missing) -> str:
    """Identifier in the page: `parties.controller.name` → `id_controller__name`."""
    head, dot, path = one.anchor.partition(".")
    if dot and head == one.section:
        return "id_" + path.replace(".", "__")
    return one.anchor


def rank(form: Form, section: str) -> int:
    """Rank of a step, from 1."""
    return [*by_section(form)].index(section) + 1


def next_step(form: Form, section: str) -> Step | None:
    """The step after a section; None after the last."""
    steps = steps_of(form)
    after = rank(form, section)
    return steps[after] if after < len(steps) else None
