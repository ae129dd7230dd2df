"""`make test` says which servers were proven; what a machine lacks is a failure in CI only."""

from pathlib import Path

import pytest

from tests import run_all
from tests.servers import run as servers
from tests.servers.run import ENGINES, Servers, State


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> run_all.Run:
    """A run on a machine without any server, whose person may not install one."""
    monkeypatch.setattr(servers, "present", lambda engine: not engine.binaries)
    monkeypatch.setattr(servers, "may_install", lambda: False)
    run = run_all.Run(tmp_path, Servers(tmp_path / "servers"))
    run.servers.states = servers.install(list(ENGINES))
    return run


def played(run: run_all.Run, *names: str) -> None:
    for name in names:
        run.results.append(run_all.play(run, name))


def test_without_a_server_its_sections_are_left_and_the_line_to_run_is_given(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_all, "CI", False)
    played(bare, "suite-postgresql", "journey-real")
    assert run_all.summary(bare, 1.0)
    said = capsys.readouterr().out
    assert "NOT PLAYED  without postgresql, redis, opensearch, rgw" in said
    for name, engine in ENGINES.items():
        assert f"to prove {name}: {servers.remedy(engine)} && make test" in said
    assert "to prove redis: sudo apt-get install --no-install-recommends redis-server" in said
    assert "0 passed, 0 failed, 2 not played" in said


def test_in_ci_an_unproven_server_is_a_failure(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_all, "CI", True)
    played(bare, "suite-postgresql")
    assert not run_all.summary(bare, 1.0)
    assert "FAILED  without postgresql" in capsys.readouterr().out
    bare.results = [run_all.Result("contracts", 1.0)]  # it held, yet nothing proved an engine
    assert not run_all.summary(bare, 1.0)
    assert f"{len(ENGINES)} failed" in capsys.readouterr().out


def test_proven_servers_are_named_with_what_proved_them(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_all, "CI", True)
    bare.servers.states = {name: State(engine, 1.0) for name, engine in ENGINES.items()}
    bare.proven = {name: ["contracts (3)"] for name in ENGINES}
    bare.results = [run_all.Result("contracts", 1.0)]
    assert run_all.summary(bare, 1.0)
    said = capsys.readouterr().out
    assert "NOT PROVEN" not in said
    assert said.count("contracts (3)") == len(ENGINES)


def test_a_failure_elsewhere_fails_the_whole(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_all, "CI", False)
    monkeypatch.setitem(run_all.SECTIONS, "ruff", lambda run: "exit status 1")
    played(bare, "ruff")
    assert not run_all.summary(bare, 1.0)
    assert "engine" not in capsys.readouterr().out  # no section said anything of a server


def test_every_check_that_the_house_promises_is_a_section() -> None:
    promised = {
        "ruff", "djlint", "mypy", "layers", "migrations", "suite-sqlite", "suite-postgresql",
        "contracts", "browser", "journey-embedded", "journey-real",
    }  # fmt: skip
    assert promised <= set(run_all.SECTIONS)
    ignored = {Path(folder) for folder in run_all.APART}
    assert Path("tests/consistency") not in ignored  # sizes of modules are checked by the suite
