"""`make check`: what a commit must pass, in minutes: static checks, consistency, the rooms touched.

    python -m tests.run_check [--list] [--base COMMIT] [PATH …]

Touched is what differs from where the branch left origin/main (from the commit before, when nothing
does), with what is not committed; or the paths given. The suite's tests run on SQLite: engines,
browser and journeys are for `make test`.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from tests import run_all
from tests.run_all import BIN, PROJECT, Run
from tests.servers.run import Servers


CONSISTENCY = "tests/consistency"
# What everything stands on: one course, one page, one list of each kind, rather than the suite.
FOUNDATIONS = (
    "tests/migrations",
    "tests/catalog/pages/test_lists.py",
    "tests/portal/accounts/test_accounts_login.py",
    "tests/portal/audit/test_audit.py",
    "tests/portal/audit/test_audit_chain.py",
    "tests/requests_app/counter/test_my_pages.py",
    "tests/requests_app/deadlines/test_deadlines_clock.py",
    "tests/requests_app/provisioning/test_open_and_close.py",
    "tests/requests_app/rights/test_who_reads_what.py",
    "tests/requests_app/workflow/test_engine_course.py",
)
# Folders and files (the longest that fits) whose tests are not in the folder of the same name under
# tests/. What has no tests of its own is held by consistency alone: an empty line says so.
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "catalog": ("tests/catalog",),
    "catalog/static": (),
    "docs": (),
    "deploy": (),
    "portal": ("tests/portal/common",),
    "portal/settings": FOUNDATIONS,
    "portal/static": (),
    "requests_app": FOUNDATIONS,
    "requests_app/committee": ("tests/requests_app/committee", "tests/requests_app/workflow"),
    "requests_app/register": ("tests/requests_app/permits", "tests/requests_app/counter"),
    "requests_app/static": (),
    "requests_app/templatetags": ("tests/requests_app/counter",),
    "templates": ("tests/portal/common", "tests/requests_app/counter/test_my_pages.py"),
    "templates/accounts": ("tests/portal/accounts",),
    "templates/catalog": ("tests/catalog/pages",),
    "templates/email": ("tests/portal/notifications",),
    "templates/notifications": ("tests/portal/notifications",),
    "templates/pdf": ("tests/portal/common/test_pdf.py", "tests/requests_app/dossier"),
    "templates/requests_app": ("tests/requests_app/counter",),
    "templates/requests_app/basket": ("tests/requests_app/selection",),
    "templates/requests_app/draft": ("tests/requests_app/dossier",),
    "tests": (),
    "tests/conftest.py": FOUNDATIONS,
    "tests/benchmarks": (),
    "tests/golden": (),
    "tests/mutants": (),
    "tests/servers": (),
    "tests/support": FOUNDATIONS,
}
APART = tuple(run_all.APART)


def plays(path: str) -> tuple[str, ...]:
    """The tests that a change of this file calls for, consistency (always played) left out."""
    place = PurePosixPath(path)
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    folders = [str(one) for one in place.parents if str(one) != "."]
    if not folders or set(folders) & {*APART, CONSISTENCY}:
        return ()
    if folders[-1] == "tests" and place.name.startswith("test_"):
        return (path,)
    for folder in folders:
        mirror = folder if folders[-1] == "tests" else f"tests/{folder}"
        if folder in ELSEWHERE:
            return ELSEWHERE[folder]
        if len(PurePosixPath(mirror).parts) > 2 and (PROJECT / mirror).is_dir():
            return (mirror,)
    return ()


def chosen(paths: Iterable[str]) -> list[str]:
    """Consistency and the tests of all these files that are there; none inside another."""
    found = {CONSISTENCY, *(test for path in paths for test in plays(path))}
    there = {test for test in found if (PROJECT / test).exists()}
    return sorted(t for t in there if not {str(one) for one in PurePosixPath(t).parents} & there)


def git(*words: str) -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def touched(base: str = "") -> list[str]:
    """Paths of files changed since `base`, those not yet known to git included."""
    new = git("ls-files", "--others", "--exclude-standard")
    for commit in [base] if base else [*git("merge-base", "HEAD", "origin/main"), "HEAD~1"]:
        if changed := git("diff", "--name-only", "--no-renames", commit) + new:
            return sorted({*changed})
    return new


def static(run: Run) -> str:
    """What no lane of its own is worth."""
    for section in (run_all.ruff, run_all.layers, run_all.migrations):
        if problem := section(run):
            return problem
    return ""


def djlint(run: Run, paths: list[str]) -> str:
    pages = [one for one in paths if one.startswith("templates/") and one.endswith(".html")]
    pages = [one for one in pages if (PROJECT / one).exists()]
    return run.command([str(BIN / "djlint"), *pages, "--lint", "--quiet"]) if pages else ""


def rooms(run: Run, tests: list[str]) -> str:
    apart = ["-p", "no:playwright", "--dist", "worksteal"]
    return run.pytest("rooms", *tests, "-n", "2", *apart, env=run_all.ON_SQLITE)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--base", default="", help="changes since this commit")
    parser.add_argument("--list", action="store_true", help="what would be played, and why")
    options = parser.parse_args()
    paths = options.paths or touched(options.base)
    tests = chosen(paths)
    for path in paths:
        called = plays(path)
        why = "the foundations" if called == FOUNDATIONS else ", ".join(called) or CONSISTENCY
        print(f"{path:60} {why}")
    print("\nplayed:", *tests, sep="\n  ", flush=True)
    if options.list:
        return 0
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    own: dict[str, Callable[[Run], str]] = {
        "static": static,
        "djlint": partial(djlint, paths=paths),
        "rooms": partial(rooms, tests=tests),
    }
    with tempfile.TemporaryDirectory(prefix="guichet-check-") as folder:
        run = Run(Path(folder), Servers(Path(folder) / "servers"), own=own)
        run_all.play_stage(run, [["static", "djlint"], ["mypy"]])
        run_all.play_stage(run, [["rooms"]])
        return 0 if run_all.summary(run, time.monotonic() - started) else 1


if __name__ == "__main__":
    sys.exit(main())
