"""What a file may not hold, seen before a request follows it: each with its place and its mend."""

from collections.abc import Callable
from typing import Any

import pytest

from requests_app.procedures.schema import Procedure
from tests.support import odd_procedure
from tests.support.procedures import DECLARATION, raw, stage


Change = Callable[[dict[str, Any]], None]

HEARING: dict[str, Any] = {
    "code": "hearing",
    "kind": "audition",
    "label": "x",
    "expected": "x",
    "role": "president",
    "after": [{"stage": "check", "outcomes": ["complete"]}],
    "outcomes": [{"code": "heard", "label": "h"}, {"code": "absent", "label": "a"}],
    "clock": {
        "start": "stage",
        "period": "20d",
        "on_expiry": {"effect": "escalate"},
        "source": "x",
        "strength": "K",
    },
}


def _one_stage(data: dict[str, Any]) -> None:
    data["stages"] = data["stages"][:1]
    for outcome in data["stages"][0]["outcomes"][:1]:
        outcome["request"] = "closed"


def _never_processing(data: dict[str, Any]) -> None:
    del stage(data, "check")["outcomes"][0]["request"]


def _redirected_late(data: dict[str, Any]) -> None:
    stage(data, "publication")["outcomes"][0]["request"] = "redirected"


def _hearing(data: dict[str, Any]) -> None:
    data["committee"] = "cesrees"
    data["stages"].insert(1, HEARING)
    stage(data, "publication")["after"] = [{"stage": "hearing"}]


def _answer(data: dict[str, Any]) -> None:
    reply = {"code": "reply", "kind": "answer", "label": "x", "expected": "x", "role": "applicant"}
    reply |= {"after": [{"stage": "check", "outcomes": ["complete"]}]}
    go, stop = {"code": "go", "label": "g"}, {"code": "stop", "label": "s", "request": "withdrawn"}
    data["stages"].insert(1, reply | {"outcomes": [go, stop]})
    stage(data, "publication")["after"] = [{"stage": "reply", "outcomes": ["go"]}]


def _role(data: dict[str, Any]) -> None:
    stage(data, "check")["role"] = "legal_officer"


def _no_deadline(data: dict[str, Any]) -> None:
    stage(data, "check")["clock"]["on_expiry"] = {"effect": "remind"}
    stage(data, "check")["clock"]["reminders"] = [{"at": "-1d"}]


def _twice_processing(data: dict[str, Any]) -> None:
    stage(data, "referral")["outcomes"][0]["request"] = "processing"


def _dead_end(data: dict[str, Any]) -> None:
    join = {"stage": "opinion", "outcomes": ["favourable", "tacit_favourable"]}
    stage(data, "answer")["after"] = [{"stage": "holder"}, join]


def _unmet(data: dict[str, Any]) -> None:
    """No way on once the opinion is reserved, nor any to stop."""
    go, stop = stage(data, "answer")["outcomes"]
    needs = [{"stage": "opinion", "outcomes": ["favourable"], "refusal": "non"}]
    go["requires"] = stop["requires"] = needs


def _stops_nothing(data: dict[str, Any]) -> None:
    del stage(data, "answer")["outcomes"][1]["request"]


def _task_too_late(data: dict[str, Any]) -> None:
    """A check after the convention cannot refuse what is in force."""
    task = next(one for one in data["tasks"] if one["code"] == "opinion_not_favourable_check")
    task |= {"blocks": "closure"}


def _held_for_ever(data: dict[str, Any]) -> None:
    task = next(one for one in data["tasks"] if one["code"] == "opinion_not_favourable_check")
    task["outcomes"][1] = {"code": "not_cleared", "label": "x", "effect": "hold"}
    task["opens_when"] = [{"stage": "authorisation", "outcomes": ["tacit_authorised"]}]


def _requires(data: dict[str, Any]) -> None:
    silence = stage(data, "opinion")["outcomes"][4]
    needs = {"stage": "holder", "outcomes": ["no_remark"], "refusal": "non"}
    silence["requires"] = [needs]


def _express(data: dict[str, Any]) -> None:
    stage(data, "opinion")["clock"]["on_expiry"]["outcome"] = "favourable"


def _short(data: dict[str, Any]) -> None:
    clock = stage(data, "opinion")["clock"]
    clock |= {"period": "5d", "reminders": [{"at": "-10d"}, {"at": "-6d"}, {"at": "0d"}]}
    del clock["urgent_period"]


def _same_day(data: dict[str, Any]) -> None:
    reminders = [{"at": "-7d"}, {"at": "-1w"}, {"at": "0d"}]
    stage(data, "opinion")["clock"]["reminders"] = reminders


def _unannounced(data: dict[str, Any]) -> None:
    """By a task, a silence becomes an opinion too."""
    clock = stage(data, "opinion")["clock"]
    clock |= {"on_expiry": {"effect": "task", "task": "chk"}, "reminders": []}
    silence = {"code": "a", "label": "a", "effect": "end_stage", "outcome": "tacit_favourable"}
    rule = data["tasks"][0] | {"code": "chk", "stage": "opinion", "blocks": "answer"}
    wait = {"code": "b", "label": "b", "effect": "hold"}
    data["tasks"].append(rule | {"outcomes": [silence, wait]})


