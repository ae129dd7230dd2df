"""`make test`: every check and test, each in a section with its wall time, then what was proven.

    python -m tests.run_all [SECTION …] [--list]

Real servers are installed and started while the static checks run. A section whose servers this
machine lacks is not played, and the end says how to have them; with CI=true that, an engine not
proven or a test skipped for want of one is a failure. Exit status 0 only when all held.

The suite runs whole on PostgreSQL, and on SQLite the tests marked `both`; without PostgreSQL on
the machine, whole on SQLite. Sections that leave a core idle are played side by side: what each
printed is shown when it ends. Seconds are compared with tests/seconds.toml; being slow is said and
fails nothing.
"""

import argparse
import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.servers import run as servers
from tests.servers.run import ENGINES, PROJECT, Servers, remedy


BIN = PROJECT / ".venv" / "bin"
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
MINUTES = 60
APART = ["tests/e2e", "tests/contracts", "tests/benchmarks"]
SECONDS = PROJECT / "tests" / "seconds.toml"
SLOWER = 25  # per cent above its line of the table, from which a section is warned of


@dataclass
class Result:
    name: str
    seconds: float
    problem: str = ""
    left: str = ""  # why it was not played
    note: str = ""  # what was played in its place

    @property
    def word(self) -> str:
        if self.problem:
            return f"FAILED  {self.problem}"
        if self.left:
            return f"NOT PLAYED  {self.left}"
        return f"ok  {self.note}" if self.note else "ok"


class NotPlayed(Exception):
    """A section that cannot be played on this machine; the message says what it lacks."""


Child = subprocess.Popen[bytes]
Env = Mapping[str, str | None]  # what a command is given beside this run's own; None takes away


class Children:
    """The processes under way in all sections, so that a run that is ended leaves none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: set[Child] = set()
        self._over = False

    def start(self, arguments: list[str], env: dict[str, str], output: int | None) -> Child:
        """Raises RuntimeError once the run is over."""
        with self._lock:
            if self._over:
                raise RuntimeError("the run was ended")
            child = subprocess.Popen(
                arguments,
                cwd=PROJECT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
            )
            self._alive.add(child)
            return child

    def forget(self, child: Child) -> None:
        with self._lock:
            self._alive.discard(child)

    def end(self) -> None:
        """Kill each with what it started; none starts afterwards."""
        with self._lock:
            self._over = True
            for child in self._alive:
                kill(child)


def kill(child: Child) -> None:
    """A section's whole group, unless it is gone."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


@dataclass
class Run:
    """One run of the sections. `proven`: per engine, the sections that used it and held.

    Sections side by side have each a copy with an `output` of its own; all else is shared.
    """

    folder: Path
    servers: Servers
    results: list[Result] = field(default_factory=list)
    proven: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    children: Children = field(default_factory=Children)
    own: dict[str, Callable[["Run"], str]] = field(default_factory=dict)  # tests/run_check.py's
    output: int | None = None  # a file's number; None: straight to the terminal
    _starting: threading.Thread | None = None

    def start_servers(self) -> None:
        self._starting = threading.Thread(target=self.servers.start, daemon=True)
        self._starting.start()

    def engines(self) -> dict[str, str]:
        """Addresses of the engines that serve, once all have started or failed to."""
        if self._starting:
            self._starting.join()
        return self.servers.environment

    def need(self, *names: str) -> None:
        """Raises NotPlayed when one of these engines does not serve."""
        self.engines()
        states = self.servers.states
        if lacking := [n for n in names if n not in states or states[n].problem]:
            raise NotPlayed(f"without {', '.join(lacking)}")

    def command(self, arguments: list[str], env: Env | None = None, minutes: int = 30) -> str:
        """Run it, with `output` for all it prints; return the problem, or an empty string."""
        sys.stdout.flush()
        given: dict[str, str | None] = {**os.environ, "PYTHONUNBUFFERED": "1"}
        given |= {"PYTHONDONTWRITEBYTECODE": None, **(env or {})}  # or each compiles all again
        settings = {name: value for name, value in given.items() if value is not None}
        child = self.children.start(arguments, settings, self.output)
        try:
            code = child.wait(minutes * MINUTES)
        except BaseException as error:
            kill(child)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"not finished after {minutes} minutes"
            raise
        finally:
            self.children.forget(child)
        return "" if code == 0 else f"exit status {code}"

    def python(self, *arguments: str, env: Env | None = None, minutes: int = 30) -> str:
        return self.command([str(BIN / "python"), *arguments], env, minutes)

    def pytest(
        self, name: str, *arguments: str, env: Env | None = None, engines: bool = False
    ) -> str:
        """Run pytest; with `engines` a skip counts as a problem in CI."""
        junit = self.folder / f"{name}.xml"
        seen = self.folder / f"{name}.json"
        settings = {**(env or {}), "GUICHET_ENGINE_REPORT": str(seen)}
        if engines and CI:
            settings["GUICHET_ENGINES_REQUIRED"] = "1"
        problem = self.python(
            *["-m", "pytest", "-rs", "--durations=5", f"--junitxml={junit}", *arguments],
            env=settings,
        )
        if seen.exists():
            for engine, counts in json.loads(seen.read_text()).items():
                if counts["passed"] and not counts["failed"] and not counts["skipped"]:
                    self.proven.setdefault(engine, []).append(f"{name} ({counts['passed']})")
        if engines and CI and not problem and (skipped := _skipped(junit)):
            problem = f"{len(skipped)} test(s) skipped: {', '.join(skipped[:3])}"
        return problem


