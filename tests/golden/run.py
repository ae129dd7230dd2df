"""The working tree answers as a commit did: `make golden BASE=<commit>`.

    python -m tests.golden.run BASE [--full] [--only NAMES] [--keep FOLDER]

Both trees load the demonstration afresh, play it on, and are asked for every address, with the same
clock, secrets and chance: by one account of each part, or by every account, and of more rows
(`--full`). What differs is printed, the same difference once with the answers that have it; nothing
is stored, but in the folder given to `--keep`, where the commit's answers serve the next comparison
with it. Exit 0: nothing differs. 1: something does, or an address was not crawled. 2: a tree could
not be asked.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
PARTS = ("status", "head", "text", "sql", "sent")
SHOWN_LINES = 40  # of one difference
SHOWN_PLACES = 6  # that have it
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR")
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "DJANGO_SETTINGS_MODULE": "portal.settings.test",
    "GUICHET_DEMO": "1",
    "GUICHET_LOG_LEVEL": "CRITICAL",
    # Of a run that ends with its folder: 32 known bytes each, so that both trees seal alike.
    "GUICHET_CUSTODY_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "GUICHET_PROBE_KEYS": "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=",
}


@dataclass
class Answers:
    """What one tree answered: texts by their name, and the names by address and account."""

    texts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)  # as they are compared

    @classmethod
    def read(cls, path: Path) -> "Answers":
        found = cls()
        with path.open() as lines:
            for line in lines:
                row = json.loads(line)
                if "blob" in row:
                    found.texts[row["blob"]] = row["text"]
                elif "at" in row:
                    found.rows[row.pop("at")] = row
                else:
                    found.summary = row["summary"]
        return found

    def part(self, at: str, name: str) -> str:
        row = self.rows.get(at)
        if row is None or name not in row:
            return ""
        if name == "status":
            return str(row[name])
        if name != "sql":
            return self.texts[row[name]]
        return "\n".join(self._statement(one) for one in row[name])

    def _statement(self, one: str) -> str:
        if one not in self.statements:
            self.statements[one] = canonical(self.texts[one])
        return self.statements[one]


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, check=True, stdout=subprocess.PIPE)
    return done.stdout


def copy_of_commit(commit: str, folder: Path) -> None:
    folder.mkdir()
    archive = git("archive", commit)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)


def copy_of_working_tree(folder: Path) -> None:
    """What a commit of everything would hold, as it is now: an edit meanwhile changes nothing."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()
    for name in filter(None, listed.split("\0")):
        source, target = PROJECT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


