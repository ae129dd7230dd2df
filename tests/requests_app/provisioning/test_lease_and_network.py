"""The lease against a slow or silent provider: kept while something is being sent, and what failed
is always written down by whoever held it."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from requests_app.models import Workspace
from requests_app.provisioning.providers.errors import Unreachable
from requests_app.provisioning.providers.scaleway import storage, transport
from requests_app.provisioning.providers.scaleway.provider import Scaleway, connect
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.worker import turn
from requests_app.provisioning.worker.lease import Lease, LeaseLost

from . import world


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
UID = "11111111-1111-4111-8111-111111111111"


def config_at(url: str) -> ScalewayConfig:
    return ScalewayConfig(
        access_key="SCW" + "A" * 17,
        secret_key=UID,
        organization_id=UID,
        api_url=url,
        s3_endpoint=url,
    )


def backend_at(url: str) -> Scaleway:
    return connect(config_at(url))


def test_one_exchange_never_outlives_its_lease() -> None:
    """A check renews once a third is spent: two thirds are left at least when a call begins."""
    left = configured.PROVISIONING["lease"] * 2 / 3
    assert sum(transport.TIMEOUTS) < left
    assert storage.CONNECT_TIMEOUT + storage.READ_TIMEOUT < left


@pytest.fixture
def silent() -> Iterator[str]:
    """A provider that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_provider_is_written_down(
    silent: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Not lost with the lease: the operator reads it, and the lease is given back."""
    monkeypatch.setattr(transport, "TIMEOUTS", (0.2, 0.4))
    settings.PROVISIONING = settings.PROVISIONING | {"lease": 3.0}
    workspace = world.study()
    assert turn.advance(workspace.pk, make_backend=lambda: backend_at(silent), budget=0.1)
    workspace.refresh_from_db()
    assert (workspace.failure_code, workspace.lease_until) == ("unreachable", None)
    assert "ne répond pas" in workspace.last_error
    assert workspace.next_reconcile_at is not None
    assert workspace.next_reconcile_at > timezone.now() - timedelta(seconds=5)


SLOW_SECONDS = 5.0


class SlowReader(http.server.BaseHTTPRequestHandler):
    """Takes an upload a little at a time for a while, as a slow line does, then the rest at once:
    what sits in the machine's own buffers does not stretch the end."""

    def do_PUT(self) -> None:
        slow_until = time.monotonic() + SLOW_SECONDS
        left = int(self.headers.get("x-amz-decoded-content-length") or 0)
        left = int(self.headers.get("content-length") or left)
        while left > 0:
            chunk = self.rfile.read(min(left, 64 * 1024))
            if not chunk:
                break
            left -= len(chunk)
            if time.monotonic() < slow_until:
                time.sleep(0.03)
        self.send_response(200)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowReader)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.csv"
    path.write_bytes(b"x" * (48 << 20))  # still being sent when the slow while ends
    return path


def upload(url: str, lease: Lease, path: Path) -> float:
    provider = Sdk(config_at(url))
    provider.before_call = lease.check
    started = time.monotonic()
    provider.upload("bucket-in", "large.csv", path, project=UID, sha256="0" * 64)
    return time.monotonic() - started


def test_a_part_sent_for_longer_than_a_lease_keeps_it(
    slow: str, large: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PROVISIONING = settings.PROVISIONING | {"lease": 4.0}
    monkeypatch.setattr(storage, "PROGRESS_SECONDS", 0.1)
    workspace = world.study(staged=False)
    lease = Lease.take(workspace.pk)
    assert lease is not None
    took = upload(slow, lease, large)
    assert took > 4.5, "not slower than the lease: proves nothing"
    lease.renew()  # still ours
    assert Lease.take(workspace.pk) is None


def test_an_upload_stops_once_another_holds_the_study(
    slow: str, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PROGRESS_SECONDS", 0.1)
    workspace = world.study(staged=False)
    lease = Lease.take(workspace.pk)
    assert lease is not None

    def taken_over() -> None:
        from django.db import connection

        time.sleep(0.5)
        Workspace.objects.filter(pk=workspace.pk).update(lease_generation=99)
        connection.close()

    thief = threading.Thread(target=taken_over)
    thief.start()
    started = time.monotonic()
    with pytest.raises((LeaseLost, Unreachable)):
        upload(slow, lease, large)
    thief.join()
    assert time.monotonic() - started < 5  # not to the end of the file
