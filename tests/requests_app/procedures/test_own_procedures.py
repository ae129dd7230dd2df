"""A body writes its own procedures: checked with place and mend, and kept by the files that run."""

import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from requests_app import dossier
from requests_app.dossier import orientation
from requests_app.models import KeptProcedure
from requests_app.procedures import forms, reading, registry
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.questions import TYPES
from requests_app.workflow.pinned import check_pinned
from tests.support.client import client_for
from tests.support.factories import World


def read_again() -> None:
    """As a process that starts."""
    for kept in (
        *(registry._all, registry._own, registry._kept),
        *(forms._all, forms._own, forms._kept),
        orientation.data,
    ):
        kept.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[Path]:
    settings.PROCEDURES_FOLDER = str(tmp_path)  # type: ignore[attr-defined]
    read_again()
    yield tmp_path
    read_again()


def text(code: str = "ma-procedure") -> str:
    shipped = (registry.FOLDER / "fr-cnil-standard-1.toml").read_text(encoding="utf-8")
    return shipped.replace('code = "fr-cnil-standard"', f'code = "{code}"')


def own(folder: Path, words: str = "", code: str = "ma-procedure") -> Path:
    path = folder / f"{code}-1.toml"
    path.write_text(words or text(code), encoding="utf-8")
    return path


def faults(folder: Path, words: str) -> list[reading.Fault]:
    procedure, found = reading.procedure(own(folder, words), form_of=forms.on_file)
    assert procedure is None
    return found


def test_every_fault_is_told_with_file_line_place_and_mend(folder: Path) -> None:
    words = (
        text()
        .replace('period = "7wd"', 'period = "seven days"')
        .replace('role = "secretariat"', 'role = "secretary"', 1)
        .replace('short_title = "Autorisation CNIL"', 'short_title = ""')
    )
    found = {one.place: one for one in faults(folder, words)}
    assert set(found) == {"short_title", "stages.0.role", "stages.0.clock.period"}
    lines = words.splitlines()
    for place, key in (
        ("short_title", "short_title"),
        ("stages.0.role", "role"),
        ("stages.0.clock.period", "period"),
    ):
        one = found[place]
        assert one.file == "ma-procedure-1.toml"
        assert lines[one.line - 1].startswith(f"{key} = "), place
        assert one.mend
    assert "'secretariat'" in found["stages.0.role"].mend
    assert "7wd" in found["stages.0.clock.period"].mend


def test_what_only_the_whole_shows_is_told_beside_a_key_too_many(folder: Path) -> None:
    words = text().replace('grants_on = "convention"', 'grants_on = "nothing"\ncolour = "blue"')
    told = [str(one) for one in faults(folder, words)]
    assert any("colour" in one and "remove it" in one for one in told)
    assert any("grants_on names 'nothing'" in one for one in told)


@pytest.mark.parametrize(
    ("words", "said"), [("code = ", "not TOML"), ("\x00", "not TOML"), ("", "Field required")]
)
def test_what_is_no_procedure_at_all_is_told(folder: Path, words: str, said: str) -> None:
    path = folder / "x-1.toml"
    path.write_text(words)
    _none, found = reading.procedure(path, form_of=forms.on_file)
    assert any(said in str(one) for one in found)


def test_the_command_lists_missing_english_as_notes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("procedure_check", own(folder))
    said = capsys.readouterr().out
    assert "ma-procedure-1.toml: ok" in said
    assert "note: stages.0.label has no English" in said


def test_the_command_fails_on_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as failed:
        call_command(
            "procedure_check", own(folder, text().replace("\nversion = 1", "\nversion = 2"))
        )
    assert failed.value.returncode == 1
    assert "rename the file" in capsys.readouterr().out


