"""What is written in an act, for each verb: enough for it to be accepted where it may be."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from portal.common.calendar import legal_today
from requests_app.models import Act, Extract, ExtractState, RequestVersion, Stage, Task, Workspace
from requests_app.permits import creating
from requests_app.permits.parties import convention_parties
from requests_app.procedures.moves import Actor
from requests_app.provisioning.extract import confirming
from requests_app.provisioning.extract.approved import approved_tables, scope_fingerprint
from requests_app.rights import recipients
from requests_app.workflow import granting
from requests_app.workflow.kinds.answer import points_of
from requests_app.workflow.kinds.audition import earliest_day
from tests.support.course import Course


WORDS = "Texte."
Choose = Callable[[Sequence[str]], str]


def words_for(
    course: Course, name: str, stage: Stage | None, task: Task | None, choose: Choose
) -> dict[str, Any]:
    """`choose`: an outcome among those that its file lets a person choose."""
    if task is not None:
        codes = [one.code for one in course.procedure.task(task.code).outcomes]
        return {"task": task, "outcome": choose(codes), "note": WORDS}
    if name in {"deposit_paper", "verify_signature", "sign"}:
        return _of_version(course, name)
    if name == "correct_act":
        return {"act": Act.objects.order_by("?").first(), "reason": WORDS}
    if stage is None:
        return dict(FIXED.get(name, {}))
    own = _of_stage(course, name, stage, choose) or FIXED.get(name, {})
    if granting.asked_of(course.procedure, course.procedure.stage(stage.code), name):
        own = own | {"addresses": _addresses(course)}
    return dict(own)


FIXED: dict[str, dict[str, Any]] = {
    "withdraw": {"reason": WORDS},
    "refuse_signature": {"reason": WORDS},
    "contest_signature": {"reason": WORDS},
    "request_completion": {"message": WORDS},
    "redirect": {"route": WORDS, "message": WORDS},
    "close_incomplete": {"message": WORDS},
    "file_remark": {"text": WORDS},
    "record_extension": {"reference": WORDS},
    "record_conformity": {"reference": WORDS},
    "declare_interest": {"answer": "none"},
    "extend_opinion": {"reason": WORDS},
    "file_late_opinion": {"text": WORDS},
}


def _of_version(course: Course, name: str) -> dict[str, Any]:
    version = RequestVersion.objects.get(
        request=course.request, status__in=["awaiting", "checking"]
    )
    if name == "sign":
        return {"version": version, "sha256": version.sha256}
    said = {"signatory_name": "A", "signatory_capacity": "B", "version": version}
    if name == "verify_signature":
        return said | {"fingerprint": version.sha256, "despite_contest": True}
    return said | {"sha256": version.sha256, "file": course.cast.paper(course.request)}


def _addresses(course: Course) -> dict[str, list[str]]:
    return {str(one.pk): ["192.0.2.10/32"] for one in recipients.named(course.request)}


def _of_stage(course: Course, name: str, stage: Stage, choose: Choose) -> dict[str, Any]:
    spec = course.procedure.stage(stage.code)
    express = [one.code for one in spec.outcomes if not one.tacit]
    authority = course.procedure.authority
    match name:
        case "issue_opinion" | "file_report":
            said: dict[str, Any] = {"headings": dict.fromkeys(spec.rubrics, WORDS)}
            said |= {"sense": choose(express), "points": ["Préciser la durée.", "Réduire."]}
            seats = {"present": course.actors(stage, Actor.MEMBER)}
            return said | (seats if name == "issue_opinion" else {})
        case "assign_rapporteurs":
            return {"members": course.actors(stage, Actor.MEMBER)[-1:]}
        case "withdraw_member":
            return {"member": course.actors(stage, Actor.MEMBER)[-1], "reason": WORDS}
        case "convene_audition":
            return {"on": earliest_day(spec), "hour": "14:30", "place": WORDS}
        case "record_audition":
            present = course.actors(stage, Actor.MEMBER)
            return {"outcome": choose(express), "text": WORDS, "present": present}
        case "answer_points":
            answers = {point.key: WORDS for point in points_of(course.request)}
            return {"answers": answers, "decision": express[0]}
        case "record_receipt":
            return {"application_number": str(authority.application_example or 1)}
        case "record_authorisation" | "record_refusal":
            more = {"reason": WORDS} if name == "record_refusal" else {}
            return {"number": str(authority.number_example or 1)} | more
        case "record_convention":
            return _convention(course)
        case "confirm_extract":
            return _prepared(course)
    return {}


def _convention(course: Course) -> dict[str, Any]:
    today = legal_today()
    return {
        "delivery_mode": course.procedure.terms.delivery_modes[0],
        "starts_on": today,
        "ends_on": today + timedelta(days=20),
        "longer_because": WORDS,
        "parties": convention_parties(course.request),
        "persons": [*recipients.named(course.request)],
        "homologated_on": today,
        "addresses": _addresses(course),
    }


def _prepared(course: Course) -> dict[str, Any]:
    """As the extract source would leave it: of the approved specification, without files."""
    tables = approved_tables(creating.approved_scope(course.request))
    Extract.objects.filter(workspace__request=course.request).update(
        state=ExtractState.STAGED,
        manifest={"files": [], "scope_sha256": scope_fingerprint(tables)},
        asked_at=None,
    )
    workspace = Workspace.objects.get(request=course.request)
    return {"manifest": confirming.manifest_sha256(workspace)}
