"""Real servers for the tests: installed, started once for a whole run, stopped at its end.

    python -m tests.servers.run install [NAME …]       as root on Debian
    python -m tests.servers.run start [NAME …] [--dir DIR]    prints `export TEST_…=…` lines
    python -m tests.servers.run stop [--dir DIR] [--purge]

Everything listens on loopback, on free ports, with its state under one folder; a process is stopped
by pid and kernel start time. Needs the standard library only.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
MINUTES = 60


@dataclass(frozen=True)
class Engine:
    """One real server: its script, its Debian packages and the addresses it gives to the tests."""

    name: str
    command: tuple[str, ...]  # + install | start DIR | stop DIR; empty: a program, nothing to start
    exports: dict[str, str] = field(default_factory=dict)  # name for the tests → {NAME in DIR/env}
    binaries: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            "postgresql",
            ("bash", str(HERE / "pg.sh")),
            {"TEST_DATABASE_URL": "{DATABASE_URL}"},
            ("/usr/lib/postgresql/*/bin/initdb",),
            ("postgresql-15",),
        ),
        Engine(
            "redis",
            ("bash", str(HERE / "redis.sh")),
            {"TEST_REDIS_URL": "{REDIS_URL}/0", "TEST_REDIS_CACHE_URL": "{REDIS_URL}/1"},
            ("redis-server", "redis-cli"),
            ("redis-server",),
        ),
        Engine(
            "opensearch",
            ("bash", str(HERE / "opensearch.sh")),
            {"TEST_OPENSEARCH_URL": "opensearch+{OPENSEARCH_URL}"},
            ("javac", "mvn"),
            ("openjdk-17-jdk-headless", "maven"),
        ),
        Engine(
            "rgw",
            ("bash", str(HERE / "rgw.sh")),
            {
                "TEST_RGW_ENDPOINT": "{RGW_ENDPOINT}",
                "TEST_RGW_REGION": "{RGW_REGION}",
                "TEST_RGW_ACCESS_KEY": "{RGW_ACCESS_KEY}",
                "TEST_RGW_SECRET_KEY": "{RGW_SECRET_KEY}",
            },
            ("radosgw", "ceph-mon", "ceph-osd", "ceph-mgr", "ceph", "curl"),
            ("ceph-mon", "ceph-osd", "ceph-mgr", "radosgw", "ceph-common", "curl"),
        ),
        Engine(
            "smtp",
            (sys.executable, str(HERE / "smtp.py")),
            {"TEST_SMTP_URL": "{EMAIL_URL}", "TEST_MAIL_HTTP": "{MAIL_HTTP}"},
        ),
        Engine("chromium", (), {}, ("chromium",), ("chromium", "fonts-dejavu-core")),
        Engine("nginx", (), {}, ("nginx",), ("nginx",)),  # each test starts its own
    )
}


@dataclass
class State:
    """What became of one engine in this run. `problem` empty: it serves."""

    engine: Engine
    seconds: float = 0.0
    problem: str = ""


def present(engine: Engine) -> bool:
    """Are all its programs on this machine?"""
    return all(
        any(Path("/").glob(name[1:])) if "*" in name else shutil.which(name)
        for name in engine.binaries
    )


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _run(command: list[str], seconds: int) -> str:
    """Run to the end; return the output's tail when it failed, else an empty string."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {seconds} s"
    except OSError as error:
        return str(error)
    tail = done.stdout.strip().splitlines()[-5:]
    return "" if done.returncode == 0 else "\n".join(tail) or f"exit status {done.returncode}"