def _skipped(junit: Path) -> list[str]:
    tree = ET.parse(junit)  # noqa: S314 (pytest wrote it a moment ago)
    return [
        str(case.get("name")) for case in tree.iter("testcase") if case.find("skipped") is not None
    ]


# --- Sections: each returns its problem, or an empty string, or raises NotPlayed ---------


def ruff(run: Run) -> str:
    return run.python("-m", "ruff", "check", ".") or run.python(
        "-m", "ruff", "format", "--check", "."
    )


def djlint(run: Run) -> str:
    return run.command([str(BIN / "djlint"), "templates", "--lint", "--quiet"])


def mypy(run: Run) -> str:
    return run.python("-m", "mypy", env={"GUICHET_VAR": str(run.folder / "mypy")})


def layers(run: Run) -> str:
    return run.command([str(BIN / "lint-imports")])


def dependencies(run: Run) -> str:
    return run.command([str(BIN / "deptry"), ".", "--no-ansi"])


def migrations(run: Run) -> str:
    env = {"GUICHET_VAR": str(run.folder / "migrations")}
    return run.python("manage.py", "makemigrations", "--check", "--dry-run", env=env) or run.python(
        "manage.py", "check", env=env
    )


def deployable(run: Run) -> str:
    """`check --deploy` with production settings: what an operator runs before going live."""
    env = {
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "GUICHET_VAR": str(run.folder / "deploy"),
        "GUICHET_SECRET_KEY": os.urandom(40).hex(),
        "GUICHET_ALLOWED_HOSTS": "guichet.example",
        "GUICHET_PUBLIC_URL": "https://guichet.example",
        "GUICHET_CUSTODY_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "EMAIL_URL": "smtp://127.0.0.1:25",
    }
    return run.python("manage.py", "check", "--deploy", "--fail-level", "ERROR", env=env)


def suite(run: Run, name: str, env: Env, *options: str, engines: bool = False) -> str:
    """Tests stay with their class, whose data are made once, until a worker has none left."""
    apart = [f"--ignore={folder}" for folder in APART]
    alone = ["-n", "2", "--dist", "worksteal", "-p", "no:playwright"]
    return run.pytest(name, "tests", *alone, *apart, *options, env=env, engines=engines)


def postgresql_is_here(run: Run) -> bool:
    """Does it serve this run, or could it, were it asked to?"""
    run.engines()
    if state := run.servers.states.get("postgresql"):
        return not state.problem
    return CI or servers.present(ENGINES["postgresql"])


ON_SQLITE: Env = {"DATABASE_URL": None}


def suite_sqlite(run: Run) -> str:
    """Tests where the engine matters, or all when this machine has no other engine."""
    if not CI and not postgresql_is_here(run):
        run.notes["suite-sqlite"] = "whole, for want of postgresql"
        return suite(run, "suite-sqlite", ON_SQLITE)
    return suite(run, "suite-sqlite", ON_SQLITE, "-m", "both")


def suite_sqlite_whole(run: Run) -> str:
    return suite(run, "suite-sqlite-whole", ON_SQLITE)


def suite_postgresql(run: Run) -> str:
    run.need("postgresql")
    server = run.engines()["TEST_DATABASE_URL"]
    given = {"DATABASE_URL": server, "TEST_DATABASE_URL": server}
    return suite(run, "suite-postgresql", given, engines=True)


def contracts(run: Run) -> str:
    """Neighbours stay on one worker: the servers of a file are started once, not by each worker."""
    alone = ["-n", "2", "--dist", "worksteal"]
    return run.pytest("contracts", "tests/contracts", *alone, env=run.engines(), engines=True)


