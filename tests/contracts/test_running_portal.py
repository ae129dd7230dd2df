"""A portal that runs: what each process was really given, and what is left when it is killed."""

import os
import signal
from pathlib import Path

import pytest

from portal.training.process_settings import NAMES, group_lives
from portal.training.processes import Portal
from tests.consistency.test_process_environment import WHO_MAY_HOLD


def given(pid: int) -> dict[str, str]:
    """The environment that the kernel keeps of a process."""
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def group(leader: int) -> list[int]:
    """The process and its children (workers of gunicorn and Celery)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == leader:
                found.append(int(folder.name))
        except ProcessLookupError:
            continue
    return found


def test_a_portal_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One portal for all three: it takes 20 s to prepare and start."""
    monkeypatch.setenv("SCW_SECRET_KEY", "of-the-shell")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-shell")
    with Portal(tmp_path, {"GUICHET_SANDBOX_ADMIN": "1"}) as portal:
        portal.prepare(seed=False)
        portal.start()
        each_process_holds_what_it_may_and_no_more(portal)
        a_killed_process_is_seen_and_takes_its_place_again(portal)
        leaders = [portal.pid(name) for name in NAMES]
    assert not any(group_lives(pid) for pid in leaders)


def each_process_holds_what_it_may_and_no_more(portal: Portal) -> None:
    held = {name: [given(pid) for pid in group(portal.pid(name))] for name in NAMES}
    assert all(held.values())
    assert len(held["web"]) > 1  # gunicorn's workers are looked at too
    for variable, allowed in WHO_MAY_HOLD.items():
        if variable in {"DATABASE_URL", "CELERY_BROKER_URL"}:
            continue  # this portal keeps the defaults
        holders = {
            name for name, all_of_it in held.items() if any(variable in e for e in all_of_it)
        }
        assert holders == allowed, variable
    probes = portal.environment("provisioning")["GUICHET_PROBE_KEYS"]
    for name, environments in held.items():
        for environment in environments:
            assert "of-the-shell" not in environment.values()
            assert (probes in environment.values()) == (name == "provisioning")


def a_killed_process_is_seen_and_takes_its_place_again(portal: Portal) -> None:
    old = portal.pid("worker")
    os.killpg(old, signal.SIGKILL)
    os.waitid(os.P_PID, old, os.WEXITED | os.WNOWAIT)
    assert portal.failed() == "worker"
    portal.restart("worker")
    assert portal.failed() is None
    assert portal.pid("worker") != old
