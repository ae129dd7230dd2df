"""A process that has loaded the portal and waits for commands, each played in a fork of it.

    commands = Standing(environment, log)
    commands.run("clock", "show", timeout=60)    # Done(status, printed, said)
    commands.close()

Loading Django takes longer than most commands. A fork begins as `manage.py` begins, with nothing
open, and takes all it did along when it ends. The process ends with its standard input, so that a
supervisor that is killed leaves none.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import connections

from portal.common.folders import own_files_only


PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, what it printed and what it said on standard error."""

    status: int
    printed: str
    said: str


class Standing:
    """The process, started at the first command; `log` keeps what it says when it cannot start."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = dict(environment)
        self._log = log
        self._child: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()

    def run(self, *arguments: str, timeout: float) -> Done:
        """Play one command. Raises subprocess.TimeoutExpired, the command being ended then."""
        with self._one_at_a_time:
            child = self._alive()
            assert child.stdin is not None  # noqa: S101 - both are pipes
            assert child.stdout is not None  # noqa: S101
            late = threading.Event()

            def end() -> None:
                late.set()
                self._kill(child)

            limit = threading.Timer(timeout, end)
            limit.start()
            try:
                with suppress(BrokenPipeError):
                    child.stdin.write(json.dumps(arguments) + "\n")
                    child.stdin.flush()
                answer = child.stdout.readline()
            finally:
                limit.cancel()
                limit.join()
            if late.is_set():  # its pipe closes before it can be waited for: not the next one's
                self.close()
            if answer:
                return Done(**json.loads(answer))
            if late.is_set():
                raise subprocess.TimeoutExpired([*arguments], timeout)
            status = child.wait()
            return Done(status or 1, "", self._log.read_text(errors="replace"))

    def close(self) -> None:
        """End the process with the command under way, if any."""
        if self._child is not None:
            self._kill(self._child)
            for pipe in (self._child.stdin, self._child.stdout):
                with suppress(OSError):
                    pipe and pipe.close()
            self._child.wait()
            self._child = None

    def _alive(self) -> subprocess.Popen[str]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches the supervisor only.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "portal.training.standing"],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        return self._child

    @staticmethod
    def _kill(child: "subprocess.Popen[str]") -> None:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)


# --- In the process --------------------------------------------------------------------------


def serve() -> list[str] | None:
    """Answer commands until standard input ends. In a fork: the arguments it has to play."""
    for line in sys.stdin:
        arguments: list[str] = json.loads(line)
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                nothing = os.open(os.devnull, os.O_RDONLY)
                for here, there in ((nothing, 0), (printed.fileno(), 1), (said.fileno(), 2)):
                    os.dup2(here, there)
                return arguments
            _, ended = os.waitpid(child, 0)
            texts = []
            for file in (printed, said):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        answer = {
            "status": os.waitstatus_to_exitcode(ended),
            "printed": texts[0],
            "said": texts[1],
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return None


def main() -> None:
    own_files_only()
    django.setup()
    import_module(settings.ROOT_URLCONF)  # what the checks of most commands load
    connections.close_all()
    gc.freeze()  # the collector would copy into each fork what it only looks at
    if (arguments := serve()) is not None:
        execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main()
