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

from . import database
from .environment import PROJECT, environment, module
from .options import Options, parse
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
        raise Failed(f"{name} {' '.join(arguments)}: exit status {code}")


def main() -> int:
    options = parse(sys.argv[1:])
    if options.make and not database.server():
        say("TEST_DATABASE_URL is not set: `make services` starts a server and prints it.")
        return 2
    try:
        if options.make:
            name, _ = prepare(options.make, options)
            say(f"{name}: {database.address(name)}")
            return 0
        if "local" in options.only:
            run("run_local", env=dict(os.environ))
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 130
    except Failed as failure:
        say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
