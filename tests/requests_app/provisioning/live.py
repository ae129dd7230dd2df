"""A live sandbox process, reached as the real provider is: by URL and key."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

from requests_app.provisioning.providers.scaleway.provider import Scaleway, connect
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.providers.scaleway.storage import s3_client


TOKEN = "tests"  # of a sandbox on loopback, for one run


@dataclass
class Live:
    """Its folder, its addresses and the portal's key, from the file the sandbox writes."""

    folder: Path
    env: dict[str, str]
    process: "subprocess.Popen[str]"

    @property
    def config(self) -> ScalewayConfig:
        return ScalewayConfig(
            access_key=self.env["SCW_ACCESS_KEY"],
            secret_key=self.env["SCW_SECRET_KEY"],
            organization_id=self.env["SCW_DEFAULT_ORGANIZATION_ID"],
            region=self.env["SCW_DEFAULT_REGION"],
            api_url=self.env["SCW_API_URL"],
            s3_endpoint=self.env["AWS_ENDPOINT_URL_S3"],
        )

    def backend(self) -> Scaleway:
        return connect(self.config)

    def sdk(self) -> Sdk:
        """Scaleway in its own words, for what another hand does there."""
        return Sdk(self.config)

    def s3(self, access_key: str, secret_key: str) -> Any:
        return s3_client(
            endpoint=self.env["AWS_ENDPOINT_URL_S3"],
            region="fr-par",
            access_key=access_key,
            secret_key=secret_key,
            attempts=1,
        )

    def order(self, name: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{self.env['SCW_API_URL']}/sandbox/{name}",
            json=body,
            headers={"x-sandbox-token": TOKEN},
            timeout=10,
        )
        answer.raise_for_status()
        return dict(answer.json())

    def fault(self, effect: str, **fault: Any) -> None:
        self.order("faults", faults=[{"effect": effect, **fault}])

    def calm(self) -> None:
        """No fault, no delay, the usual quotas."""
        self.order("faults", clear=True)
        if not self.rgw:
            self.order("propagation", grant_delay=0, revoke_delay=0)
        self.order("quotas", quotas={})
        self.order("clock", offset=0)

    @property
    def rgw(self) -> bool:
        return self.env.get("store") == "rgw"

    def state(self) -> dict[str, Any]:
        answer = requests.get(
            f"{self.env['SCW_API_URL']}/sandbox/state",
            headers={"x-sandbox-token": TOKEN},
            timeout=10,
        )
        answer.raise_for_status()
        return dict(answer.json())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def start(folder: Path, *, store: str = "moto", ports: tuple[int, int] = (0, 0)) -> Live:
    """Start a sandbox and wait for its READY line."""
    folder.mkdir(parents=True, exist_ok=True)
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SCW_", "AWS_"))}
    if store == "rgw":
        for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
            environ[f"GUICHET_SANDBOX_RGW_{name}"] = os.environ[f"TEST_RGW_{name}"]
    command = [sys.executable, "manage.py", "sandbox", "--root", str(folder), "--store", store]
    command += ["--port", str(ports[0]), "--s3-port", str(ports[1]), "--admin-token", TOKEN]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=environ | {"GUICHET_VAR": str(folder), "DJANGO_SETTINGS_MODULE": _SETTINGS},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    line = process.stdout.readline()
    if not line.startswith("READY") or time.monotonic() > deadline:
        process.kill()
        raise RuntimeError((folder / "log").read_text()[-2000:])
    pairs = (text.partition("=") for text in (folder / "env").read_text().splitlines() if text)
    return Live(folder, {name: value for name, _, value in pairs} | {"store": store}, process)


_SETTINGS = "portal.settings.dev"
