"""Staging, the second person, delivery: exactly what was approved, or nothing."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import User
from requests_app.models import Workspace
from requests_app.provisioning.extract import confirming, preparing, staging
from requests_app.provisioning.extract.approved import (
    ScopeError,
    approved_tables,
    scope_fingerprint,
)
from requests_app.provisioning.extract.sources import DepositSource, ExtractError, SyntheticSource

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def base() -> Any:
    return world.dataset("base-a")


@pytest.fixture
def workspace(base: Any) -> Workspace:
    return world.study(scope=world.scope_of(base), staged=False)


def deposit(workspace: Workspace, name: str, text: str) -> Path:
    folder = world.staging_folder() / str(workspace.request.number) / "base-a"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def stage(workspace: Workspace, base: Any) -> staging.Staged:
    return staging.stage(
        workspace,
        scope=world.scope_of(base),
        by=world.person(ready=False),
        origin=DepositSource(world.staging_folder()),
    )


def confirm(workspace: Workspace, *, by: User) -> None:
    confirming.confirm_extract(workspace, by=by, seen=confirming.manifest_sha256(workspace))


def staged_rows(workspace: Workspace) -> list[list[str]]:
    with (preparing.ready_folder(workspace) / "base-a/SOINS.csv").open(newline="") as file:
        return list(csv.reader(file))


def yearly(workspace: Workspace, years: tuple[int, ...] = (2018, 2019, 2020)) -> None:
    for year in years:
        deposit(workspace, f"SOINS.{year}.csv", f"AGE,ID,DATE_SOIN\n40,a{year},{year}-01-02\n")


def test_yearly_files_are_joined_in_the_approved_order(workspace: Workspace, base: Any) -> None:
    yearly(workspace)
    staged = stage(workspace, base)
    assert staged.problems == []
    assert staged_rows(workspace) == [
        ["ID", "DATE_SOIN", "AGE"],
        ["a2018", "2018-01-02", "40"],
        ["a2019", "2019-01-02", "40"],
        ["a2020", "2020-01-02", "40"],
    ]
    entry = workspace.extract.manifest["files"][0]
    assert (entry["rows"], entry["years"], entry["years_checked"]) == (3, [2018, 2019, 2020], True)


def test_a_single_file_is_taken_with_its_years_to_check(workspace: Workspace, base: Any) -> None:
    deposit(workspace, "SOINS.csv", "\ufeffID;DATE_SOIN;AGE\na;2018-01-01;41\n")
    assert stage(workspace, base).complete
    assert staged_rows(workspace)[1] == ["a", "2018-01-01", "41"]
    assert workspace.extract.manifest["files"][0]["years_checked"] is False


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("SOINS.csv", "ID,DATE_SOIN,AGE,SECRET\n1,2,3,4\n", "hors autorisation : SECRET"),
        ("SOINS.csv", "ID,DATE_SOIN\n1,2\n", "absentes : AGE"),
        ("SOINS.csv", "ID,DATE_SOIN,AGE,AGE\n1,2,3,4\n", "deux fois"),
        ("SOINS.csv", "ID,DATE_SOIN,AGE\n1,2,3\n1,2\n", "ligne 3"),
        ("SOINS.csv", 'ID,DATE_SOIN,AGE\n1,2,"3\n', "illisible"),
        ("SOINS.1999.csv", "ID,DATE_SOIN,AGE\n", "années non autorisées"),
        ("SOINS.old.csv", "ID,DATE_SOIN,AGE\n", "TABLE.AAAA.csv"),
        ("AUTRE.csv", "ID\n", "dépôt en attente"),
        ("SOINS.2018.csv", "ID,DATE_SOIN,AGE\n", "dépôt en attente"),
    ],
)
def test_what_was_not_approved_is_refused(
    workspace: Workspace, base: Any, name: str, text: str, told: str
) -> None:
    deposit(workspace, name, text)
    staged = stage(workspace, base)
    assert not staged.complete
    assert told in staged.problems[0]
    assert told in workspace.extract.problem
    assert workspace.extract.manifest == {}
    with pytest.raises(confirming.ConfirmationRefused):
        confirm(workspace, by=world.person(ready=False))


def test_binary_is_refused_in_words(workspace: Workspace, base: Any) -> None:
    deposit(workspace, "SOINS.csv", "").write_bytes(b"MZ\x90\x00\xff\xfe")
    assert "illisible" in stage(workspace, base).problems[0]


def test_the_stager_does_not_confirm(workspace: Workspace, base: Any) -> None:
    stager, checker = world.person(ready=False), world.person(ready=False)
    staging.stage(workspace, scope=world.scope_of(base), by=stager, origin=SyntheticSource(rows=3))
    with pytest.raises(confirming.ConfirmationRefused, match="elle-même"):
        confirm(workspace, by=stager)
    confirm(workspace, by=checker)
    assert workspace.extract.confirmed_by == checker
    with pytest.raises(confirming.ConfirmationRefused, match="déjà confirmée"):
        confirm(workspace, by=checker)
    with pytest.raises(ExtractError, match="ne change plus"):  # another would be unconfirmed
        staging.stage(workspace, scope=world.scope_of(base), by=stager)
    workspace.refresh_from_db()
    assert workspace.extract.confirmed_by == checker


def test_what_was_prepared_again_is_not_what_was_seen(workspace: Workspace, base: Any) -> None:
    stager, checker = world.person(ready=False), world.person(ready=False)
    scope = world.scope_of(base)
    staging.stage(workspace, scope=scope, by=stager, origin=SyntheticSource(rows=3))
    seen = confirming.manifest_sha256(workspace)
    staging.stage(workspace, scope=scope, by=stager, origin=SyntheticSource(rows=4))
    for other in (seen, ""):
        with pytest.raises(confirming.ConfirmationRefused, match="préparée à nouveau"):
            confirming.confirm_extract(workspace, by=checker, seen=other)
    confirm(workspace, by=checker)


def test_delivered_as_staged_with_its_manifest(workspace: Workspace, base: Any) -> None:
    yearly(workspace)
    stage(workspace, base)
    confirm(workspace, by=world.person(ready=False))
    backend = FakeBackend()
    player(lambda: backend)(workspace)
    objects = next(b for n, b in backend.buckets.items() if n.endswith("-in")).objects
    manifest = json.loads(objects["manifest.json"][0])
    assert (manifest["permit_version"], manifest["request"]) == (1, workspace.request.number)
    assert sorted(objects) == ["base-a/SOINS.csv", "manifest.json"]
    entry = manifest["files"][0]
    body, sha256 = objects["base-a/SOINS.csv"]
    assert (entry["bytes"], entry["sha256"]) == (len(body), sha256)
    assert not preparing.ready_folder(workspace).exists()  # no copy stays behind
    with pytest.raises(ExtractError, match="déjà déposée"):
        stage(workspace, base)


def test_a_staged_file_changed_after_confirmation_is_sent_back(
    workspace: Workspace, base: Any
) -> None:
    yearly(workspace)
    stage(workspace, base)
    confirm(workspace, by=world.person(ready=False))
    path = preparing.ready_folder(workspace) / "base-a/SOINS.csv"
    path.write_text(path.read_text() + "x,y,z\n")
    backend = FakeBackend()
    player(lambda: backend)(workspace)
    workspace.refresh_from_db()
    assert "n’est plus tel" in workspace.extract.problem
    assert workspace.extract.confirmed_at is None
    grant = workspace.grants.get()
    assert (grant.state, grant.missing) == ("wanted", ["extract_missing"])
    assert not backend.keys


def test_synthetic_rows_are_the_same_and_join(base: Any, tmp_path: Path) -> None:
    table = approved_tables(world.scope_of(base))[0]
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        SyntheticSource(rows=30).produce(table, request="x", target=file)
    assert files[0].read_bytes() == files[1].read_bytes()
    rows = list(csv.DictReader(files[0].open(newline="")))
    assert {row["DATE_SOIN"][:4] for row in rows} == {"2018", "2019", "2020"}
    assert len(rows) == 30


def test_scope_rows_add_up_and_unknown_names_are_said(base: Any) -> None:
    rows = [
        {"dataset": "base-a", "table": "SOINS", "variables": ["ID"], "years": [2018, 2018]},
        {"dataset": "base-a", "table": "", "variables": [], "year_from": 2020, "year_until": 2022},
    ]
    table = approved_tables(rows)[0]
    assert table.header == ["ID", "DATE_SOIN", "AGE", "SECRET"]
    assert table.years == (2018, 2020)  # the table holds nothing after 2020
    assert scope_fingerprint([table]) == scope_fingerprint(approved_tables(rows[::-1]))
    for wrong in ({"dataset": "none"}, {"dataset": "base-a", "table": "NON"}):
        with pytest.raises(ScopeError):
            approved_tables([wrong])
    with pytest.raises(ScopeError, match="XX"):
        approved_tables([{"dataset": "base-a", "table": "SOINS", "variables": ["XX"]}])
