"""`make test` says which servers were proven; what a machine lacks is a failure in CI only."""

import os
import signal
import threading
import tomllib
from collections.abc import Callable
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


def test_sections_side_by_side_are_shown_one_after_the_other(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    met = threading.Barrier(2, timeout=20)

    def section(number: int) -> Callable[[run_all.Run], str]:
        def play(run: run_all.Run) -> str:
            met.wait()  # each waits for the other: they are under way at once
            problem = run.python("-c", f"print('printed by {number}'); raise SystemExit({number})")
            met.wait()
            return problem

        return play

    for number, name in enumerate(("journey-embedded", "journey-real")):
        monkeypatch.setitem(run_all.SECTIONS, name, section(number))
    run_all.play_stage(bare, [["journey-embedded"], ["journey-real"]])
    said = capfd.readouterr().out
    for number, name in enumerate(("journey-embedded", "journey-real")):
        lines = said[said.index(f"=== {name} ") : said.index(f"--- {name}: ")].splitlines()
        assert [line for line in lines[1:] if line] == [f"printed by {number}"]
    problems = {result.name: result.problem for result in bare.results}
    assert problems == {"journey-embedded": "", "journey-real": "exit status 1"}
    assert not run_all.summary(bare, 1.0)


def test_an_error_inside_a_section_is_its_failure_and_the_other_goes_on(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_run: run_all.Run) -> str:
        raise FileNotFoundError("no such program")

    monkeypatch.setitem(run_all.SECTIONS, "contracts", broken)
    monkeypatch.setitem(run_all.SECTIONS, "browser", lambda run: "")
    run_all.play_stage(bare, [["contracts"], ["browser"]])
    problems = {result.name: result.problem for result in bare.results}
    assert problems == {"contracts": "FileNotFoundError: no such program", "browser": ""}


def test_a_run_that_is_ended_leaves_no_process_and_starts_none(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    ended: list[str] = []

    def long(run: run_all.Run) -> str:
        child = run.children.start(["sleep", "600"], dict(os.environ), run.output)
        begun.set()
        ended.append(f"{child.wait()}")
        return run.python("-c", "raise SystemExit(0)")

    def interrupted(_run: run_all.Run) -> str:
        begun.wait(20)
        os.kill(os.getpid(), signal.SIGUSR1)
        return ""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(run_all.SECTIONS, "contracts", long)
    monkeypatch.setitem(run_all.SECTIONS, "browser", interrupted)
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_all.play_stage(bare, [["contracts"], ["browser"]])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ended == [f"{-signal.SIGKILL}"]
    problems = {result.name: result.problem for result in bare.results}
    assert problems["contracts"] == "RuntimeError: the run was ended"


@pytest.mark.parametrize(("took", "warned"), [(125, False), (126, True), (60, False)])
def test_a_section_slower_than_its_line_is_warned_of_and_fails_nothing(
    bare: run_all.Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    took: int,
    warned: bool,
) -> None:
    monkeypatch.setattr(run_all, "expected", lambda: dict.fromkeys(run_all.SECTIONS, 100.0))
    bare.results = [run_all.Result("mypy", took)]
    assert run_all.summary(bare, took)
    assert ("WARNING +26 %" in capsys.readouterr().out) is warned


@pytest.mark.parametrize("there", [True, False])
def test_without_postgresql_the_suite_is_whole_on_sqlite_and_says_so(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(run_all, "CI", False)
    monkeypatch.setattr(bare.servers, "states", {})
    monkeypatch.setattr(servers, "present", lambda engine: there)
    asked: list[str] = []
    monkeypatch.setattr(
        run_all.Run, "pytest", lambda run, *words, **_env: asked.extend(words) or ""
    )
    result = run_all.play(bare, "suite-sqlite")
    assert ("both" in asked) is there
    assert result.word == ("ok" if there else "ok  whole, for want of postgresql")
    asked.clear()
    assert run_all.play(bare, "suite-sqlite-whole").word == "ok"
    assert "both" not in asked


def test_on_sqlite_no_address_of_another_database_is_left(
    bare: run_all.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one is none at all for the settings: the portal would not start."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://of-the-person/who-calls")
    code = "import os; raise SystemExit('DATABASE_URL' in os.environ)"
    assert bare.python("-c", code) == "exit status 1"
    assert bare.python("-c", code, env=run_all.ON_SQLITE) == ""


def test_each_section_is_played_once_and_has_its_line_in_the_table() -> None:
    staged = [name for stage in run_all.STAGES for lane in stage for name in lane]
    assert sorted(staged) == sorted({*run_all.SECTIONS, *run_all.ASKED})
    assert set(run_all.expected()) == set(run_all.SECTIONS)
    most = tomllib.loads(run_all.SECONDS.read_text())["most"]
    assert run_all.wall(run_all.expected()) <= most


def test_only_one_of_two_lanes_uses_the_servers_that_hold_one_state() -> None:
    """Redis, OpenSearch and RGW are one for all; databases are made by each section for itself."""
    for stage in run_all.STAGES:
        assert sum(bool({"contracts", "journey-real"} & set(lane)) for lane in stage) <= 1


def test_every_check_that_the_house_promises_is_a_section() -> None:
    promised = {
        "ruff", "djlint", "mypy", "layers", "migrations", "suite-sqlite", "suite-postgresql",
        "contracts", "browser", "journey-embedded", "journey-real", "share",
    }  # fmt: skip
    assert promised <= set(run_all.SECTIONS)
    ignored = {Path(folder) for folder in run_all.APART}
    assert Path("tests/consistency") not in ignored  # sizes of modules are checked by the suite
