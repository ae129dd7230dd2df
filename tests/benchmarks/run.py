"""`make bench`: what pages, search, import and the log cost; see the options with --help.

    python -m tests.benchmarks.run [--sizes small] [--only http] [--peer NAME=URL]

The SQLite part needs nothing. The rest runs on PostgreSQL (TEST_DATABASE_URL, as `make services`
prints), in databases of its own that are dropped at the end unless --keep.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from . import database, facts
from .environment import PROJECT, end_on_signals, environment, module
from .options import Options, parse
from .sizes import SIZES
from .tables import say


KEPT = PROJECT / "var" / "bench"


class Failed(Exception):
    """A part ended with a fault, which it has printed."""


def prepare(size: str, options: Options) -> tuple[str, Path]:
    """A database of this size, made unless it is there: its name and the folder of its files."""
    name = options.database or f"guichet_bench_{size}_{os.getpid()}"
    folder = KEPT / name
    if not database.exists(name):
        say(f"\nMaking {size} data in {name}:")
        start = time.perf_counter()
        database.create(name)
        run("run_make", size, env=environment(name, folder))
        say(f"  made in {time.perf_counter() - start:.0f} s")
    return name, folder


def forget(name: str, folder: Path) -> None:
    database.drop(name)
    shutil.rmtree(folder, ignore_errors=True)


def run(name: str, *arguments: str, env: dict[str, str]) -> None:
    if code := module(name, *arguments, env=env):
        raise Failed(f"{name} {arguments[0]}: exit status {code}")


def measure(size: str, options: Options) -> None:
    """One size, on a database of its own unless one was named."""
    made = ""
    try:
        name = options.database or f"guichet_bench_{size}_{os.getpid()}"
        made = "" if options.keep else name
        name, folder = prepare(size, options)
        say(f"\n{size.upper()}: {SIZES[size].in_words}")
        run("run_size", size, options.to_json(), env=environment(name, folder))
        if options.keep:
            say(f"\nKept: --sizes {size} --database {name}")
    finally:
        if made:
            forget(made, KEPT / made)


def bench(options: Options) -> None:
    if "local" in options.only:
        run("run_local", "--repeat", "7", env=dict(os.environ))
    wanted = [part for part in options.only if part != "local"]
    if not wanted:
        return
    if not database.server():
        say(
            f"\nNot measured ({', '.join(wanted)}): TEST_DATABASE_URL is not set."
            " `make services` starts the servers and prints it."
        )
        return
    for line in facts.lines():
        say(line)
    say(f"at the start: {facts.load()}")
    for size in options.sizes:
        measure(size, options)
    say(f"\nat the end: {facts.load()}")


def main() -> int:
    options = parse(sys.argv[1:])
    if options.make and not database.server():
        say("TEST_DATABASE_URL is not set: `make services` starts a server and prints it.")
        return 2
    end_on_signals()
    try:
        if options.make:
            name, _ = prepare(options.make, options)
            say(f"{name}: {database.address(name)}")
        else:
            bench(options)
    except KeyboardInterrupt:
        say("\nInterrupted: what the bench started is stopped.")
        return 130
    except Failed as failure:
        say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
