"""Acts in words: their label, their numbers, dates and references."""

from datetime import date
from typing import Any

from django.utils import formats
from django.utils.translation import gettext_lazy

from requests_app.models import Act, Stage
from requests_app.procedures import kinds
from requests_app.procedures.content import SHORT_DELIVERY
from requests_app.procedures.kind import Trait
from requests_app.procedures.schema import Procedure
from requests_app.workflow.definition import CHOSEN, OVER, stage_moves


_ACT_WORDS = {
    "number": gettext_lazy("numéro"),
    "application_number": gettext_lazy("numéro de demande"),
    "reference": gettext_lazy("référence"),
    "route": gettext_lazy("procédure indiquée"),
    "sense": gettext_lazy("sens"),
    "delivery_mode": gettext_lazy("mise à disposition"),
    "starts_on": gettext_lazy("début"),
    "ends_on": gettext_lazy("fin"),
    "asked_until": gettext_lazy("fin demandée"),
    "longer_because": gettext_lazy("motif d’une fin plus tardive"),
    "signatory": gettext_lazy("signataire"),
    "officer": gettext_lazy("comparée par"),
    "fingerprint": gettext_lazy("empreinte"),
}


def _in_words(value: Any) -> str:
    """A value of an act as people read it: dates in full, codes in words."""
    text = str(value)
    if text in SHORT_DELIVERY:
        return str(SHORT_DELIVERY[text])
    try:
        return formats.date_format(date.fromisoformat(text), "j F Y")
    except ValueError:
        return text


def act_details(act: Act, procedure: Procedure) -> list[str]:
    """Numbers, dates and references of an act, in words."""
    said = {key: _in_words(value) for key, value in act.data.items() if value and key in _ACT_WORDS}
    if sense := _sense_of(act, procedure):
        said["sense"] = sense
    return [f"{label} : {said[key]}" for key, label in _ACT_WORDS.items() if key in said]


def _sense_of(act: Act, procedure: Procedure) -> str:
    """Of an opinion: what its stage ended with; of one that came too late, what it says."""
    stage = act.stage
    if stage is None or not kinds.has(stage.kind, Trait.GIVES_OPINION):
        return ""
    spec = procedure.stage(stage.code)
    move = stage_moves(spec).get(act.code)
    ended = move is not None and move.outcome == CHOSEN
    code = stage.outcome if ended else act.data.get("sense", "")
    return str(spec.outcome(code).short) if code else ""


def silence_of(stage: Stage, procedure: Procedure) -> str:
    """How the stage ends when nobody acts before its last day, in words; empty where it does not
    end by itself."""
    spec = procedure.stage(stage.code)
    if stage.state in OVER or spec.clock is None or spec.clock.on_expiry.outcome is None:
        return ""
    return str(spec.outcome(spec.clock.on_expiry.outcome).label)
