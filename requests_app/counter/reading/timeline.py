"""The course of a request, in words: what was done, what is under way, what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from requests_app.models import FINAL_STATES, AccessRequest, RequestState, Stage, StageState
from requests_app.procedures.schema import Procedure
from requests_app.workflow.abilities import actor_of


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline; `state` is done, current or coming."""

    title: str
    state: str
    when: datetime | None = None
    by: str = ""
    text: str = ""


def events(
    request: AccessRequest, stages: Sequence[Stage], procedure: Procedure, *, whole: bool = True
) -> list[Event]:
    """The timeline, in the procedure's order; stages without object are left out.

    `whole=False`: only the deposit and the stages given, for whoever sees no more than their own.
    """
    lines = [Event(_("Brouillon créé"), "done", request.created_at)] if whole else []
    lines += _deposit(request)
    by_code: dict[str, list[Stage]] = {}
    for stage in stages:
        by_code.setdefault(stage.code, []).append(stage)
    over = request.state in FINAL_STATES
    for spec in procedure.stages:
        mine = by_code.get(spec.code, [])
        for stage in mine:
            label = f"{spec.label} – {stage.holder}" if stage.holder else str(spec.label)
            if stage.state == StageState.DONE:
                outcome = _capital(str(spec.outcome(stage.outcome).label))
                lines.append(Event(label, "done", stage.ended_at, actor_of(stage), outcome))
            elif stage.state in {StageState.RUNNING, StageState.PAUSED} and not over:
                text = (
                    _("En attente du demandeur")
                    if stage.state == StageState.PAUSED
                    else str(spec.expected)
                )
                lines.append(Event(label, "current", stage.started_at, actor_of(stage), text))
            elif stage.state == StageState.PENDING and not over:
                lines.append(Event(label, "coming"))
        if whole and not mine and not over:
            lines.append(Event(str(spec.label), "coming"))
    if over:
        lines.append(Event(_capital(str(request.get_state_display())), "done", request.ended_at))
    return lines


def _deposit(request: AccessRequest) -> list[Event]:
    """Writing and signing, up to the deposit."""
    if request.submitted_at:
        return [Event(_("Demande signée et déposée"), "done", request.submitted_at)]
    signature = _("Signature du représentant légal")
    match request.state:
        case RequestState.DRAFT:
            written = Event(_("Rédaction du dossier"), "current", by=_("le demandeur"))
            return [written, Event(signature, "coming")]
        case RequestState.AWAITING_SIGNATURE:
            text = _("Signer la demande, ou déposer la version signée")
            return [Event(signature, "current", by=_("le représentant légal"), text=text)]
        case RequestState.SIGNATURE_CHECK:
            text = _("Signature à vérifier ; la date du dépôt sera celle de la remise du document")
            return [Event(signature, "current", by=_("le secrétariat"), text=text)]
    return []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