def apt_install(packages: list[str]) -> str:
    """One call of apt-get for all that lacks; the problem, or an empty string."""
    if not packages:
        return ""
    if "postgresql-15" in packages:  # or the package creates a cluster of its own on 5432
        config = Path("/etc/postgresql-common/createcluster.conf")
        config.parent.mkdir(parents=True, exist_ok=True)
        text = config.read_text() if config.exists() else ""
        if "create_main_cluster" not in text.replace("#create_main_cluster", ""):
            config.write_text(text + "create_main_cluster = false\n")
    # apt must not inherit our virtual environment: ceph's post-install scripts look for `python3`.
    here = f"{PROJECT / '.venv' / 'bin'}"
    path = ":".join(p for p in os.environ.get("PATH", "").split(":") if p != here)
    apt = ["env", f"PATH={path}", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    stale = _run([*apt, "update", "-qq"], 5 * MINUTES)
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
    problem = _run(install, 20 * MINUTES)
    return f"{stale}\n{problem}".strip() if problem else ""


def install(names: list[str]) -> dict[str, State]:
    """Install what lacks, as root on Debian, else say how."""
    states = {name: State(ENGINES[name]) for name in names}
    lacking = [s for s in states.values() if not present(s.engine)]
    if lacking and may_install():
        started = time.monotonic()
        problem = apt_install(sorted({p for s in lacking for p in s.engine.packages}))
        for state in lacking:
            state.seconds = time.monotonic() - started
            if not present(state.engine):
                state.problem = problem or "installed, but its programs are not found"
    elif lacking:
        for state in lacking:
            state.problem = "not installed"
    search = states.get("opensearch")
    if search and not search.problem:  # its jars come from Maven, once
        started = time.monotonic()
        search.problem = _run([*search.engine.command, "install"], 15 * MINUTES)
        search.seconds += time.monotonic() - started
    return states


def read_env(file: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in file.read_text().splitlines())
    return {name: value for name, equals, value in lines if equals}


class Servers:
    """The engines of one run. `environment` is what the tests must receive."""

    def __init__(self, folder: Path, names: list[str] | None = None) -> None:
        self.folder = folder.resolve()
        self.names = names or list(ENGINES)
        self.states: dict[str, State] = {}
        self.environment: dict[str, str] = {}

    def start(self) -> "Servers":
        """Install what lacks if possible and start; what fails is recorded in `states`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.states = install(self.names)
        for name, state in self.states.items():
            if state.problem:
                continue
            engine, started = state.engine, time.monotonic()
            if engine.command:
                place = self.folder / name
                state.problem = _run([*engine.command, "start", str(place)], 3 * MINUTES)
                if not state.problem:
                    values = read_env(place / "env")
                    self.environment |= {
                        name: pattern.format(**values) for name, pattern in engine.exports.items()
                    }
            else:
                self.environment[f"TEST_{name.upper()}"] = shutil.which(name) or ""
            state.seconds += time.monotonic() - started
        return self

    def stop(self, *, purge: bool = True) -> None:
        """Stop what was started in this folder, last started first."""
        for name in reversed(list(ENGINES)):
            place = self.folder / name
            if ENGINES[name].command and place.exists():
                options = ["--purge"] if purge and name != "smtp" else []
                _run([*ENGINES[name].command, "stop", str(place), *options], MINUTES)
        if purge:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Servers":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


def remedy(engine: Engine) -> str:
    """The line a person runs so that this engine can be proven."""
    if engine.name == "smtp":
        return ".venv/bin/pip install -r tests/requirements.txt"
    return f"sudo apt-get install --no-install-recommends {' '.join(engine.packages)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["install", "start", "stop"])
    parser.add_argument("names", nargs="*", choices=[[], *ENGINES], metavar="NAME")
    parser.add_argument("--dir", type=Path, default=PROJECT / "var" / "servers")
    parser.add_argument("--purge", action="store_true")
    options = parser.parse_args()
    names = options.names or list(ENGINES)
    servers = Servers(options.dir, names)
    if options.what == "stop":
        servers.stop(purge=options.purge)
        return 0
    if options.what == "install":
        servers.states = install(names)
    else:
        servers.start()
    for name, state in servers.states.items():
        word = f"# {name}: {state.problem or 'ready'} ({state.seconds:.1f} s)"
        sys.stderr.write(word.replace("\n", "\n#   ") + "\n")
        if state.problem:
            sys.stderr.write(f"#   {remedy(state.engine)}\n")
    for name, value in servers.environment.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 1 if any(state.problem for state in servers.states.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
