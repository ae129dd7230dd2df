"""Whatever is wrong in an import: a French sentence with file and line, and nothing applied."""

import json
import os
import unicodedata
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.ingest import folder_import
from catalog.ingest.profile import PROFILES
from catalog.ingest.readers import located_json
from catalog.models import Dataset, ImportRun, StagedRow, Table, Variable
from portal.accounts.models import Organisation


pytestmark = pytest.mark.django_db


def load(folder: Path) -> str:
    out = StringIO()
    call_command("import_table_schema", str(folder), stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(folder: Path, **options: Any) -> str:
    """What the command says of a folder, once sure that nothing came of it."""
    errors = StringIO()
    with pytest.raises(CommandError, match="rien n’a été changé"):
        call_command(
            "import_table_schema", str(folder), stdout=StringIO(), stderr=errors, **options
        )
    told = errors.getvalue()
    told.encode()  # a terminal can write it
    assert not any(unicodedata.category(c) in {"Cc", "Cf"} for c in told.replace("\n", ""))
    assert "Traceback" not in told
    assert not Dataset.objects.exists()
    assert not Table.objects.exists()
    assert not StagedRow.objects.exists()
    assert ImportRun.objects.get().state == "refused"
    return told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good file, of the first product by name."""
    (tmp_path / "DCIR__A.json").write_text('{"name": "A", "fields": [{"name": "V"}]}')
    return tmp_path


SCHEMA = '{"name": "T",\n"title": "Une table",\n"fields": [\n{"name": "V",\n"title": "x"}]}'
TOO_LONG = "9" * 5000


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ('"title": "x"', '"title": "caf\\ud83d"', 4),
        ('"title": "x"', '"title": "a\\u0000b"', 4),
        ('"title": "x"', '"description": "a\\u202eb"', 4),
        ('"title": "x"', '"observation": "a\\u200bb"', 4),
        ('"title": "x"', '"regle_gestion": "\\ufeffx"', 4),
        ('"title": "x"', '"title": {"fr": "x"}', 4),
        ('"title": "x"', '"nomenclature": ["x"]', 4),
        ('"title": "x"', f'"length": {TOO_LONG}', 5),
        ('"title": "x"', f'"dateMissing": [{TOO_LONG}]', 5),
        ('"title": "x"', '"length": NaN', 5),
        ('"title": "x"', '"dateCreated": "٢٠١٠"', 4),
        ('"title": "x"', '"dateCreated": "\\u202e2010"', 4),
        ('"title": "x"', '"type": "strin\\u200bg"', 4),
        ('"name": "V"', '"name": "V/W"', 4),
        ('"name": "V"', '"name": "V\\u0000"', 4),
        ('"name": "V"', '"name": "\\ud83d"', 4),
        ('"name": "V"', '"name": "V\\u200b"', 4),
        ('"name": "V"', '"name": "V\\ufe0f"', 4),
        ('"name": "V"', '"name": "V\\u034f"', 4),
        ('"name": "V"', '"name": "V\\u3164"', 4),
        ('"name": "V"', '"name": "a' + "\\u0301" * 6 + '"', 4),
        ('"name": "V"', '"name": ".."', 4),
        ('"name": "V"', '"name": 12', 4),
        ('"name": "V"', f'"name": "{"V" * 81}"', 4),
        ('"Une table"', '"caf\\ud83d"', 1),
        ('"title": "Une table"', '"champ": "\\u202ex"', 1),
        ('"title": "Une table"', '"produit": "\\u0000"', 1),
        ('"title": "Une table"', '"primaryKey": ["V\\u0000"]', 1),
        ('"title": "Une table"', '"foreignKeys": [\n{"fields": "V", "reference": '
         '{"resource": "a/b", "fields": "V"}}]', 3),
        ('"title": "Une table"', '"foreignKeys": [\n{"fields": "V", "description": "\\ud83d", '
         '"reference": {"resource": "A", "fields": "V"}}]', 3),
        ('"title": "Une table"', '"foreignKeys": [\n{"fields": "V", "reference": '
         '{"resource": "A", "fields": "\\u202e"}}]', 3),
        ('"Une table"', '"Une\ttable"', 2),
    ],
)  # fmt: skip
def test_what_no_page_can_show_is_told_with_its_line(
    folder: Path, before: str, after: str, line: int
) -> None:
    assert before in SCHEMA
    text = SCHEMA.replace(before, after, 1)
    (folder / "ZED__T.json").write_text(text, encoding="utf-8")
    assert f"ZED__T.json:{line} :" in refused(folder)


@pytest.mark.parametrize("text", [TOO_LONG, f"[{TOO_LONG}]", "NaN", "-Infinity", '{"a": ' * 50_000])
def test_json_that_python_cannot_hold_is_told(folder: Path, text: str) -> None:
    (folder / "ZED__T.json").write_text(text)
    assert "ZED__T.json:1 :" in refused(folder)


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_folder, _dangling, _loop, _pipe])
def test_what_is_no_file_is_told(folder: Path, make: Any) -> None:
    make(folder / "ZED__T.json")
    assert "ZED__T.json:1 : ce n’est pas un fichier" in refused(folder)


def test_a_file_without_the_right_to_read_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, closed = Path.read_text, folder / "ZED__T.json"
    closed.write_text(SCHEMA)

    def read_text(self: Path, *args: Any, **options: Any) -> str:
        if self == closed:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert "ZED__T.json:1 : le fichier ne peut pas être lu" in refused(folder)


@pytest.mark.parametrize(
    "content", ["é".encode("latin-1"), "é".encode("utf-16"), b"\xed\xa0\xbd", b"\xff"]
)
def test_another_encoding_is_told(folder: Path, content: bytes) -> None:
    (folder / "ZED__T.json").write_bytes(b'{"name": "T",\n"title": "' + content + b'"}')
    assert "ZED__T.json:2 : le fichier n’est pas en UTF-8" in refused(folder)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"\xff__T.json", "caractère invisible"),
        ("ZED\u202e__T.json".encode(), "caractère invisible"),
        ("ZED\u3164__T.json".encode(), "caractère invisible"),
        ("ZED__T\ufe0f.json".encode(), "caractère invisible"),
        ("日本__T.json".encode(), "ne donne pas d’adresse"),
        (b"Z" * 90 + b"__T.json", "ne donne pas d’adresse"),
        (b"ZED__.json", "nommez le fichier"),
        (b"__T.JSON", "nommez le fichier"),
    ],
)
def test_a_wrong_file_name_is_told(folder: Path, file: bytes, why: str) -> None:
    (folder / os.fsdecode(file)).write_text(SCHEMA)
    report = folder / "compte-rendu.csv"
    assert why in refused(folder, report=report)
    assert why in report.read_text(encoding="utf-8-sig")


def test_one_table_given_twice_is_told(folder: Path) -> None:
    for file in ("UN__ZED__T.json", "DEUX__ZED__T.json"):
        (folder / file).write_text(SCHEMA)
    assert "UN__ZED__T.json:1 : la table « T » de cette base est déjà décrite" in refused(folder)


def test_two_products_of_one_address_are_told(folder: Path) -> None:
    (folder / "Z-D__T.json").write_text(SCHEMA)
    (folder / "Z_D__U.json").write_text(SCHEMA.replace('"T"', '"U"'))
    assert "« Z_D » et « Z-D » donneraient la même base" in refused(folder)


def test_an_unknown_product_is_imported_unpublished_and_said(folder: Path) -> None:
    (folder / "AAA__T.json").write_text(SCHEMA)
    told = load(folder)
    new = Dataset.objects.get(code="snds-aaa")
    assert not new.is_published
    assert new.tables.get().variables.get().name == "V"
    assert "snds-aaa reste non publiée : il manque ce que contient la base" in told
    assert Dataset.objects.get(code="snds-dcir").is_published
    assert "snds-dcir reste" not in told
    assert "0 créées, 0 modifiées" in load(folder)


def test_accents_composed_or_not_are_one_name(folder: Path) -> None:
    name = "A\u0302GE"
    (folder / f"ZED__{name}.json").write_text(
        json.dumps({"name": "ÂGE", "fields": [{"name": name}], "primaryKey": "ÂGE"})
    )
    load(folder)
    assert Variable.objects.get(table__name="ÂGE").name == "ÂGE"


def test_joiners_stay_and_soft_hyphens_go(folder: Path) -> None:
    fields = [{"name": "V", "title": "mala\xaddie", "description": "نمی\u200cخواهم"}]
    (folder / "ZED__T.json").write_text(json.dumps({"name": "T", "fields": fields}))
    load(folder)
    kept = Variable.objects.get(table__name="T")
    assert (kept.label_fr, kept.description) == ("maladie", "نمی\u200cخواهم")


def test_a_database_that_refuses_is_a_sentence_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DataError

    def refuses(*_args: Any, **_options: Any) -> None:
        raise DataError("value too long")

    monkeypatch.setattr(folder_import, "apply_dataset", refuses)
    with pytest.raises(CommandError, match=r"s’est arrêté.*relancez la même commande"):
        load(folder)


@pytest.mark.parametrize("profile", ["nowhere", "../../../etc/passwd", "a\0b", ""])
def test_an_unknown_profile_is_told(folder: Path, profile: str) -> None:
    with pytest.raises(CommandError, match="profil"):
        call_command("import_table_schema", str(folder), profile=profile, stdout=StringIO())
    assert not Organisation.objects.filter(code="hdh").exists()
    assert (PROFILES / "snds.toml").is_file()


def test_lines_are_found_without_reading_the_text_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object costs a search among the ends of lines, not a count from the start."""

    class Counted(str):
        counts = 0

        def count(self, *args: Any) -> int:
            Counted.counts += 1
            return super().count(*args)

    text = Counted('{"fields": [\n' + ",\n".join('{"name": "V"}' for _n in range(200)) + "]}")
    found = located_json.loads(text)
    assert [field.line for field in found["fields"]] == list(range(2, 202))
    assert Counted.counts == 0
