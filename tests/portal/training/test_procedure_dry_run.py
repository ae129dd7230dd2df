"""A procedure is played by made-up people, far from the portal's own rows."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.training.management.commands import procedure_dry_run
from portal.training.rehearsal.cast import Cast
from portal.training.rehearsal.courses import as_data, rehearse
from portal.training.rehearsal.player import SILENCE, Player
from portal.training.rehearsal.report import as_text, course_data
from requests_app import dossier
from requests_app.procedures import forms, registry
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.questions import TYPES, Question
from requests_app.procedures.schema import Procedure
from requests_app.workflow import catalogue
from requests_app.workflow.kind import Kind
from tests.support import odd_form, odd_procedure
from tests.support.rotation import deep


DAY = date(2027, 1, 4)
SHIPPED = sorted(path.stem for path in registry.FOLDER.glob("*.toml"))


def shipped(name: str) -> Procedure:
    code, _dash, version = name.rpartition("-")
    return registry.get(code, int(version))


# --- In a process of its own ----------------------------------------------------------------------


def played_in(folder: Path) -> list[Path]:
    """Processes of a rehearsal whose state is in this folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"training.rehearsal" in (one / "cmdline").read_bytes():
                if str(folder).encode() in (one / "environ").read_bytes():
                    found.append(one)
    return found


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are read in /proc")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_goes_on_when_the_command_is_ended(tmp_path: Path, end: signal.Signals) -> None:
    """Ended as a service manager does, its folder is gone too; killed, at least its process."""
    command = [sys.executable, "manage.py", "procedure_dry_run", "fr-cnil-standard"]
    with subprocess.Popen(
        command,
        cwd=registry.FOLDER.parents[1],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as started:
        until(lambda: played_in(tmp_path))
        started.send_signal(end)
    assert started.returncode
    until(lambda: not played_in(tmp_path))
    if end is signal.SIGTERM:
        assert not list(tmp_path.glob("guichet-essai-*"))


def test_it_is_played_on_a_database_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """No database is given to this test: the command would be refused one."""
    call_command("procedure_dry_run", "fr-mr-declaration", "--from", "2027-01-04", "--json")
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {
        *("format", "procedure", "from", "courses", "never", "not_played", "faults"),
    }
    assert (said["format"], said["from"], said["faults"]) == (1, "2027-01-04", 0)
    assert said["procedure"]["code"] == "fr-mr-declaration"
    assert (said["never"], said["not_played"]) == ([], 0)
    first = said["courses"][0]
    assert set(first) == {
        *("fork", "number", "ends", "stages", "silences", "tasks", "mails", "grants", "faults"),
    }
    check, publication = first["stages"]
    assert (check["opened"], check["due"], check["outcome"]) == (
        *("2027-01-04", "2027-01-13", "complete"),
    )
    assert publication["outcome"] == "published"
    assert first["ends"]["state"] == "closed"
    assert "request.complete" in {mail["code"] for mail in first["mails"]}
    forks = [one["fork"] for one in said["courses"][1:]]
    assert {(one["outcome"], one["silence"]) for one in forks} == {
        *(("redirected", False), ("closed_incomplete", False), (None, True)),
    }
    silent = next(one for one in said["courses"] if one["fork"] and one["fork"]["silence"])
    assert [(one["stage"], one["on"], one["effect"]) for one in silent["silences"]] == [
        ("check", "2027-01-13", "escalate")
    ]


def test_its_process_has_no_address_nor_key_of_the_portal(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    ours = {
        "DATABASE_URL": "postgresql://portal@db/portal",
        "EMAIL_URL": "smtp://mail.example.fr",
        "CELERY_BROKER_URL": "redis://broker",
        "CACHE_URL": "redis://cache",
        "SEARCH_URL": "opensearch+http://search",
        "SCW_SECRET_KEY": "x",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.fr",
        "GUICHET_CUSTODY_KEYS": "x",
        "GUICHET_VAR": "/srv/guichet",
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    }
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings.PROCEDURES_FOLDER = "own"
    given = procedure_dry_run.environment(tmp_path)
    kept = {"GUICHET_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings.dev"}
    assert {name: given[name] for name in ours if name in given} == kept
    assert Path(given["GUICHET_PROCEDURES"]).is_absolute()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inconnue"], "Aucune procédure « inconnue ». Celles du portail : fr-cnil-standard"),
        (["fr-mr-007", "--from", "demain"], "écrivez-le ainsi, 2027-01-31"),
        (["fr-mr-007", "--from", "2027-02-30"], "n’est pas un jour"),
        (["fr-mr-007", "--from", "1850-01-01"], "Choisissez un jour entre"),
        (["fr-mr-007", "--from", "2020-01-01"], "ne se demande pas le 2020-01-01"),
        (["fr-mr-007-9"], "Aucune procédure"),
    ],
)
def test_a_wrong_code_or_day_is_told(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("procedure_dry_run", *arguments)


def test_a_version_may_be_named() -> None:
    assert procedure_dry_run.chosen("fr-mr-007-1", None).version == 1
    assert procedure_dry_run.first_day(shipped("fr-mr-007-1")) >= date(2026, 1, 1)


# --- What is played -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", SHIPPED)
def test_each_procedure_goes_to_its_ends(name: str) -> None:
    found = rehearse(shipped(name), DAY, most=200 if deep() else 1)
    assert [one.played.faults for one in found.courses if one.played.faults] == []
    if deep():
        assert found.left == 0
        assert found.never == []
    data = as_data(found)["courses"][0]
    opens = found.procedure.grants_on is not None
    assert bool(data["grants"]) is opens
    assert all(one["opened"] and one["closed"] for one in data["grants"])
    assert all(one["outcome"] for one in data["stages"])


@pytest.mark.django_db
def test_the_odd_procedure_goes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    made = odd_procedure.install(monkeypatch)
    found = rehearse(made, DAY, most=200 if deep() else 1)
    assert [one.played.faults for one in found.courses if one.played.faults] == []
    mails = {one["code"] for one in as_data(found)["courses"][0]["mails"]}
    assert {"request.audition_convened", "request.audition_reminder"} <= mails


@pytest.mark.django_db
def test_a_silence_is_played_to_its_effect_and_reminders_before_it() -> None:
    procedure = shipped("fr-mr-007-1")
    stage = next(one for one in procedure.stages if one.kind == "opinion")
    played = Player(Cast(procedure), DAY, {("stage", stage.code): SILENCE}).run()
    said = course_data(played, None, procedure)
    (silence,) = [one for one in said["silences"] if one["stage"] == stage.code]
    assert silence["effect"] == "outcome"
    assert stage.outcome(silence["outcome"]).tacit
    told = [one for one in said["mails"] if one["code"] == "request.clock_reminder"]
    own = [one for one in told if str(stage.label) in one["subject"]]
    assert len(own) >= 3
    assert own[-1]["on"] == silence["on"]


@pytest.mark.django_db
def test_where_it_cannot_go_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cast, "who", lambda *_args, **_more: [])
    data = as_data(rehearse(shipped("fr-mr-declaration-1"), DAY, most=1))
    assert data["faults"] == 1
    assert "personne ne peut agir (secretariat)" in data["courses"][0]["faults"][0]
    text = "\n".join(as_text(data))
    assert "BLOCAGE : Contrôle de la déclaration : personne ne peut agir" in text
    assert "Blocages : 1." in text