def _permit_end(data: dict[str, Any]) -> None:
    stage(data, "use")["clock"]["on_expiry"] = {"effect": "remind"}


def _blocks_silence(data: dict[str, Any]) -> None:
    data["tasks"][1]["blocks"] = "opinion"


def _task_role(data: dict[str, Any]) -> None:
    data["tasks"][1]["role"] = "president"


def _task_act(data: dict[str, Any]) -> None:
    data["tasks"][0]["outcomes"][0]["outcome"] = "authorised"


def _no_chair(data: dict[str, Any]) -> None:
    stage(data, "holder")["clock"]["reminders"] = [{"at": "-3d", "to": ["chair"]}]


def _too_late(data: dict[str, Any]) -> None:
    stage(data, "holder")["clock"]["reminders"] = [{"at": "+5d"}]


def _far(data: dict[str, Any]) -> None:
    stage(data, "opening")["clock"]["reminders"] = [{"at": "-600d"}]


STANDARDS: list[tuple[Change, str]] = [
    (_twice_processing, "'referred': request = 'processing', but the request may be 'processing'"),
    (_dead_end, "'opinion' is 'favourable_with_recommendations'.*nothing more can happen"),
    (_unmet, "nothing more can happen"),
    (_stops_nothing, "'answer' is 'stop' nothing more can happen"),
    (_task_too_late, "'not_cleared': request = 'refused', but the request may be 'in_force'"),
    (_held_for_ever, "nothing more can happen"),
    (_requires, "'tacit_favourable' has requires, which no clock can wait for"),
    (_express, "'favourable' is given by a silence"),
    (_short, "'-10d' comes before a clock of 5d begins"),
    (_same_day, "two reminders on the same day"),
    (_unannounced, "announced 3 times"),
    (_permit_end, "'remind' comes back after each period"),
    (_blocks_silence, "blocks 'opinion', which its clock ends"),
    (_task_role, r"tasks\.1\.role"),
    (_task_act, "ends 'authorisation' with 'authorised', which an act gives"),
    (_no_chair, "has no chair to tell"),
    (_too_late, "the stage has ended by then"),
    (_far, "more than 366 days away"),
]
DECLARATIONS: list[tuple[Change, str]] = [
    (_one_stage, "'complete': request = 'closed', but the request may be 'submitted'"),
    (_never_processing, "'published': request = 'closed', but the request may be 'submitted'"),
    (_redirected_late, "request = 'redirected', but the request may be 'processing'"),
    (_hearing, "kind 'audition': no stage of kind 'opinion' waits for it"),
    (_answer, "kind 'answer': it waits for no stage of kind 'opinion'"),
    (_role, "role 'legal_officer' may not act .* write 'secretariat'"),
    (_no_deadline, "'remind' is no deadline"),
]
EVERY = [(raw(), *one) for one in STANDARDS] + [(raw(DECLARATION), *one) for one in DECLARATIONS]


@pytest.mark.parametrize(("data", "change", "words"), EVERY, ids=[e[1].__name__ for e in EVERY])
def test_a_file_that_leads_nowhere_is_told_so(
    data: dict[str, Any], change: Change, words: str
) -> None:
    change(data)
    with pytest.raises(ValueError, match=words):
        Procedure.model_validate(data)


def test_what_runs_beside_a_file_sent_back_may_not_need_it_complete() -> None:
    """A second check, once the first has let another stage begin."""
    data = raw(DECLARATION)
    second = stage(data, "check") | {"code": "second"}
    second["after"] = [{"stage": "check", "outcomes": ["complete"]}]
    second["outcomes"] = [dict(one) for one in second["outcomes"]]
    del stage(data, "check")["outcomes"][0]["request"]
    data["stages"].insert(1, second)
    stage(data, "publication")["after"] = [{"stage": "second", "outcomes": ["complete"]}]
    Procedure.model_validate(data)
    beside = stage(data, "publication") | {"code": "beside"}
    beside |= {"after": [{"stage": "check", "outcomes": ["complete"]}]}
    beside["outcomes"] = [{"code": "published", "label": "x", "request": "processing"}]
    del second["outcomes"][0]["request"]
    data["stages"].insert(2, beside)
    stage(data, "publication")["after"] += [{"stage": "beside"}]
    with pytest.raises(ValueError, match="the request may be 'incomplete'"):
        Procedure.model_validate(data)


def test_a_silence_that_completes_a_file_is_a_course_like_another() -> None:
    data = raw(DECLARATION)
    check = stage(data, "check")
    deemed = {"code": "deemed", "label": "réputée complète", "tacit": True, "request": "processing"}
    check["outcomes"].append(deemed)
    check["clock"]["on_expiry"] = {"effect": "outcome", "outcome": "deemed"}
    publication = stage(data, "publication")
    with pytest.raises(ValueError, match="'check' is 'deemed' nothing more can happen"):
        Procedure.model_validate(data)
    publication["after"] = [{"stage": "check", "outcomes": ["complete", "deemed"]}]
    Procedure.model_validate(data)


def test_the_odd_file_ends_whatever_is_chosen() -> None:
    assert odd_procedure.odd_procedure()
