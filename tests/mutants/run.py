"""Play the mutants: each fault put alone into a copy of the tree, and the test that must see it.

    python -m tests.mutants.run [AREA | NAME …] [--share] [--search] [--at-once N]

First the tests that kill are run on the copies as they are: all must be green. Then one mutant
after another: `killed_by`, and, when it does not fail, the tests of the room up to the first
failure. Exit status 1 when a mutant survives, could not be played, or a test was red without any.

The working tree is copied with what is not committed, and never written. On SQLite: what only the
locks of PostgreSQL show has its own tests.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from tests.mutants.mutants import ROOT, Mutant, NotThere, load
from tests.support import rotation


LONGEST = 300  # seconds; a fault may make a loop that never ends: that is seen too
GREEN, RED = 0, 1  # pytest's exit status; any other: nothing was proven


@dataclass
class Answer:
    status: int
    failed: list[str]
    output: str


@dataclass
class Copy:
    """A copy of the tree with a database of its own, kept as the first run made it."""

    folder: Path
    tree: Path = field(init=False)

    def __post_init__(self) -> None:
        self.tree = self.folder / "tree"
        command = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.tree / name)
        (self.tree / ".venv").symlink_to((ROOT / ".venv").resolve())

    def prepare(self, tests: Sequence[str]) -> Answer:
        """Make the database and play tests on the copy as it is."""
        answer = self._pytest(["--create-db", *tests], state="kept", compiled=True)
        shutil.copytree(self.folder / "kept", self.folder / "first")
        return answer

    def play(self, mutant: Mutant, tests: Sequence[str]) -> Answer:
        """Tests, up to the first failure, with the fault in the copy."""
        state = "fresh" if mutant.fresh_database else "kept"
        shutil.rmtree(self.folder / state, ignore_errors=True)
        if not mutant.fresh_database:
            shutil.copytree(self.folder / "first", self.folder / "kept")
        with self._broken(mutant):
            return self._pytest(["-x", *tests], state=state)

    @contextmanager
    def _broken(self, mutant: Mutant) -> Iterator[None]:
        path = self.tree / mutant.file
        source = path.read_text(encoding="utf-8")
        path.write_text(mutant.applied(source), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source, encoding="utf-8")

    def _pytest(self, arguments: list[str], *, state: str, compiled: bool = False) -> Answer:
        environment = os.environ | {"GUICHET_TEST_RUN": str(self.folder / state)}
        for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "GUICHET_DEEP"):
            environment.pop(name, None)
        if not compiled:  # what is compiled of a fault would outlive it
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", "--reuse-db", "-rfE", "--tb=short"]
        command += ["-p", "no:playwright", "-p", "no:schemathesis", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, *arguments],
                cwd=self.tree,
                env=environment,
                capture_output=True,
                text=True,
                timeout=None if compiled else LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(RED, [f"more than {LONGEST} s"], "")
        marks = ("FAILED ", "ERROR ")
        lines = [line for line in done.stdout.splitlines() if line.startswith(marks)]
        failed = [line.split(" ", 1)[1].split(" - ")[0] for line in lines]
        return Answer(done.returncode, failed, done.stdout + done.stderr)


def verdict(copy: Copy, mutant: Mutant, *, search: bool) -> tuple[bool, str]:
    """Whether the mutant is killed, and by what."""
    answer = Answer(GREEN, [], "")
    if not search:
        answer = copy.play(mutant, [mutant.killed_by])
    if answer.status == GREEN:
        answer = copy.play(mutant, mutant.tests)
        if answer.status == RED and not search:
            return True, f"killed by {answer.failed[0]}, NOT BY {mutant.killed_by}"
    if answer.status == GREEN:
        return False, f"SURVIVES  {mutant.means}"
    if answer.status != RED:
        return False, f"NOT PLAYED\n{answer.output[-3000:]}"
    return True, f"killed by {answer.failed[0] if answer.failed else mutant.killed_by}"


def chosen(names: Sequence[str], *, share: bool) -> list[Mutant]:
    """Raises SystemExit for a name that nothing has."""
    known = load()
    if unknown := set(names) - {one.area for one in known} - {one.name for one in known}:
        raise SystemExit(f"no such mutant or area: {', '.join(sorted(unknown))}")
    found = [one for one in known if not names or {one.area, one.name} & set(names)]
    return rotation.share(found) if share else found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="AREA|NAME")
    parser.add_argument("--share", action="store_true", help="the commit's eighth of them")
    parser.add_argument("--search", action="store_true", help="which test of the room kills it")
    parser.add_argument("--at-once", type=int, default=2, metavar="N")
    options = parser.parse_args()
    mutants = chosen(options.names, share=options.share)
    wide = max(1, min(options.at_once, len(mutants)))
    started, bad = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="guichet-mutants-") as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(wide)]
        free: Queue[Copy] = Queue()
        killing = sorted({one.tests[0] if options.search else one.killed_by for one in mutants})

        def prepare(number: int) -> Answer:
            return copies[number].prepare(killing[number::wide])

        def play(mutant: Mutant) -> bool:
            copy, before = free.get(), time.monotonic()
            try:
                killed, words = verdict(copy, mutant, search=options.search)
            except NotThere as error:
                killed, words = False, f"NOT PLAYED  {error}"
            finally:
                free.put(copy)
            seconds = time.monotonic() - before
            name = f"{mutant.area}/{mutant.name}"
            print(f"{name:38} {seconds:6.1f} s  {words}", flush=True)
            return killed

        with ThreadPoolExecutor(wide) as pool:
            for answer in pool.map(prepare, range(wide)):
                if answer.status != GREEN:
                    print(f"RED without any mutant:\n{answer.output[-6000:]}")
                    bad += 1
            spent = time.monotonic() - started
            print(f"{'without any mutant':38} {spent:6.1f} s  {len(killing)} tests", flush=True)
            for copy in copies:
                free.put(copy)
            if not bad:
                bad = sum(not killed for killed in pool.map(play, mutants))
    print(f"{len(mutants)} mutants, {bad} not killed ({time.monotonic() - started:.0f} s)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