def browser(run: Run) -> str:
    return run.pytest("browser", "tests/e2e", env=run.engines(), engines=True)


def journey_embedded(run: Run) -> str:
    return run.python("manage.py", "journey", *_dictionary(), minutes=20)


def journey_real(run: Run) -> str:
    needed = ("postgresql", "redis", "opensearch", "rgw")
    run.need(*needed)
    problem = run.python(
        "manage.py", "journey", "--real", *_dictionary(), env=run.engines(), minutes=20
    )
    if not problem:
        for name in needed:
            run.proven.setdefault(name, []).append("journey-real")
    return problem


def share(run: Run) -> str:
    """An eighth of the mutants and one bench at short sizes, others at each commit; `make deep` and
    `make bench` play all. The bench fails when it cannot be played or leaves its stated bounds,
    which count statements and processor seconds: what is played beside it changes none."""
    alone = ["--share", "--at-once", "1"]  # one copy, one database; the other core is taken
    return run.python("-m", "tests.mutants.run", *alone, minutes=15) or run.python(
        "-m", "tests.benchmarks.run_local", "--share", minutes=10
    )


def _dictionary() -> list[str]:
    """The published dictionary, where this machine has it; the demo catalogue serves otherwise."""
    folder = PROJECT.parent / "shared" / "data" / "snds" / "schemas"
    return ["--dictionary", str(folder)] if folder.is_dir() else []


SECTIONS: dict[str, Callable[[Run], str]] = {
    "ruff": ruff,
    "djlint": djlint,
    "layers": layers,
    "dependencies": dependencies,
    "migrations": migrations,
    "deployable": deployable,
    "mypy": mypy,
    "suite-postgresql": suite_postgresql,
    "suite-sqlite": suite_sqlite,
    "share": share,
    "contracts": contracts,
    "browser": browser,
    "journey-embedded": journey_embedded,
    "journey-real": journey_real,
}
# Played when asked for by name only.
ASKED = {"suite-sqlite-whole": suite_sqlite_whole}
# One stage after another; in a stage, its lanes side by side; in a lane, one section after another.
# Each of the two long lanes leaves a core idle, waits for processes of its own and shares no state:
# other ports, other folders; of the real servers, only the second uses Redis, OpenSearch and RGW.
# They begin with what fails soonest, and what follows is shared out so that both end together.
STAGES = (
    (
        ("ruff", "djlint", "migrations", "share", "browser", "journey-embedded"),
        ("mypy", "layers", "dependencies", "deployable", "contracts", "journey-real"),
    ),
    (("suite-postgresql",),),
    (("suite-sqlite",),),
    (("suite-sqlite-whole",),),
)
# Sections that say something about an engine without which they would not have run.
NEEDED_BY = {"suite-postgresql", "contracts", "browser", "journey-real"}


def play(run: Run, name: str) -> Result:
    """One section, timed. Not playing it is a problem in CI only; an error is one everywhere."""
    before = time.monotonic()
    problem = left = ""
    try:
        problem = (SECTIONS | ASKED | run.own)[name](run)
    except NotPlayed as lack:
        problem, left = (str(lack), "") if CI else ("", str(lack))
    except Exception as error:  # noqa: BLE001 (the sections beside it go on, and this one failed)
        problem = f"{type(error).__name__}: {error}"
        traceback.print_exc()
    note = run.notes.get(name, "")
    return Result(name, time.monotonic() - before, problem, left, note)


def heading(name: str) -> str:
    return f"\n=== {name} {'=' * (70 - len(name))}"


def say(run: Run, result: Result, printed: str = "") -> None:
    """The end of a section, with what it printed when it was played beside another."""
    if printed:
        printed = f"{heading(result.name)}\n{printed.rstrip()}\n"
    ending = f"--- {result.name}: {result.word} ({result.seconds:.1f} s)"
    sys.stdout.write(f"{printed}{ending}\n")
    sys.stdout.flush()
    run.results.append(result)


