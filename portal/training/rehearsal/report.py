"""What was played, as data of a shape that does not change, and as a reader's text."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from portal.accounts.models import Role
from portal.common.calendar import PARIS
from portal.common.templatetags.portal import long_date
from portal.notifications.base import label_of
from requests_app.models import Act, Grant, Stage, Task
from requests_app.procedures.schema import Procedure

from .cast import OURS
from .player import SILENCE, Place, Played


FORMAT = 1  # rises when a name below changes its meaning or goes
Data = dict[str, Any]
Fork = tuple[Place, str] | None


def course_data(played: Played, fork: Fork, procedure: Procedure) -> Data:
    """One course: days are ISO, codes those of the file. `fork`: where it leaves the others."""
    request = played.request
    return {
        "fork": _fork(fork, procedure),
        "number": request.number,
        "ends": {
            "state": request.state,
            "label": request.get_state_display(),
            "on": _day(request.ended_at),
        },
        "stages": [_stage(one, procedure) for one in _stages(request.pk)],
        "silences": [*_silences(request.pk, procedure)],
        "tasks": [_task(one, procedure) for one in _tasks(request.pk)],
        "mails": [*_mails(played)],
        "grants": [_grant(one) for one in _grants(request.pk)],
        "faults": played.faults,
    }


def _fork(fork: Fork, procedure: Procedure) -> Data | None:
    if fork is None:
        return None
    (kind, code), chosen = fork
    if kind == "task":
        rule = procedure.task(code)
        return {
            "task": code,
            "outcome": chosen,
            "silence": False,
            "label": f"{rule.label} : {rule.outcome(chosen).label}",
        }
    spec = procedure.stage(code)
    said = str(spec.outcome(chosen).label) if chosen != SILENCE else "personne n’agit à temps"
    return {
        "stage": code,
        "outcome": chosen or None,
        "silence": chosen == SILENCE,
        "label": f"{spec.label} : {said}",
    }


def _stages(request: Any) -> Iterator[Stage]:
    rows = Stage.objects.filter(request=request).select_related("holder", "committee")
    yield from rows.order_by("position", "pk")


def _stage(row: Stage, procedure: Procedure) -> Data:
    spec = procedure.stage(row.code)
    outcome = spec.outcome(row.outcome) if row.outcome else None
    body = row.holder or row.committee
    return {
        "code": row.code,
        "kind": row.kind,
        "label": str(spec.label),
        "role": row.role,
        "of": body.code if body is not None else None,
        "state": row.state,
        "opened": _day(row.started_at),
        "due": _day(row.due_at),
        "ended": _day(row.ended_at),
        "outcome": row.outcome or None,
        "outcome_label": str(outcome.label) if outcome else None,
    }


def _silences(request: Any, procedure: Procedure) -> Iterator[Data]:
    """Each end of a clock that had its effect."""
    acts = Act.objects.filter(request=request, code="expire").select_related("stage")
    for act in acts.order_by("effective_at", "pk"):
        if act.stage is None:
            continue
        spec = procedure.stage(act.stage.code)
        clock = spec.clock
        outcome = clock.on_expiry.outcome if clock is not None else None
        if act.data.get("effect") != "outcome":
            outcome = None
        yield {
            "stage": act.stage.code,
            "label": str(spec.label),
            "on": _day(act.effective_at),
            "effect": act.data.get("effect"),
            "outcome": outcome,
            "outcome_label": str(spec.outcome(outcome).label) if outcome else None,
        }


def _tasks(request: Any) -> Iterator[Task]:
    yield from Task.objects.filter(request=request).order_by("opened_at", "pk")


def _task(row: Task, procedure: Procedure) -> Data:
    rule = procedure.task(row.code)
    known = {one.code: str(one.label) for one in rule.outcomes}
    return {
        "code": row.code,
        "label": str(rule.label),
        "role": rule.role,
        "closed": _day(row.closed_at),
        "outcome": row.outcome or None,
        "outcome_label": known.get(row.outcome),
    }


def _mails(played: Played) -> Iterator[Data]:
    """One line for those who get the same words on the same day."""
    lines: dict[tuple[date, str, str], list[str]] = {}
    for one in played.mails:
        lines.setdefault((one.on, one.code, one.subject), []).append(one.to)
    for (on, code, subject), to in lines.items():
        yield {
            "on": on.isoformat(),
            "code": code,
            "label": label_of(code),
            "to": to,
            "subject": subject,
        }


def _grants(request: Any) -> Iterator[Grant]:
    rows = Grant.objects.filter(permit__request=request).select_related("person", "permit")
    yield from rows.order_by("pk")


def _grant(row: Grant) -> Data:
    return {
        "person": row.person.username.removeprefix(f"{OURS}-"),
        "starts": _day(row.permit.starts_at),
        "expires": _day(row.expires_at),
        "opened": _day(row.opened_at),
        "closed": _day(row.closed_at),
        "state": row.state,
    }


def _day(instant: datetime | None) -> str | None:
    return instant.astimezone(PARIS).date().isoformat() if instant is not None else None


# --- For a reader ---------------------------------------------------------------------------------


def as_text(data: Data) -> Iterator[str]:
    """From `as_data`: the first course whole, then of each other one what makes it another."""
    procedure, courses = data["procedure"], data["courses"]
    yield f"{procedure['title']} ({procedure['code']}, version {procedure['version']})"
    yield (
        f"Jouée par des personnes inventées, déposée le {_words(data['from'])} :"
        f" {len(courses)} parcours ; à partir du deuxième, seulement ce qui change."
    )
    seen: set[str] = set()
    for number, course in enumerate(courses, start=1):
        yield ""
        title = course["fork"]["label"] if course["fork"] else "le dossier va le plus loin possible"
        yield f"Parcours {number} : {title}"
        for heading, lines in _parts(course):
            fresh = [line for line in lines if line not in seen]
            seen.update(lines)
            if fresh:
                yield f"  {heading}"
                yield from (f"    {line}" for line in fresh)
        yield _end(course)
    yield ""
    if data["never"]:
        yield "Issues qu’aucun parcours n’atteint :"
        yield from (f"    {one['stage']} : {one['outcome']}" for one in data["never"])
    if data["not_played"]:
        yield f"Parcours laissés de côté : {data['not_played']}."
    yield "Aucun blocage." if not data["faults"] else f"Blocages : {data['faults']}."


def _parts(course: Data) -> Iterator[tuple[str, list[str]]]:
    yield "Étapes", [_stage_line(one) for one in course["stages"] if one["state"] != "pending"]
    yield (
        "Silences",
        [
            f"{_words(one['on'])}, {one['label']} :"
            f" {one['outcome_label'] or _EFFECTS.get(one['effect'], one['effect'])}"
            for one in course["silences"]
        ],
    )
    yield (
        "Vérifications",
        [
            f"{one['label']} ({_role(one['role'])}) : {one['outcome_label'] or 'sans conclusion'}"
            for one in course["tasks"]
        ],
    )
    yield "Accès", [_grant_line(one) for one in course["grants"]]
    yield "Courriels", [_mail_line(one, course["number"]) for one in course["mails"]]


def _stage_line(one: Data) -> str:
    who = _role(one["role"]) + (f", {one['of']}" if one["of"] else "")
    if not one["opened"]:
        return f"{one['label']} : sans objet"
    said = f"{one['label']} ({who}) : ouverte le {_words(one['opened'])}"
    said += f", échéance le {_words(one['due'])}" if one["due"] else ", sans échéance"
    if one["ended"]:
        said += f", terminée le {_words(one['ended'])}"
    return said + (f" : {one['outcome_label']}" if one["outcome_label"] else "")


def _grant_line(one: Data) -> str:
    opened = f"ouvert le {_words(one['opened'])}" if one["opened"] else "jamais ouvert"
    closed = f", fermé le {_words(one['closed'])}" if one["closed"] else ""
    period = f"du {_words(one['starts'])} au {_words(one['expires'])}"
    return f"{_role(one['person'])}, {period} : {opened}{closed}"


def _mail_line(one: Data, number: str | None) -> str:
    """Without the file's number, which is all that changes between two courses."""
    subject = re.sub(rf"^Dossier {number}\s*:\s*", "", one["subject"])
    to = ", ".join(dict.fromkeys(_role(name) for name in one["to"]))
    return f"{_words(one['on'])}, à {to} : {subject}"


def _role(name: str) -> str:
    """`president cesrees` in words."""
    role, _space, of = name.partition(" ")
    known = str(Role(role).label) if role in Role.values else _PEOPLE.get(role, role)
    return f"{known} ({of})" if of else known


_PEOPLE = {
    "applicant": "demandeur",
    "investigator": "responsable de l’étude",
    "named": "personne habilitée",
    "representative": "représentant légal",
    "operator_2": "second opérateur",
}
_EFFECTS = {
    "escalate": "le secrétariat est alerté",
    "remind": "un rappel est envoyé",
    "remind_applicant": "un rappel est envoyé au demandeur",
    "task": "une vérification est ouverte",
}


def _end(course: Data) -> str:
    if course["faults"]:
        return f"  BLOCAGE : {' '.join(course['faults'])}"
    ends = course["ends"]
    return f"  Fin le {_words(ends['on'])} : demande {ends['label']}."


def _words(day: str | None) -> str:
    return long_date(date.fromisoformat(day)) if day else "?"
