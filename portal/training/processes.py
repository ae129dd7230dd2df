"""The processes of one portal on loopback: sandbox, web, two workers and beat.

Used by `manage.py demo` and `manage.py journey`; production uses a service manager (`deploy/`).

    with Portal(Path("/tmp/essai"), {"DATABASE_URL": "postgresql://…"}, store="moto") as portal:
        print(portal.prepare())          # migrate, collectstatic, seed_demo, reindex
        portal.start()                   # returns once every process answers
        portal.url, portal.sandbox_url, portal.s3_url
        portal.kill("provisioning")      # SIGKILL, its children too
        portal.restart("provisioning")

Everything lies under `root`: database, broker, index, sandbox, logs (`log/<name>.log`), secrets
(`secrets.env`, mode 600) and ports, so that a second start finds everything as it was. Each process
receives only the environment it may have: see `environment()`.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from portal.common.folders import close_to_others, own_files_only

from .process_settings import (
    NAMES,
    PortalError,
    born,
    environment_of,
    free_port,
    group_lives,
    own_secrets,
    port_is_free,
)
from .standing import PROJECT, Standing


START_SECONDS = 60.0
STOP_SECONDS = 15.0


class Portal:
    """One portal and its processes. `env` holds settings by environment name (`DATABASE_URL`, …).

    `store` is the sandbox's object store, `moto` or `rgw`; names beginning with `GUICHET_SANDBOX_`
    go to the sandbox alone. `port` 0 takes a free one. Raises PortalError.
    """

    def __init__(
        self,
        root: Path,
        env: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        store: str = "moto",
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.root = root.resolve()
        self.store = store
        self._say = say
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._log_start: dict[str, int] = {}
        self._standing: dict[str, Standing] = {}  # by the process whose environment they have
        own_files_only()
        try:
            close_to_others(self.root, everything=True)
            (self.root / "log").mkdir(parents=True, exist_ok=True)
            (self.root / "run").mkdir(exist_ok=True)
            probe = self.root / "run" / "writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise PortalError(
                f"Le dossier {self.root} n’est pas accessible en écriture ({error.strerror}) : "
                "choisissez-en un autre avec GUICHET_VAR."
            ) from error
        ports = self._ports(port)
        self.url = f"http://127.0.0.1:{ports['web']}"
        self.sandbox_url = f"http://127.0.0.1:{ports['sandbox']}"
        self.s3_url = f"http://127.0.0.1:{ports['s3']}"
        self._port_numbers = ports
        self._settings = own_secrets(self.root / "secrets.env") | dict(env or {})

    # --- Settings -----------------------------------------------------------------------------

    def _ports(self, port: int) -> dict[str, int]:
        """Ports of the last start when they are free, so that addresses given out stay true."""
        file = self.root / "run" / "ports.json"
        known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._stop_leftovers()
        ports = {
            name: number if (number := known.get(name, 0)) and port_is_free(number) else free_port()
            for name in ("web", "sandbox", "s3")
        }
        if port:
            if not port_is_free(port):
                raise PortalError(
                    f"Le port {port} est déjà pris : choisissez-en un autre avec GUICHET_PORT."
                )
            ports["web"] = port
        file.write_text(json.dumps(ports))
        return ports

    def environment(self, name: str) -> dict[str, str]:
        """The whole environment of process `name` (see `process_settings.environment_of`)."""
        return environment_of(name, self._settings, root=self.root, url=self.url)

    # --- Commands -----------------------------------------------------------------------------

    def manage(self, *arguments: str, name: str = "worker", timeout: float = 600) -> str:
        """Run a command of `manage.py` in the environment of process `name`: what it printed.

        Raises PortalError, with the end of the output, when it fails.
        """
        if name not in self._standing:
            log = self.root / "log" / f"commands-{name}.log"
            self._standing[name] = Standing(self.environment(name), log)
        done = self._standing[name].run(*arguments, timeout=timeout)
        if done.status:
            tail = "\n".join((done.printed + done.said).strip().splitlines()[-15:])
            raise PortalError(f"La commande « {' '.join(arguments)} » a échoué :\n{tail}")
        return done.printed

    def no_more_commands(self) -> None:
        """End what waits for commands; the next command starts it again."""
        for commands in self._standing.values():
            commands.close()

    def prepare(self, *, seed: bool = True) -> str:
        """Database, static files, demo data and index; quick when done already.

        Returns what `seed_demo` printed (the demo accounts).
        """
        self._say("Base de données et fichiers statiques")
        for command in ("migrate", "collectstatic"):
            self.manage(command, "--no-input", "-v", "0")
        if not seed:
            return ""
        self._say("Données de démonstration")
        printed = self.manage("seed_demo")
        self._say("Index de recherche")
        self.manage("reindex")
        return printed

    # --- Processes ----------------------------------------------------------------------------

    def _command(self, name: str) -> list[str]:
        python, ports = sys.executable, self._port_numbers
        celery = [python, "-m", "celery", "-A", "portal.celery"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
        match name:
            case "sandbox":
                options = f"--port {ports['sandbox']} --s3-port {ports['s3']} --store {self.store}"
                folder = str(self.root / "sandbox")
                return [python, "manage.py", "sandbox", "--root", folder, *options.split()]
            case "web":
                options = "--workers 2 --threads 4 --worker-class gthread --no-control-socket"
                bind = f"127.0.0.1:{ports['web']}"
                program = [python, "-m", "gunicorn", "portal.wsgi:application"]
                return [*program, "--bind", bind, *options.split()]
            case "worker":  # the only writer of the embedded index: one process
                return [*celery, "worker", "-Q", "default,search", "-c", "1", "-n", "w@%h", *quiet]
            case "provisioning":
                return [*celery, "worker", "-Q", "provisioning", "-c", "2", "-n", "p@%h", *quiet]
            case _:
                schedule = str(self.root / "run" / "beat")
                return [*celery, "beat", "-l", "INFO", "-s", schedule, "--pidfile="]

    def start(self, *names: str) -> None:
        """Start all processes, or the named ones, and return once they answer.

        Raises PortalError, with the end of its log, when one does not; then none is left running.
        """
        chosen = names or NAMES
        try:
            if "sandbox" in chosen:  # first: it writes the keys that provisioning receives
                self._spawn("sandbox")
                self._wait("sandbox")
            later = [name for name in chosen if name != "sandbox"]
            for name in later:
                self._spawn(name)
            for name in later:
                self._wait(name)
        except BaseException:
            self.stop()
            raise

    def _spawn(self, name: str) -> None:
        if self.running(name):
            return
        log = self.root / "log" / f"{name}.log"
        with log.open("ab") as output:
            output.write(f"--- start {time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n".encode())
            output.flush()
            self._log_start[name] = log.stat().st_size
            # A session of its own: Ctrl-C in the terminal reaches the supervisor only.
            self._children[name] = subprocess.Popen(  # noqa: S603 (fixed command lines)
                self._command(name),
                cwd=PROJECT,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._remember()

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(name):
            code = self._children[name].poll()
            if code is not None or time.monotonic() > deadline:
                why = "s’est arrêté" if code is not None else "ne répond pas"
                raise PortalError(
                    f"Le processus « {name} » {why} ; fin de {self.root / 'log' / name}.log :\n"
                    + "\n".join(self.log(name).splitlines()[-15:])
                )
            time.sleep(0.1)
        self._say(f"Processus {name}")

    def _answers(self, name: str) -> bool:
        match name:
            case "sandbox":
                ready = (self.root / "sandbox" / "env").exists()
                return ready and _open(self.sandbox_url) and _open(self.s3_url)
            case "web":
                return _open(f"{self.url}/")
            case "beat":
                return "beat: Starting" in self.log(name)
            case _:
                return " ready." in self.log(name)

    def log(self, name: str) -> str:
        """What process `name` wrote since it was last started."""
        with (self.root / "log" / f"{name}.log").open("rb") as file:
            file.seek(self._log_start.get(name, 0))
            return file.read().decode(errors="replace")

    def pid(self, name: str) -> int:
        """Process id, also the id of its process group. Raises KeyError when never started."""
        return self._children[name].pid

    def running(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.poll() is None

    def kill(self, name: str) -> None:
        """SIGKILL to a process and its children, as a machine failure would."""
        self._signal(name, signal.SIGKILL)
        self._children[name].wait()
        self._remember()

    def restart(self, name: str) -> None:
        """Stop a process in good order if it runs, start it and wait until it answers."""
        self._end(name)
        self.start(name)

    def stop(self) -> None:
        """Stop everything, last started first; what does not end in time is killed."""
        self.no_more_commands()
        for name in reversed(NAMES):
            if self.running(name):
                self._signal(name, signal.SIGTERM)
        for name in reversed(NAMES):
            self._end(name)
        self._remember()

    def _end(self, name: str) -> None:
        if not self.running(name):
            return
        self._signal(name, signal.SIGTERM)
        try:
            self._children[name].wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(name)

    def _signal(self, name: str, number: signal.Signals) -> None:
        child = self._children[name]
        if child.poll() is not None:
            return
        if number == signal.SIGKILL:
            os.killpg(child.pid, number)
        else:  # the main process tells its own children
            child.send_signal(number)

    def failed(self) -> str | None:
        """Name of a process that ended by itself, if any."""
        return next((n for n, child in self._children.items() if child.poll() is not None), None)

    # --- After an end without goodbye -----------------------------------------------------------

    def _remember(self) -> None:
        pids = {n: [c.pid, born(c.pid)] for n, c in self._children.items() if c.poll() is None}
        pids["supervisor"] = [os.getpid(), born(os.getpid())]
        (self.root / "run" / "pids.json").write_text(json.dumps(pids))

    def _stop_leftovers(self) -> None:
        """End what a killed supervisor left behind; refuse while another one is at work here."""
        file = self.root / "run" / "pids.json"
        if not file.exists():
            return
        pids = {
            n: pid
            for n, (pid, since) in json.loads(file.read_text()).items()
            if since and born(pid) == since
        }
        owner = pids.pop("supervisor", None)
        if owner == os.getpid() or not pids:
            return
        if owner is not None:
            raise PortalError(
                f"Un portail tourne déjà dans {self.root} (processus {owner}) : arrêtez-le d’abord."
            )
        for pid in pids.values():
            os.killpg(pid, signal.SIGKILL)
        # Their ports are free only once the whole group is gone, children included.
        deadline = time.monotonic() + STOP_SECONDS
        while any(group_lives(pid) for pid in pids.values()) and time.monotonic() < deadline:
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _open(url: str) -> bool:
    """Does an HTTP server of ours answer at `url`, whatever its status below 502?"""
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 (our own loopback address)
            return True
    except urllib.error.HTTPError as error:
        return error.code < 502
    except OSError:
        return False