def play_stage(run: Run, lanes: list[list[str]]) -> None:
    """Its lanes side by side. Raises what ended the run, once their processes are ended too."""
    if len(lanes) == 1:
        for name in lanes[0]:
            print(heading(name), flush=True)
            say(run, play(run, name))
        return
    saying = threading.Lock()
    # Not Thread.join: interrupted, it takes a thread that goes on for one that has ended.
    under_way, done = len(lanes), queue.SimpleQueue[None]()

    def play_lane(names: list[str]) -> None:
        for name in names:
            with (run.folder / f"{name}.log").open("w+b") as log:
                result = play(replace(run, output=log.fileno()), name)
                log.seek(0)
                printed = log.read().decode(errors="replace") or "(printed nothing)"
            with saying:
                say(run, result, printed)
        done.put(None)

    print(f"\nside by side: {' | '.join(', '.join(names) for names in lanes)}", flush=True)
    started = time.monotonic()
    try:
        for names in lanes:
            threading.Thread(target=play_lane, args=[names], daemon=True).start()
        while under_way:
            try:
                done.get(timeout=MINUTES)
                under_way -= 1
            except queue.Empty:
                print(f"    … {time.monotonic() - started:.0f} s", flush=True)
    except BaseException:
        run.children.end()
        with contextlib.suppress(queue.Empty):
            for _lane in range(under_way):
                done.get(timeout=10)
        raise


def stages(chosen: list[str]) -> list[list[list[str]]]:
    """What of each stage was chosen, without what is empty."""
    kept = [[[name for name in lane if name in chosen] for lane in stage] for stage in STAGES]
    return [lanes for stage in kept if (lanes := [lane for lane in stage if lane])]


def expected() -> dict[str, float]:
    """Seconds of each section on CI's machine, as the committed table has them."""
    table = tomllib.loads(SECONDS.read_text(encoding="utf-8"))["sections"]
    return {name: float(seconds) for name, seconds in table.items()}


def wall(seconds: dict[str, float]) -> float:
    """What a run lasts: of lanes side by side, the longest."""
    lanes = [[sum(seconds[name] for name in lane) for lane in one] for one in stages([*SECTIONS])]
    return sum(map(max, lanes))


def slower(result: Result, usual: float) -> str:
    """A warning when the section took clearly more than the table has."""
    more = 100 * (result.seconds / usual - 1) if usual else 0
    return f"  WARNING +{more:.0f} %" if more > SLOWER and not result.note else ""


def summary(run: Run, seconds: float) -> bool:
    """Print the final tables; True when all held."""
    print("\n=== Summary", "=" * 60)
    table = {} if run.own else expected()
    order = [*SECTIONS, *ASKED, *run.own]
    print(f"{'':20} {'seconds':>9} {'usual' if table else '':>6}")
    for result in sorted(run.results, key=lambda one: order.index(one.name)):
        usual = table.get(result.name, 0)
        said = f"{usual:6.0f}" if usual else " " * 6
        line = f"{result.name:20} {result.seconds:7.1f} s {said}  {result.word}"
        print(line + slower(result, usual))
    whole = [f"{wall(table):6.0f}"] if set(SECTIONS) <= {one.name for one in run.results} else []
    print(f"{'total':20} {seconds:7.1f} s", *whole)
    unproven = []
    if NEEDED_BY & {result.name for result in run.results}:
        print(f"\n{'engine':12} {'ready in':>9}  proven by")
        for name in ENGINES:
            state = run.servers.states.get(name)
            ready = f"{state.seconds:7.1f} s" if state and not state.problem else "     none"
            by = ", ".join(run.proven.get(name, []))
            if not by:
                unproven.append(name)
                why = state.problem.splitlines()[-1] if state and state.problem else "no test held"
                by = f"NOT PROVEN: {why}"
            print(f"{name:12} {ready}  {by}")
        for name in unproven:
            print(f"to prove {name}: {remedy(ENGINES[name])} && make test")
    failed = [result for result in run.results if result.problem]
    if CI:
        failed += [Result(f"engine {name}", 0, "not proven") for name in unproven]
    left = [result for result in run.results if result.left]
    held = len(run.results) - len(left) - sum(bool(result.problem) for result in run.results)
    count = f"{held} passed, {len(failed)} failed" + (f", {len(left)} not played" if left else "")
    print(f"\nsections: {count}", flush=True)
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(description="Every check and test of Guichet.")
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SECTIONS))
        print("\n".join(f"{name} (when asked for)" for name in ASKED))
        return 0
    if unknown := set(options.sections) - {*SECTIONS, *ASKED}:
        parser.error(f"unknown section: {', '.join(sorted(unknown))}")
    chosen = options.sections or [*SECTIONS]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guichet-run-") as folder:
        run = Run(Path(folder), Servers(Path(folder) / "servers"))
        try:
            if NEEDED_BY & set(chosen):
                run.start_servers()
            for stage in stages(chosen):
                play_stage(run, stage)
            return 0 if summary(run, time.monotonic() - started) else 1
        finally:
            run.engines()
            run.servers.stop()


if __name__ == "__main__":
    sys.exit(main())
