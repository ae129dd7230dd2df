"""What a procedure will ask of whom, and for how long, before any request exists."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.accounts.models import Role
from requests_app.procedures.parts import Stage
from requests_app.procedures.schema import Procedure
from requests_app.procedures.words import period_in_words


@dataclass(frozen=True, slots=True)
class CourseStep:
    """A stage to come: its label, who acts, and its time limit in words (empty: none)."""

    label: str
    who: str
    limit: str


def steps(procedure: Procedure) -> list[CourseStep]:
    """Every stage of a procedure, in its order."""
    return [CourseStep(str(stage.label), _who(stage), _limit(stage)) for stage in procedure.stages]


def _who(stage: Stage) -> str:
    return _("vous") if stage.role == "applicant" else str(Role(stage.role).label)


def _limit(stage: Stage) -> str:
    clock = stage.clock
    if clock is None or clock.period is None:
        usual = period_in_words(stage.indicative) if stage.indicative else ""
        return _("en général %(period)s") % {"period": usual} if usual else ""
    words = period_in_words(clock.period)
    if stage.role == "applicant":
        return _("relance après %(period)s") % {"period": words}
    if clock.extension is None:
        return words
    more = period_in_words(clock.extension.by)
    return _("%(period)s, prolongeable une fois de %(more)s") % {"period": words, "more": more}
