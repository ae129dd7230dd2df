"""What the supervisor of the demo finds when the one before it was killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.training.process_settings import PortalError, born, group_lives
from portal.training.processes import Portal


# A process with children that share its port, heavy enough to take time to go.
LISTENER = """
import os, socket, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
ballast = bytearray(os.urandom(1)) * 200_000_000
for _ in range(2):
    if os.fork() == 0:
        ballast[::4096] = bytes(len(ballast[::4096]))
        break
else:
    print(server.getsockname()[1], flush=True)
time.sleep(60)
"""


def listener() -> tuple[subprocess.Popen[str], int]:
    child = subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout is not None
    return child, int(child.stdout.readline())


def remember(root: Path, pids: dict[str, list[object]]) -> None:
    (root / "run").mkdir(exist_ok=True)
    (root / "run" / "pids.json").write_text(json.dumps(pids))


def test_what_a_killed_supervisor_left_is_ended_and_its_port_taken_again(tmp_path: Path) -> None:
    child, port = listener()
    try:
        gone = [2**22 + 1, "1"]
        remember(tmp_path, {"web": [child.pid, born(child.pid)], "supervisor": gone})
        portal = Portal(tmp_path, port=port)
        assert portal.url.endswith(f":{port}")
        assert not group_lives(child.pid)
    finally:
        child.kill()
        child.wait()


def test_a_process_that_only_bears_the_same_number_is_left_alone(tmp_path: Path) -> None:
    child, port = listener()
    try:
        remember(tmp_path, {"web": [child.pid, "1"]})
        with pytest.raises(PortalError, match="est déjà pris"):
            Portal(tmp_path, port=port)
        assert group_lives(child.pid)
    finally:
        os.killpg(child.pid, 9)
        child.wait()


def test_a_supervisor_at_work_is_not_disturbed(tmp_path: Path) -> None:
    child, _port = listener()
    other = os.getppid()
    try:
        known = [child.pid, born(child.pid)]
        remember(tmp_path, {"web": known, "supervisor": [other, born(other)]})
        with pytest.raises(PortalError, match="tourne déjà"):
            Portal(tmp_path)
        assert group_lives(child.pid)
    finally:
        os.killpg(child.pid, 9)
        child.wait()
