"""A kind of stage stands in its own modules; no code of a procedure is in Python beside them.

What a file of law may choose (stages, outcomes, tasks) and what a kind is called are read, never
written: a second file, or a kind more, then breaks nothing. Words that are also something else are
in `HOMONYMS`, with what they are there.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.conf import settings

from portal.common.machine import transition
from requests_app.counter.forms import acts
from requests_app.procedures.kind import Kind
from requests_app.procedures.kinds import KINDS
from requests_app.workflow import catalogue
from requests_app.workflow import kind as workflow_kind


ROOT = Path(settings.BASE_DIR)
OWN = (
    "requests_app/procedures/kinds/*",
    "requests_app/workflow/kinds/*",
    *(f"requests_app/counter/forms/acts/{code}.py" for code in KINDS),
)
# Word → where it is something else, and what.
HOMONYMS: dict[str, dict[str, str]] = {
    "answer": {
        "requests_app/counter/*/orientation.py": "of the wizard's questions",
        "requests_app/counter/pages/applicant/orientation.py": "of the wizard's questions",
        "requests_app/counter/reading/request.py": "to a point, beside it",
        "requests_app/workflow/acts/interests.py": "a member's, on their interests",
        "requests_app/workflow/committee_stage.py": "a member's, on their interests",
    },
    "closed": {
        "requests_app/models/*": "state of a request or a grant",
        "requests_app/procedures/coherence.py": "state that an outcome gives a request",
        "requests_app/procedures/parts.py": "state that an outcome gives a request",
        "requests_app/provisioning/*": "state of a grant",
        "requests_app/selection/*": "state of a database",
        "requests_app/procedures/moves.py": "state of a request",
    },
    "closed_incomplete": {
        "requests_app/procedures/parts.py": "state that an outcome gives a request",
        "requests_app/procedures/moves.py": "state of a request",
    },
    "completeness": {
        "requests_app/counter/pages/staff/*": "name of the grid's page",
    },
    "confirmed": {"requests_app/models/extract.py": "state of an extract"},
    "extract": {
        "requests_app/models/extract.py": "name of a relation",
        "requests_app/permits/extraction/*": "name of a relation",
        "requests_app/provisioning/*": "name of a relation, of a machine",
    },
    "convention": {"requests_app/procedures/coherence.py": "a table of the file: terms of rights"},
    "favourable": {
        "requests_app/models/committee.py": "effect of an outcome",
        "requests_app/procedures/parts.py": "effect of an outcome",
    },
    "holder": {
        "requests_app/counter/*": "column of a stage",
        "requests_app/models/stage.py": "column of a stage",
        "requests_app/permits/parties.py": "of the datasets, a party of a convention",
        "requests_app/procedures/moves.py": "an actor",
        "requests_app/rights/*": "an actor",
        "requests_app/workflow/abilities.py": "column of a stage",
    },
    "opening": {
        "requests_app/models/permit.py": "state of a grant",
        "requests_app/provisioning/*": "state of a grant",
    },
    "opinion": {
        "requests_app/counter/pages/request.py": "part of a file",
        "requests_app/counter/reading/request.py": "part of a file",
        "requests_app/models/committee.py": "name of a relation",
        "requests_app/procedures/file_parts.py": "a part of a file",
        "requests_app/rights/*": "part of a file",
    },
    "publication": {"requests_app/counter/pages/public/register.py": "order of a list"},
    "redirected": {
        "requests_app/procedures/parts.py": "state that an outcome gives a request",
        "requests_app/procedures/moves.py": "state of a request",
    },
    "refused": {
        "requests_app/counter/*": "of a look that was refused, of a probe",
        "requests_app/models/*": "state of a request, of an extract",
        "requests_app/procedures/moves.py": "state of a request",
        "requests_app/procedures/parts.py": "state that an outcome gives a request",
        "requests_app/provisioning/*": "answer of a probe, of a check",
        "requests_app/workflow/*": "state of a request, an act that was refused",
    },
    "register": {"requests_app/counter/pages/staff/urls.py": "name of a page"},
    "signed": {
        "requests_app/models/*": "status of a version",
        "requests_app/rights/*": "of who has signed",
    },
    "unfavourable": {
        "requests_app/models/committee.py": "effect of an outcome",
        "requests_app/procedures/parts.py": "effect of an outcome",
    },
    "use": {
        "requests_app/counter/admin/grants.py": "column of a key",
        "requests_app/models/permit.py": "column of a key",
        "requests_app/provisioning/worker/keys.py": "column of a key",
    },
}


def codes() -> set[str]:
    """Kinds, and codes of stages, tasks and outcomes in the files that the portal ships."""
    found = set(KINDS)
    for path in (ROOT / "requests_app").rglob("*.toml"):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for place in [*data.get("stages", []), *data.get("tasks", [])]:
            found.add(place["code"])
            found |= {outcome["code"] for outcome in place["outcomes"]}
    return found


def spelled(words: set[str]) -> Iterator[tuple[str, int, str]]:
    """Module, line, word: as a text of Python, or in a tag of a template."""
    for path in (ROOT / "requests_app").rglob("*.py"):
        place = path.relative_to(ROOT).as_posix()
        if "/migrations/" in place or any(fnmatch(place, own) for own in OWN):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in words:
                yield place, node.lineno, node.value
    for folder in ("requests_app", "email"):
        for path in (ROOT / "templates" / folder).rglob("*.*"):
            place = path.relative_to(ROOT).as_posix()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                for tag in re.findall(r"\{[%{].*?[%}]\}", line):
                    for word in re.findall(r"==? *[\"']([a-z_]+)[\"']", tag):
                        if word in words:
                            yield place, number, word


def test_no_kind_and_no_code_of_a_procedure_is_spelled_beside_its_own_modules() -> None:
    stray = [
        f"{place}:{line}: {word!r}"
        for place, line, word in spelled(codes())
        if not any(fnmatch(place, other) for other in HOMONYMS.get(word, {}))
    ]
    assert stray == []


def test_each_homonym_is_still_there() -> None:
    seen = {(word, place) for place, _line, word in spelled(set(HOMONYMS))}
    unused = [
        (word, other)
        for word, places in HOMONYMS.items()
        for other in places
        if not any(word == one and fnmatch(place, other) for one, place in seen)
    ]
    assert unused == []


def test_a_code_that_is_spelled_is_found() -> None:
    found = list(spelled({"no such act", "withdraw"}))
    assert ("requests_app/counter/pages/links.py", "withdraw") in {(p, w) for p, _n, w in found}


def test_every_kind_has_its_two_modules() -> None:
    for code in KINDS:
        assert (ROOT / f"requests_app/workflow/kinds/{code}.py").exists()
    assert set(workflow_kind.KINDS) == set(KINDS)
    assert list(catalogue.forgotten()) == []


def test_a_part_that_was_forgotten_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind without its verbs, a verb without its class, words or form: by name, at the start."""
    go = transition("go_there", ("running",), "done", "secretariat", outcome="gone")
    kind = Kind(code="journey", moves=(go,), outcomes=frozenset({"gone"}))
    monkeypatch.setitem(KINDS, "journey", kind)
    told = list(catalogue.forgotten())
    assert any("'journey'" in one and "workflow/kinds/journey.py" in one for one in told)
    assert any("'go_there'" in one and "no class" in one for one in told)
    with pytest.raises(LookupError, match="go_there"):
        acts.found()
    monkeypatch.setattr(catalogue.VERBS["close"], "button", "", raising=False)
    assert any("'close'" in one and "no words" in one for one in catalogue.forgotten())
    monkeypatch.delattr(type(workflow_kind.KINDS["closure"]), "expected")
    assert any("'closure'" in one and "must act" in one for one in catalogue.forgotten())