def test_a_version_is_a_number_that_a_database_holds(folder: Path) -> None:
    for named in ("\nversion = 1", "\nform_version = 1"):
        found = faults(folder, text().replace(named, f"{named[:-1]}20270101"))
        assert any("32767" in one.what for one in found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (b"version = " + b"9" * 5000, "write a shorter number"),
        (b"stages = " + b"[" * 5000 + b"]" * 5000, "too deeply nested"),
        (b'title = "x' + b" " * 1_000_000 + b'"', "more than 1,000,000 bytes"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_whatever_a_file_holds_is_told_as_a_fault(folder: Path, words: bytes, said: str) -> None:
    path = folder / "ma-procedure-1.toml"
    path.write_bytes(words)
    for read in (orientation.judged, reading.form):
        (fault,) = read(path)[1]
        assert said in str(fault)
    assert not reading.is_form(path)
    assert said in "".join(one.msg for one in run_checks() if one.id == "procedures.E001")


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "ma-procedure-1.toml")
    assert "no file" in "".join(one.msg for one in run_checks())


def test_a_mark_of_order_and_what_an_editor_lays_beside_change_nothing(folder: Path) -> None:
    path = own(folder)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    (folder / ".#ma-procedure-1.toml").symlink_to("nobody@nowhere")
    assert not [one for one in run_checks() if one.id.startswith("procedures.")]


def test_a_procedure_is_not_right_while_its_form_is_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own(folder, text().replace('form = "fr-acces"', 'form = "mon-acces"'))
    (folder / "forms").mkdir()
    form = (forms.FOLDER / "fr-acces-1.toml").read_text(encoding="utf-8")
    form = form.replace('code = "fr-acces"', 'code = "mon-acces"').replace("[[sections]]", "[[x]]")
    (folder / "forms" / "mon-acces-1.toml").write_text(form, encoding="utf-8")
    for asked in ((path,), ()):
        with pytest.raises(CommandError):
            call_command("procedure_check", *asked)
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("mon-acces-1.toml:") for line in lines)
        assert "ma-procedure-1.toml: ok" not in lines
        assert len(lines) == len(set(lines))
    found = [one.id for one in run_checks() if one.id.startswith("procedures.")]
    assert found == ["procedures.E002"]


def questions(folder: Path, words: str) -> Path:
    path = folder / registry.ORIENTATION
    path.write_text(words, encoding="utf-8")
    return path


QUESTIONS = """
[[questions]]
code = "our_patients"
text = "Votre étude porte-t-elle sur les patients de l’entrepôt ?"

[[routes]]
code = "ours"
title = "Procédure de l’entrepôt"
why = "L’entrepôt instruit lui-même ces études."
procedure = "ma-procedure"
"""


@pytest.mark.django_db
def test_its_own_questions_lead_an_applicant_to_its_procedure(folder: Path) -> None:
    own(folder)
    (alone,) = [one for one in run_checks() if one.id == "orientation.W001"]
    assert "'ma-procedure': nobody can ask for it" in alone.msg
    questions(folder, QUESTIONS)
    read_again()
    led = [one.msg for one in run_checks() if one.id.startswith("orientation.")]
    assert not [one for one in led if "ma-procedure" in one]
    world = World()
    client = client_for(world.investigator)
    page = client.get(reverse("requests_app:orientation_question", args=[1])).content.decode()
    assert "les patients de l’entrepôt" in page


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('text = "Votre', 'words = "Votre', "questions.0.text"),
        ('procedure = "ma', 'procedures = "ma', "routes.0.procedures"),
        ('title = "Proc', 'title = ["Proc', "file"),
    ],
)
def test_a_fault_of_its_questions_is_told_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, place: str
) -> None:
    path = questions(folder, QUESTIONS.replace(old, new))
    with pytest.raises(CommandError):
        call_command("procedure_check", path)
    said = capsys.readouterr().out
    assert f"{place}: " in said
    assert any(one.id == "orientation.E001" for one in run_checks())


def test_missing_english_of_the_questions_is_listed_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("procedure_check", questions(folder, QUESTIONS))
    said = capsys.readouterr().out
    assert "orientation.toml: note: questions.0.text has no English" in said


