"""`make test`: every check and test, each in a section with its wall time, then what was proven.

    python -m tests.run_all [SECTION …] [--list]

Real servers are installed and started while the static checks run. A section whose servers this
machine lacks is not played, and the end says how to have them; with CI=true that, an engine not
proven or a test skipped for want of one is a failure. Exit status 0 only when all held.
"""

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.run import ENGINES, PROJECT, Servers, remedy


BIN = PROJECT / ".venv" / "bin"
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
MINUTES = 60
APART = ["tests/e2e", "tests/contracts", "tests/benchmarks"]


@dataclass
class Result:
    name: str
    seconds: float
    problem: str = ""
    left: str = ""  # why it was not played

    @property
    def word(self) -> str:
        if self.problem:
            return f"FAILED  {self.problem}"
        return f"NOT PLAYED  {self.left}" if self.left else "ok"


class NotPlayed(Exception):
    """A section that cannot be played on this machine; the message says what it lacks."""


@dataclass
class Run:
    """One run of the sections. `proven`: per engine, the sections that used it and held."""

    folder: Path
    servers: Servers
    results: list[Result] = field(default_factory=list)
    proven: dict[str, list[str]] = field(default_factory=dict)
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

    def command(
        self, arguments: list[str], env: dict[str, str] | None = None, minutes: int = 30
    ) -> str:
        """Run, output passing through; return the problem, or an empty string."""
        sys.stdout.flush()
        child = subprocess.Popen(
            arguments,
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = child.wait(minutes * MINUTES)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"not finished after {minutes} minutes"
            raise
        return "" if code == 0 else f"exit status {code}"

    def python(self, *arguments: str, env: dict[str, str] | None = None, minutes: int = 30) -> str:
        return self.command([str(BIN / "python"), *arguments], env, minutes)

    def pytest(
        self, name: str, *arguments: str, env: dict[str, str] | None = None, engines: bool = False
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


def suite(run: Run, name: str, env: dict[str, str]) -> str:
    apart = [f"--ignore={folder}" for folder in APART]
    return run.pytest(name, "tests", "-n", "2", *apart, env=env)


def suite_sqlite(run: Run) -> str:
    return suite(run, "suite-sqlite", {"DATABASE_URL": ""} if "DATABASE_URL" in os.environ else {})


def suite_postgresql(run: Run) -> str:
    run.need("postgresql")
    problem = suite(run, "suite-postgresql", {"DATABASE_URL": run.engines()["TEST_DATABASE_URL"]})
    if not problem:
        run.proven.setdefault("postgresql", []).append("suite-postgresql")
    return problem


def contracts(run: Run) -> str:
    return run.pytest("contracts", "tests/contracts", "-n", "2", env=run.engines(), engines=True)


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


def _dictionary() -> list[str]:
    """The published dictionary, where this machine has it; the demo catalogue serves otherwise."""
    folder = PROJECT.parent / "shared" / "data" / "snds" / "schemas"
    return ["--dictionary", str(folder)] if folder.is_dir() else []


SECTIONS: dict[str, Callable[[Run], str]] = {
    "ruff": ruff,
    "djlint": djlint,
    "layers": layers,
    "dependencies": dependencies,
    "mypy": mypy,
    "migrations": migrations,
    "deployable": deployable,
    "suite-sqlite": suite_sqlite,
    "suite-postgresql": suite_postgresql,
    "contracts": contracts,
    "browser": browser,
    "journey-embedded": journey_embedded,
    "journey-real": journey_real,
}
STATIC = {"ruff", "djlint", "layers", "dependencies", "mypy", "migrations", "deployable"}
# Sections that say something about an engine without which they would not have run.
NEEDED_BY = {"suite-postgresql", "contracts", "browser", "journey-real"}


def play(run: Run, name: str) -> Result:
    """One section, timed. Not playing it is a problem in CI only."""
    before = time.monotonic()
    problem = left = ""
    try:
        problem = SECTIONS[name](run)
    except NotPlayed as lack:
        problem, left = (str(lack), "") if CI else ("", str(lack))
    return Result(name, time.monotonic() - before, problem, left)


def summary(run: Run, seconds: float) -> bool:
    """Print the final tables; True when all held."""
    print("\n=== Summary", "=" * 60)
    for result in run.results:
        print(f"{result.name:20} {result.seconds:7.1f} s  {result.word}")
    print(f"{'total':20} {seconds:7.1f} s")
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
        return 0
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"unknown section: {', '.join(sorted(unknown))}")
    chosen = [name for name in SECTIONS if not options.sections or name in options.sections]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guichet-run-") as folder:
        run = Run(Path(folder), Servers(Path(folder) / "servers"))
        try:
            if NEEDED_BY & set(chosen):
                run.start_servers()
            for name in chosen:
                print(f"\n=== {name}", "=" * (70 - len(name)), flush=True)
                result = play(run, name)
                run.results.append(result)
                print(f"--- {name}: {result.word} ({result.seconds:.1f} s)")
            return 0 if summary(run, time.monotonic() - started) else 1
        finally:
            run.engines()
            run.servers.stop()


if __name__ == "__main__":
    sys.exit(main())