class Tree:
    """One tree, asked in a process of its own."""

    def __init__(self, name: str, folder: Path, run: Path, asked: argparse.Namespace) -> None:
        self.name, self.folder, self.out = name, folder, run / f"{name}.jsonl"
        self._asked = asked
        self._var = run / f"var-{name}"
        self._var.mkdir()
        self._code = run / "code"

    def start(self) -> None:
        """Begin in a thread of its own; `wait()` for it."""
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        self.code = self._call("play")
        if not self.code:
            self.code = self._call("ask", str(self.out), "0", "1")

    def _call(self, *arguments: str) -> int:
        environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
        environment |= ENVIRONMENT | {
            "GUICHET_TEST_RUN": str(self._var),
            "PYTHONPATH": f"{self._code}{os.pathsep}{self.folder}",
            "GOLDEN_FULL": "1" if self._asked.full else "",
            "GOLDEN_ONLY": self._asked.only,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "golden.crawl", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            print(f"{self.name:>5} | {line}", end="", flush=True)
        return process.wait()

    def wait(self) -> int:
        self._thread.join()
        return self.code


def canonical(statement: str) -> str:
    """With the conditions of each parenthesis sorted: which is written first changes nothing."""
    levels: list[list[str]] = [[]]
    for piece in re.split(r"([()])", statement):
        if piece == "(":
            levels.append([])
        elif piece == ")" and len(levels) > 1:
            inner = _sorted(levels.pop())
            levels[-1].append(f"({inner})")
        else:
            levels[-1].append(piece)
    return "(".join("".join(level) for level in levels)


def _sorted(level: list[str]) -> str:
    """A parenthesis's content; those inside it are single pieces, and are not split."""
    if level and level[0].startswith("SELECT"):
        return "".join(level)
    for word in (" AND ", " OR "):
        parts, rest = [""], list(level)
        for piece in rest:
            if piece.startswith("("):
                parts[-1] += piece
                continue
            first, *others = piece.split(word)
            parts[-1] += first
            parts += others
        if len(parts) > 1:
            return word.join(sorted(parts))
    return "".join(level)


def differences(base: Answers, tree: Answers) -> Iterator[tuple[str, str, list[str]]]:
    """`(what differs, where, lines of the difference)`."""
    for at in dict.fromkeys([*base.rows, *tree.rows]):
        if at not in tree.rows or at not in base.rows:
            gone = at not in tree.rows
            row = (base if gone else tree).rows[at]
            yield "answers less" if gone else "answers more", at, [f"status {row['status']}"]
            continue
        for name in PARTS:
            one, other = base.part(at, name), tree.part(at, name)
            if one == other:
                continue
            lines = difflib.unified_diff(
                one.splitlines(),
                other.splitlines(),
                n=0 if name in {"sql", "sent", "status"} else 2,
                lineterm="",
            )
            kept = [line for line in lines if not line.startswith(("--- ", "+++ "))]
            yield name, at, ["@@" if line.startswith("@@") else line for line in kept]


def tell(base: Answers, tree: Answers) -> int:
    """Print each difference once, with the answers that have it; how many answers differ."""
    places: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for what, at, lines in differences(base, tree):
        places[what, tuple(lines)].append(at)
    for (what, told), where in sorted(places.items(), key=lambda one: -len(one[1])):
        print(f"\n=== {what}: {len(where)} answers")
        for at in where[:SHOWN_PLACES]:
            print(f"    {at}")
        if len(where) > SHOWN_PLACES:
            print(f"    … and {len(where) - SHOWN_PLACES} more")
        for line in told[:SHOWN_LINES]:
            print(f"  {line}")
        if len(told) > SHOWN_LINES:
            print(f"  … {len(told) - SHOWN_LINES} lines more")
    return len({at for where in places.values() for at in where})


def counted(name: str, one: Answers) -> None:
    said = one.summary
    print(
        f"{name:>5}: {said['addresses']} addresses, {said['accounts']} accounts,"
        f" {len(one.rows)} answers {said['statuses']}, {said['statements']} statements,"
        f" {said['mails']} mails, {said['seconds']:.0f} s ({said['processor']:.0f} of a processor)"
    )
    for line in said["uncrawled"]:
        print(f"{name:>5}: not crawled: {line}")


def asked_before(commit: str, asked: argparse.Namespace, run: Path) -> str:
    """Name of the answers of a commit: another crawler, or other libraries, ask again."""
    sources = [
        *sorted((run / "code" / "golden").glob("*.py")),
        *PROJECT.glob("**/requirements.txt"),
    ]
    texts = [f"{asked.full} {asked.only}".encode(), *(path.read_bytes() for path in sources)]
    return f"{commit[:12]}-{hashlib.sha256(b''.join(texts)).hexdigest()[:12]}.jsonl"


def compare(commit: str, run: Path, asked: argparse.Namespace) -> int:
    shutil.copytree(HERE, run / "code" / "golden", ignore=shutil.ignore_patterns("__pycache__"))
    copy_of_commit(commit, run / "base")
    copy_of_working_tree(run / "tree")
    base, tree = (Tree(name, run / name, run, asked) for name in ("base", "tree"))
    kept = asked.keep / asked_before(commit, asked, run) if asked.keep else None
    if kept and kept.exists():
        base.out = kept
        print(f" base: as asked before, {kept}")
    trees = [one for one in (base, tree) if one.out != kept]
    for one in trees:
        one.start()
    codes = [one.wait() for one in trees]
    if any(codes):
        print("a tree could not be asked: see above")
        return 2
    if kept and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(base.out, kept)
    before, now = Answers.read(base.out), Answers.read(tree.out)
    differing = tell(before, now)
    print()
    counted("base", before)
    counted("tree", now)
    print(f"{differing} answers differ" if differing else "nothing differs")
    return 1 if differing or now.summary["uncrawled"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--full", action="store_true", help="every account, more rows")
    parser.add_argument("--only", default="", help="names of addresses: a regular expression")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the commit's answers")
    given = parser.parse_args()
    try:
        commit = git("rev-parse", "--verify", f"{given.base}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError:
        print(f"{given.base}: no such commit")
        return 2
    began = time.monotonic()
    run = Path(tempfile.mkdtemp(prefix="guichet-golden-"))
    try:
        code = compare(commit, run, given)
    finally:
        shutil.rmtree(run, ignore_errors=True)
    print(f"{time.monotonic() - began:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