def test_its_code_is_not_one_that_is_shipped(folder: Path) -> None:
    own(folder, code="fr-mr-007")
    with pytest.raises(registry.ProcedureError, match="code of its own"):
        registry.everything()
    assert "code of its own" in str(registry.check_procedures())


def test_a_wrong_file_refuses_the_start_with_its_fault(folder: Path) -> None:
    own(folder, text().replace('period = "7wd"', 'period = "seven"'))
    (error,) = [one for one in run_checks() if one.id == "procedures.E001"]
    assert "ma-procedure-1.toml" in error.msg
    assert "stages.0.clock.period" in error.msg


def test_a_folder_that_is_not_there_refuses_the_start(folder: Path) -> None:
    folder.rmdir()
    assert [one.id for one in registry.check_procedures()] == ["procedures.E004"]


@pytest.mark.django_db
def test_a_running_file_keeps_its_procedure_when_the_folder_changes(folder: Path) -> None:
    path = own(folder)
    world = World()
    asked = {"title": "Étude", "organisation": world.university, "orientation": {}}
    dossier.create(procedure=registry.current("ma-procedure")[0], by=world.investigator, **asked)
    assert KeptProcedure.objects.get().code == "ma-procedure"
    story = world.story(procedure="ma-procedure")
    story.sign()
    label = str(story.procedure.stages[0].label)
    path.write_text(text().replace(f'label = "{label}"', 'label = "Autre mot"'), encoding="utf-8")
    read_again()
    assert str(registry.everything()[-1].stages[0].label) == "Autre mot"
    assert str(story.fresh().procedure.stages[0].label) == label
    assert [one.id for one in check_pinned(["default"])] == ["procedures.W006"]

    path.unlink()
    read_again()
    (error,) = check_pinned(["default"])
    assert error.id == "procedures.E003"
    assert str(story.fresh().number) in error.msg
    client = client_for(story.world.secretariat, verified=True)
    page = client.get(reverse("requests_app:request", args=[story.request.pk]))
    assert page.status_code == 200
    story.completeness()
    assert story.stage("completeness").outcome == "complete"
    assert "ma-procedure" not in [one.code for one in registry.current()]


DOCS = Path(__file__).parents[3] / "docs/procedures.md"


def examples() -> list[str]:
    """The blocks of TOML of the page."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", DOCS.read_text(encoding="utf-8"), flags=re.M)
    return [textwrap.dedent(one) for one in blocks if "[[" in one]


def test_what_the_page_shows_is_right_as_it_stands(folder: Path) -> None:
    hearing, form, questions_shown = examples()
    (folder / "forms").mkdir()
    (folder / "forms" / "mon-formulaire-1.toml").write_text(form, encoding="utf-8")
    assert not reading.form(folder / "forms" / "mon-formulaire-1.toml")[1]
    assert not orientation.judged(questions(folder, questions_shown))[1]
    first, mark, rest = text().partition("\n[[stages]]")
    one, _mark, others = rest.partition("\n[[stages]]")
    waits = others.replace('kind = "opinion"', 'kind = "opinion"', 1)
    opinion = re.search(r'kind = "opinion".*?\nafter = \[', waits, flags=re.S)
    assert opinion is not None
    waits = waits[: opinion.end()] + '{ stage = "hearing" }, ' + waits[opinion.end() :]
    path = own(folder, first + mark + one + "\n" + hearing + mark + waits)
    assert not reading.procedure(path, form_of=forms.on_file)[1]


def test_the_page_names_every_kind_and_every_type() -> None:
    words = DOCS.read_text(encoding="utf-8")
    assert [one for one in (*KINDS, *TYPES) if f"`{one}`" not in words] == []
    for kind in KINDS.values():
        row = next(line for line in words.splitlines() if line.startswith(f"| `{kind.code}` |"))
        assert [one for one in kind.outcomes if f"`{one}`" not in row] == []
