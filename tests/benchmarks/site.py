"""gunicorn as deploy/ starts it, on a free loopback port, behind nginx as deploy/ has it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from portal.training.process_settings import free_port

from .environment import PROJECT
from .load import Target, fetch


START_SECONDS = 60.0
STOP_SECONDS = 20.0
CONFIG = PROJECT / "deploy" / "gunicorn.conf.py"
PROXY = PROJECT / "deploy" / "nginx.conf"
READY = "/sante/vivant"


class NotServing(RuntimeError):
    """A process of the bench does not answer; the message ends with its log."""


class Site:
    """One site: `with Site(env, folder, "--workers", "2") as site: site.url`.

    `flags` come after deploy's configuration of gunicorn, and win. `proxied`: through nginx.
    """

    def __init__(
        self,
        env: dict[str, str],
        folder: Path,
        *flags: str,
        proxied: bool = False,
        project: Path = PROJECT,
    ) -> None:
        self.env, self.folder, self.flags, self.proxied = env, folder, flags, proxied
        self.project = project
        self.direct = self.url = ""
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        port = free_port()
        program = [sys.executable, "-m", "gunicorn", "portal.wsgi:application"]
        bind = ["-c", str(CONFIG), "--bind", f"127.0.0.1:{port}"]
        self._spawn("gunicorn", [*program, *bind, *self.flags])
        self.direct = self.url = f"http://127.0.0.1:{port}"
        self._wait("gunicorn")
        if self.proxied:
            front = free_port()
            config = self.folder / "nginx.conf"
            config.write_text(proxy_configuration(front, port, self.folder))
            here = ["-c", str(config), "-p", str(self.folder), "-g", "daemon off;"]
            self._spawn("nginx", ["nginx", *here])
            self.url = f"http://127.0.0.1:{front}"
            self._wait("nginx")

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            # A session of its own: Ctrl-C reaches the bench only, which stops its processes.
            child = subprocess.Popen(
                command,
                cwd=self.project,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if fetch(Target(self.url, READY))[0] == 200:
                    return
            except (OSError, IndexError):
                pass
            if self._children[-1].poll() is not None or time.monotonic() > deadline:
                lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
                raise NotServing("\n".join([f"{name} does not answer:", *lines[-15:]]))
            time.sleep(0.1)

    def stop(self) -> None:
        """By the pids that were started, last first; what does not end in time is killed."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        self._children.clear()

    def workers(self) -> list[int]:
        return children(self._children[0].pid)

    def processor(self) -> float:
        """Seconds that gunicorn's workers and nginx's have worked."""
        pids = self.workers() + [pid for child in self._children[1:] for pid in children(child.pid)]
        return sum(worked(pid) for pid in pids)

    def memory(self) -> list[float]:
        """MB of each worker: its own pages, and its share of those it has in common (PSS)."""
        return [pss(pid) for pid in self.workers()]


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def worked(pid: int) -> float:
    """Seconds of processor, of the process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def pss(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no Pss of process {pid}")
    return int(found[1]) / 1024


def has_proxy() -> bool:
    return PROXY.exists() and shutil.which("nginx") is not None


def proxy_configuration(front: int, port: int, folder: Path) -> str:
    """deploy/nginx.conf with the bench's ports, its folder, and this machine's account."""
    text = PROXY.read_text()
    changes = {
        r"^(\s*)listen .*;": rf"\1listen 127.0.0.1:{front};",
        r"\bserver web:8000;": f"server 127.0.0.1:{port};",
        r"/tmp/": f"{folder}/",  # noqa: S108 (a word of that file)
    }
    for pattern, new in changes.items():
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        if not count:
            raise ValueError(f"deploy/nginx.conf: nothing like {pattern}")
    # Its own folder is closed to others, so to the account that nginx would take as root.
    return f"user root;\n{text}" if os.geteuid() == 0 else text