@pytest.mark.django_db
def test_a_reader_is_told_in_words_what_changes_from_one_course_to_another() -> None:
    data = as_data(rehearse(shipped("fr-mr-declaration-1"), DAY))
    text = "\n".join(as_text(data)).replace("\u00a0", " ")
    assert "Parcours 1 : le dossier va le plus loin possible" in text
    assert "Contrôle de la déclaration (secrétariat) : ouverte le 4 janvier 2027" in text
    assert "Parcours 4 : Contrôle de la déclaration : personne n’agit à temps" in text
    assert "le secrétariat est alerté" in text
    assert text.count("à représentant légal : Demande") == 1
    assert text.endswith("Aucun blocage.")


# --- Made-up answers and people -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["fr-cnil-standard", odd_form.CODE])
def test_made_up_answers_fill_in_every_form(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_form.install(monkeypatch)
    request = Cast(registry.current(code)[0]).draft()
    assert dossier.missing_items(request) == []
    asked = {question.type for _section, question in forms.of(request.procedure).pairs()}
    assert asked <= set(TYPES)


def test_each_type_and_kind_has_its_made_up_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is forgotten is named at start."""
    assert all(one.sample is not Question.sample or not one.answered for one in TYPES.values())
    assert set(KINDS) == set(catalogue.KINDS)
    monkeypatch.delattr(type(catalogue.KINDS["use"]), "rehearse")
    assert [*catalogue.forgotten()] == ["kind 'use': nothing says how it is played (`rehearse`)"]
    assert type(catalogue.KINDS["use"]).rehearse is Kind.rehearse
