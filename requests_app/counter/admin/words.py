"""Codes of procedures and machines in the words that people read elsewhere."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Role
from requests_app.models import (
    AccessRequest,
    GrantState,
    RequestState,
    Stage,
    StageState,
    Task,
    TransitionLog,
)
from requests_app.procedures import registry
from requests_app.procedures.content import DELIVERY_MODES
from requests_app.procedures.schema import Procedure
from requests_app.workflow.catalogue import VERBS
from requests_app.workflow.labels import logged


def of_procedure(request: AccessRequest, find: Callable[[Procedure], str], code: str) -> str:
    """A label of the request's procedure; the code when the procedure, or the thing, is gone."""
    try:
        return find(request.procedure)
    except LookupError:  # UnknownProcedure is one
        return code or "–"


def role(code: str) -> str:
    """Who acts: a role of the site, or the applicant."""
    return str(dict(Role.choices).get(code) or (_("demandeur") if code == "applicant" else code))


def stage(row: Stage) -> str:
    return of_procedure(row.request, lambda found: str(found.stage(row.code).label), row.code)


def outcome(row: Stage) -> str:
    return of_procedure(
        row.request,
        lambda found: str(found.stage(row.code).outcome(row.outcome).label),
        row.outcome,
    )


def task(row: Task) -> str:
    return of_procedure(row.request, lambda found: str(found.task(row.code).label), row.code)


def task_outcome(row: Task) -> str:
    return of_procedure(
        row.request, lambda found: str(found.task(row.code).outcome(row.outcome).label), row.outcome
    )


# What the machines do by themselves: entailed by a verb, or by what the provider was seen to hold.
STEPS = {
    "start": _("Étape ouverte"),
    "skip": _("Étape sans objet"),
    "resume": _("Délai repris"),
    "conclude": _("Étape conclue"),
    "await_completion": _("Compléments attendus"),
    "process": _("Instruction commencée"),
    "put_in_force": _("Accès autorisé"),
    "refuse": _("Demande refusée"),
    "give_up": _("Demande abandonnée"),
    "start_opening": _("Ouverture commencée"),
    "confirm_open": _("Ouverture constatée"),
    "wait_again": _("Remis en attente"),
    "start_closing": _("Fermeture commencée"),
    "confirm_suspended": _("Suspension constatée"),
    "confirm_closed": _("Fermeture constatée"),
    "close_unopened": _("Fermé sans avoir été ouvert"),
    "fail": _("Échec"),
    "retry_opening": _("Ouverture reprise"),
    "retry_closing": _("Fermeture reprise"),
}


def move(code: str) -> str:
    """A verb as the log says it, or a step of the machines."""
    return str(logged(code) if code in VERBS else STEPS.get(code, code))


def state(row: TransitionLog, code: str) -> str:
    """A state of what moved: a grant, a stage or the request."""
    states = GrantState if row.grant_id else StageState if row.stage_id else RequestState
    return str(dict(states.choices).get(code, code))


def delivery(code: str) -> str:
    return str(DELIVERY_MODES.get(code, code) or "–")


class WordFilter(admin.SimpleListFilter):
    """Values of a column by their words; the choices come from files, not from the rows."""

    field = ""

    def words(self) -> dict[str, Any]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return sorted(self.words().items(), key=lambda pair: str(pair[1]))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class ProcedureFilter(WordFilter):
    title, parameter_name, field = _("procédure"), "procedure", "procedure_code"

    def words(self) -> dict[str, Any]:
        return {one.code: str(one.short_title) for one in registry.followed()}


class StageFilter(WordFilter):
    title, parameter_name, field = _("étape"), "etape", "code"

    def words(self) -> dict[str, Any]:
        return {one.code: str(one.label) for p in registry.followed() for one in p.stages}


class OutcomeFilter(WordFilter):
    title, parameter_name, field = _("issue"), "issue", "outcome"

    def words(self) -> dict[str, Any]:
        stages = [one for p in registry.followed() for one in p.stages]
        return {one.code: str(one.label) for found in stages for one in found.outcomes}


class RoleFilter(WordFilter):
    title, parameter_name, field = _("acteur"), "acteur", "role"

    def words(self) -> dict[str, Any]:
        stages = [one for p in registry.followed() for one in p.stages]
        return {one.role: role(one.role) for one in stages}


class TaskFilter(WordFilter):
    title, parameter_name, field = _("tâche"), "tache", "code"

    def words(self) -> dict[str, Any]:
        return {one.code: str(one.label) for p in registry.followed() for one in p.tasks}


class MoveFilter(WordFilter):
    title, parameter_name, field = _("mouvement"), "mouvement", "name"

    def words(self) -> dict[str, Any]:
        return {code: move(code) for code in (*VERBS, *STEPS)}
