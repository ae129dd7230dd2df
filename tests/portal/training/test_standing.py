"""Commands of a portal played in forks of one process that has loaded it."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.training.process_settings import group_lives
from portal.training.standing import PROJECT, Standing


# Another process holds the standing one, as a supervisor does, and is killed.
HOLDER = """
import os, sys
from pathlib import Path
from portal.training.standing import Standing
held = Standing(os.environ, Path(sys.argv[1]))
print(held._alive().pid, flush=True)
input()
"""


@pytest.fixture
def settings_of(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings.dev",
        "GUICHET_VAR": str(tmp_path / "var"),
    }


@pytest.fixture
def commands(settings_of: dict[str, str], tmp_path: Path) -> Iterator[Standing]:
    standing = Standing(settings_of, tmp_path / "commands.log")
    yield standing
    standing.close()


def test_commands_are_played_one_after_another_and_end_as_they_would_alone(
    commands: Standing,
) -> None:
    help_of = commands.run("help", "clock", timeout=60)
    assert (help_of.status, help_of.said) == (0, "")
    assert "advance" in help_of.printed
    unknown = commands.run("nothing-of-ours", timeout=60)
    assert unknown.status == 1
    assert "nothing-of-ours" in unknown.said
    wrong = commands.run("clock", "no-such-word", timeout=60)
    assert (wrong.status, wrong.printed) == (2, "")
    assert commands.run("help", "clock", timeout=60) == help_of  # what failed left nothing behind


def test_a_command_that_lasts_too_long_is_ended_and_the_next_one_played(
    commands: Standing,
) -> None:
    late = commands._alive()
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run("help", timeout=0.001)  # Django takes longer to load
    # Waited for, not looked at: what was killed seems alive until the system has taken it down.
    assert late.returncode == -signal.SIGKILL
    assert commands.run("help", "clock", timeout=60).status == 0


def test_what_cannot_start_says_why(settings_of: dict[str, str], tmp_path: Path) -> None:
    settings_of["DJANGO_SETTINGS_MODULE"] = "no.such.settings"
    done = Standing(settings_of, tmp_path / "commands.log").run("help", timeout=60)
    assert done.status
    assert "no.such" in done.said or "No module named 'no'" in done.said


def test_it_ends_with_the_supervisor_that_is_killed(
    settings_of: dict[str, str], tmp_path: Path
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "commands.log")],
        cwd=PROJECT,
        env=settings_of,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    watch = os.pidfd_open(pid)
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    ended, _, _ = select.select([watch], [], [], 60)
    os.close(watch)
    assert ended
    assert not group_lives(pid)
