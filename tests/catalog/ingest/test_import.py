"""Import of dictionaries: staged, idempotent, told row by row, all or nothing per dataset."""

import csv
import json
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from catalog.ingest import apply, folder_import
from catalog.ingest.readers.table_schema import TableSchemaReader
from catalog.models import Dataset, ImportRun, IndexOutbox, StagedRow, Table, TableKey, Variable


pytestmark = [pytest.mark.django_db, pytest.mark.both]
SCHEMAS = Path(settings.BASE_DIR).parent / "shared" / "data" / "snds" / "schemas"


def field(name: str, **values: Any) -> dict[str, Any]:
    return {
        "name": name, "description": f"Libellé de {name}", "type": "string", "nomenclature": "-",
        "dateCreated": "2010", "dateDeleted": "", "dateMissing": [],
    } | values  # fmt: skip


def write(folder: Path, file: str, fields: list[dict[str, Any]], **values: Any) -> Path:
    folder.mkdir(exist_ok=True)
    schema = {"fields": fields, "name": Path(file).stem.split("__")[-1], "title": "Une table"}
    path = folder / file
    path.write_text(json.dumps(schema | values, indent=0, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    write(folder, "DCIR__ER_PRS_F.json", [
        field("BEN_RES_COM", description="Commune de résidence du bénéficiaire"),
        field("EXE_SOI_DTD", type="date", dateMissing=["2012", "2013"]),
        field("CLE", dateDeleted="2015"),
    ], primaryKey="CLE")  # fmt: skip
    write(folder, "DCIR__ER_PHA_F.json", [field("CLE"), field("PHA_ATC")], foreignKeys=[
        {"fields": "CLE", "reference": {"resource": "ER_PRS_F", "fields": "CLE"}},
        {"fields": ["CLE"], "reference": {"resource": "INCONNUE", "fields": ["CLE"]}},
    ])  # fmt: skip
    write(folder, "PMSI__PMSI_MCO__T_MCOaaC.json", [field("ENT_DAT", type="date")])
    return folder


def load(folder: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_table_schema", str(folder), stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_one_dataset_per_product_with_everything_said_of_it(folder: Path) -> None:
    load(folder)
    dcir = Dataset.objects.get(code="snds-dcir")
    assert (dcir.kind, dcir.ask_route, dcir.as_of.isoformat()) == (
        "main_base", "here", "2020-12-15",
    )  # fmt: skip
    assert {o.code for o in dcir.controllers.all()} == {"hdh", "cnam"}  # A1
    assert dcir.is_published
    assert dcir.covers_from == 2010
    assert Dataset.objects.filter(code="snds-pmsi-mco").exists()
    care = Variable.objects.get(name="EXE_SOI_DTD")
    assert (care.data_type, care.identifier) == ("date", "care_date")
    assert [y for y in range(2009, 2015) if care.exists_in(y)] == [2010, 2011, 2014]
    key = Variable.objects.get(table__name="ER_PRS_F", name="CLE")
    assert key.exists_in(2015)
    assert not key.exists_in(2016)
    assert Variable.objects.get(name="BEN_RES_COM").identifier == "residence_commune"
    assert Table.objects.get(name="ER_PRS_F").primary_key == ["CLE"]
    link = TableKey.objects.get()
    assert (link.table.name, link.target_table.name) == ("ER_PHA_F", "ER_PRS_F")


def test_the_report_counts_kinds_and_names_rules_without_a_hit(folder: Path) -> None:
    out = load(folder)
    assert "commune de résidence : 1" in out
    assert "date exacte de soins : 2" in out
    assert "commune de décès : 0" in out
    assert "*.DCD_COM_COD" in out.split("Règles sans effet")[1]
    assert "*.BEN_RES_COM" not in out.split("Règles sans effet")[1]
    assert "1 laissées de côté" in out


def test_a_second_import_changes_nothing(folder: Path) -> None:
    load(folder)
    before = list(Variable.objects.order_by("pk").values_list("pk", "updated_at"))
    IndexOutbox.objects.all().delete()
    out = load(folder)
    assert "0 créées, 0 modifiées" in out
    assert list(Variable.objects.order_by("pk").values_list("pk", "updated_at")) == before
    assert not IndexOutbox.objects.exists()
    assert TableKey.objects.count() == 1


def test_changes_are_applied_and_what_is_gone_is_dated(folder: Path) -> None:
    load(folder)
    write(folder, "DCIR__ER_PRS_F.json", [field("CLE"), field("EXE_SOI_DTD", description="Autre")])
    out = load(folder)
    assert "1 retirées" in out
    assert Variable.objects.get(name="EXE_SOI_DTD").label_fr == "Autre"
    gone = Variable.objects.get(name="BEN_RES_COM")
    assert gone.removed_at is not None
    assert gone not in Variable.objects.current()
    assert IndexOutbox.objects.filter(kind="variable", key="BEN_RES_COM").exists()


def test_what_came_back_is_current_again(folder: Path) -> None:
    load(folder)
    file = folder / "DCIR__ER_PHA_F.json"
    text = file.read_text()
    file.unlink()
    load(folder)
    assert Table.objects.get(name="ER_PHA_F").removed_at is not None
    file.write_text(text)
    load(folder)
    assert Table.objects.get(name="ER_PHA_F").removed_at is None
    assert Variable.objects.get(name="PHA_ATC").removed_at is None


def test_words_edited_by_hand_stay(folder: Path) -> None:
    load(folder)
    dataset = Dataset.objects.get(code="snds-dcir")
    dataset.summary_fr = "Écrit à la main."
    dataset.save()
    load(folder)
    dataset.refresh_from_db()
    assert dataset.summary_fr == "Écrit à la main."


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ('{\n"fields": [\n{\n"name": "A",\n}', 5, "JSON"),
        ("[]", 1, "objet"),
        ('{"name": "T", "fields": []}', 1, "fields"),
        ('{"name": "U", "fields": [{"name": "A"}]}', 1, "U"),
        ('{\n"name": "T",\n"fields": [\n{"name": "A", "type": "bloub"}]}', 4, "bloub"),
        ('{\n"name": "T",\n"fields": [\n{"name": "A"},\n{"name": "A"}]}', 5, "ligne 4"),
        ('{\n"name": "T",\n"fields": [\n{"name": "A", "dateCreated": "10"}]}', 4, "10"),
        (
            '{"name": "T", "fields": [\n'
            '{"name": "A", "dateCreated": "2010", "dateDeleted": "2009"}]}',
            2,
            "2009",
        ),
        (
            '{"name": "T", "fields": [{"name": "A"}],\n"foreignKeys": [\n'
            '{"fields": "Z", "reference": {"resource": "T", "fields": "A"}}]}',
            3,
            "Z",
        ),
        ('{"name": "T", "fields": [{"name": "A"}], "primaryKey": ["Z"]}', 1, "Z"),
        ("[" * 100_000, 1, "profond"),
    ],
)
def test_a_wrong_file_is_told_with_its_line_and_changes_nothing(
    folder: Path, content: str, line: int, why: str
) -> None:
    (folder / "DCIR__T.json").write_text(content, encoding="utf-8")
    errors = StringIO()
    with pytest.raises(CommandError, match="rien n’a été changé"):
        call_command("import_table_schema", str(folder), stdout=StringIO(), stderr=errors)
    assert f"DCIR__T.json:{line} :" in errors.getvalue()
    assert why in errors.getvalue()
    assert not Dataset.objects.exists()
    assert not StagedRow.objects.exists()
    assert ImportRun.objects.get().state == "refused"


def test_every_wrong_file_is_told_at_once(folder: Path) -> None:
    (folder / "DCIR__T.json").write_bytes(b'{\n"name": "\xe9"')
    (folder / "sansproduit.json").write_text("{}")
    errors = StringIO()
    with pytest.raises(CommandError, match="2 erreurs"):
        call_command("import_table_schema", str(folder), stdout=StringIO(), stderr=errors)
    assert "DCIR__T.json:2 : le fichier n’est pas en UTF-8" in errors.getvalue()
    assert "sansproduit.json:1" in errors.getvalue()


def test_an_empty_or_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Aucun fichier \.json"):
        load(tmp_path)
    with pytest.raises(CommandError, match="n’est pas un dossier"):
        load(tmp_path / "none")


def test_a_run_killed_while_reading_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.staging.BATCH", 2)
    real, read = TableSchemaReader.read, []

    def killed(self: TableSchemaReader, path: Path) -> Any:
        read.append(path.name)
        if len(read) == 2:
            raise KeyboardInterrupt
        return real(self, path)

    monkeypatch.setattr(TableSchemaReader, "read", killed)
    with pytest.raises(KeyboardInterrupt):
        load(folder)
    assert not Dataset.objects.exists()
    assert StagedRow.objects.exists()
    out = load(folder)
    assert "repris" in out
    assert ImportRun.objects.count() == 1
    assert Variable.objects.count() == 6


def test_a_run_killed_while_applying_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = apply._apply_variables

    def killed(tables: dict[str, Table], *rest: Any) -> Any:
        if "T_MCOaaC" in tables:
            raise KeyboardInterrupt
        return real(tables, *rest)

    monkeypatch.setattr(apply, "_apply_variables", killed)
    with pytest.raises(KeyboardInterrupt):
        load(folder)
    # The first dataset is whole, of the second there is nothing.
    assert [d.code for d in Dataset.objects.all()] == ["snds-dcir"]
    assert Variable.objects.filter(table__dataset__code="snds-dcir").count() == 5
    monkeypatch.setattr(apply, "_apply_variables", real)

    seen = []
    once = folder_import.apply_dataset
    monkeypatch.setattr(
        folder_import, "apply_dataset", lambda r, c, **k: (seen.append(c), once(r, c, **k))
    )
    out = load(folder)
    assert seen == ["snds-pmsi-mco"]
    assert "repris" in out
    assert "10 créées" in out  # counts of both processes
    assert ImportRun.objects.get().state == "done"


def test_files_changed_after_a_kill_start_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_import, "apply_dataset", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(folder)
    monkeypatch.undo()
    write(folder, "DCIR__NOUVELLE.json", [field("A")])
    load(folder)
    assert Table.objects.filter(name="NOUVELLE").exists()
    assert sorted(ImportRun.objects.values_list("state", flat=True)) == ["done", "refused"]


def test_the_csv_has_a_line_for_each_row(folder: Path, tmp_path: Path) -> None:
    load(folder, report=tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == 11
    assert {r["resultat"] for r in rows} == {"created", "skipped"}
    skipped = next(r for r in rows if r["resultat"] == "skipped")
    assert (skipped["nom"], skipped["message"]) == ("INCONNUE", "table visée inconnue")
    assert int(next(r for r in rows if r["nom"] == "PHA_ATC")["ligne"]) > 1


def test_a_report_that_cannot_be_written_is_told_before_the_import(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="ne peut pas être écrit"):
        load(folder, report=tmp_path / "nowhere" / "r.csv")
    assert not Dataset.objects.exists()


def test_the_progress_bar_goes_to_the_end_of_both_phases(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    call_command("import_table_schema", str(folder), stdout=StringIO(), stderr=screen)
    assert "Lecture" in screen.getvalue()
    assert "3/3 PMSI__PMSI_MCO__T_MCOaaC.json" in screen.getvalue()
    assert "4/4 snds-pmsi-mco\n" in screen.getvalue()
    assert "\x1b[31" not in screen.getvalue()  # not in red


def test_the_whole_dictionary_of_the_main_base() -> None:
    """C14: 188 tables, 4,815 variables, 197 keys; C16: as of December 2020."""
    if not SCHEMAS.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{SCHEMAS} is absent: CI must have the reference data")
        pytest.skip(f"{SCHEMAS} is absent: reference data are not part of the project")
    load(SCHEMAS)
    assert Dataset.objects.filter(kind="main_base").count() == 12
    assert Table.objects.count() == 188
    assert Variable.objects.count() == 4815
    assert TableKey.objects.count() == 197
    counts = {
        kind: Variable.objects.filter(identifier=kind).count()
        for kind in Variable.Identifier.values
    }
    assert counts == {
        "birth_month": 12,
        "residence_commune": 5,
        "care_date": 74,
        "death_date": 9,
        "death_commune": 1,
    }
    assert not Variable.objects.filter(label_fr__regex="[\x80-\x9f]").exists()
    out = load(SCHEMAS)
    assert "0 créées, 0 modifiées, 5200 inchangées" in out
    assert "Règles sans effet" not in out
