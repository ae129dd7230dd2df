"""Provisioning against a live sandbox process; quick proofs, the number of rounds kept."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from requests_app.models import Workspace
from requests_app.provisioning import waking
from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.providers.scaleway.transport import Transport
from requests_app.provisioning.worker import reconcile, turn

from . import live as live_sandbox


@pytest.fixture(scope="session")
def live_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live_sandbox.Live]:
    sandbox = live_sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def live(live_process: live_sandbox.Live) -> Iterator[live_sandbox.Live]:
    """The sandbox of this run, emptied and calm."""
    live_process.calm()
    live_process.order("reset")
    yield live_process
    live_process.calm()


@pytest.fixture(autouse=True)
def quick(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Short waits, own rings and staging folder, and a broker that only notes what it was told."""
    settings.PROVISIONING = settings.PROVISIONING | {
        "open_spacing": 0.02,
        "refusal_spacing": 0.02,
        "propagation": 30.0,
        "list_lag": 0.3,
        "worker_addresses": ["127.0.0.1/32"],
        "staging_dir": str(tmp_path / "staging"),
    }
    settings.CUSTODY_KEYS = [Fernet.generate_key().decode()]
    settings.PROBE_KEYS = [Fernet.generate_key().decode()]
    monkeypatch.setattr(Transport, "sleep", staticmethod(lambda seconds: time.sleep(seconds / 20)))
    monkeypatch.setattr(reconcile, "backoff", lambda *_args, **_kwargs: 0.05)
    sent: list[Any] = []
    monkeypatch.setattr(waking, "hint", sent.append)
    monkeypatch.setattr(turn, "hint", sent.append)
    return sent


@pytest.fixture
def play(live: live_sandbox.Live) -> Callable[..., Workspace]:
    return player(live.backend)


def player(make_backend: Callable[[], Provider]) -> Callable[..., Workspace]:
    """`play(workspace)`: what beat and a worker do, until nothing is due any more."""

    def run_until_quiet(workspace: Workspace, *, passes: int = 12) -> Workspace:
        for _ in range(passes):
            workspace.refresh_from_db()
            due = workspace.next_reconcile_at
            if due is None or (due - timezone.now()).total_seconds() > 20:
                return workspace
            Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
            turn.advance(workspace.pk, make_backend=make_backend, budget=5)
        raise AssertionError(f"not quiet after {passes} passes: {workspace.last_error}")

    return run_until_quiet
