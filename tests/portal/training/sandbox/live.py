"""A running sandbox and what tests do with it: the real SDK, boto3, raw requests.

The sandbox is started as its users start it, by `manage.py sandbox`, in a process of its own.
"""

import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from scaleway import Client
from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.iam.v1alpha1 import IamV1Alpha1API, RuleSpecs


TOKEN = "admin-token-of-tests"
OBJECTS = ["ObjectStorageObjectsRead", "ObjectStorageObjectsWrite", "ObjectStorageObjectsDelete"]
READ = ["s3:ListBucket", "s3:GetObject"]
WRITE = [
    "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
]  # fmt: skip


class LiveSandbox:
    """`root` outlives the process: start, kill, start again."""

    def __init__(self, root: Path, *, store: str = "moto", admin: bool = True) -> None:
        self.root, self.store, self.admin_on = root, store, admin
        self.process: subprocess.Popen[str] | None = None
        self.ports = ("0", "0")

    def start(self) -> "LiveSandbox":
        command = [sys.executable, "manage.py", "sandbox", "--root", str(self.root)]
        command += ["--port", self.ports[0], "--s3-port", self.ports[1], "--store", self.store]
        env = os.environ | {"GUICHET_VAR": str(self.root.parent), "PYTHONUNBUFFERED": "1"}
        if self.admin_on:
            env["GUICHET_SANDBOX_ADMIN_TOKEN"] = TOKEN
        for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
            env[f"GUICHET_SANDBOX_RGW_{name}"] = os.environ.get(f"TEST_RGW_{name}", "")
        self.log = (self.root.parent / f"{self.root.name}.log").open("a")
        self.process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=env, text=True, stdout=subprocess.PIPE,
            stderr=self.log,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        if not self.ready.startswith("READY"):
            self.process.wait(timeout=10)
            raise RuntimeError(f"sandbox did not start: {Path(self.log.name).read_text()}")
        lines = (self.root / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        self.ports = (str(urlsplit(self.api_url).port), str(urlsplit(self.s3_url).port))
        return self

    @property
    def api_url(self) -> str:
        return self.env["SCW_API_URL"]

    @property
    def s3_url(self) -> str:
        return self.env["AWS_ENDPOINT_URL_S3"]

    @property
    def organization(self) -> str:
        return self.env["SCW_DEFAULT_ORGANIZATION_ID"]

    @property
    def portal(self) -> str:
        return self.env["GUICHET_SCW_APPLICATION_ID"]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self._wait()

    def _wait(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.log.close()
        self.process = None

    # Clients

    def client(self, access_key: str = "", secret_key: str = "") -> Client:
        return Client(
            access_key=access_key or self.env["SCW_ACCESS_KEY"],
            secret_key=secret_key or self.env["SCW_SECRET_KEY"],
            api_url=self.api_url,
            default_organization_id=self.organization,
            default_region="fr-par",
        )

    @property
    def iam(self) -> IamV1Alpha1API:
        return IamV1Alpha1API(self.client())

    @property
    def projects(self) -> AccountV3ProjectAPI:
        return AccountV3ProjectAPI(self.client())

    def s3(self, access_key: str = "", secret_key: str = "", project: str = "") -> Any:
        access_key = access_key or self.env["SCW_ACCESS_KEY"]
        return boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            region_name="fr-par",
            aws_access_key_id=f"{access_key}@{project}" if project else access_key,
            aws_secret_access_key=secret_key or self.env["SCW_SECRET_KEY"],
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )

    def api(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """A raw call to the API: status, decoded body, headers."""
        headers = {"x-auth-token": self.env["SCW_SECRET_KEY"] if token is None else token}
        status, data, answered = request(
            method, self.api_url + path, headers=headers,
            body=b"" if body is None else json.dumps(body).encode(),
        )  # fmt: skip
        return status, json.loads(data) if data else None, answered

    def admin(self, route: str, body: Any = None, *, method: str = "POST") -> Any:
        status, data, _ = request(
            method,
            f"{self.api_url}/sandbox/{route}",
            headers={"x-sandbox-token": TOKEN},
            body=json.dumps(body or {}).encode(),
        )
        assert status == 200, data
        return json.loads(data)


def request(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    source: str = "127.0.0.1",
) -> tuple[int, bytes, dict[str, str]]:
    """One HTTP request from a chosen loopback address: status, body, headers."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(
        parts.hostname, parts.port, timeout=30, source_address=(source, 0)
    )
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
    finally:
        connection.close()


def outcome(call: Any) -> str:
    """`ok`, or `<status> <code>` of a refused S3 call."""
    try:
        call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return f"{status} {error.response['Error']['Code']}"
    return "ok"


def refused(call: Any) -> bool:
    return outcome(call).startswith("403")


@dataclass
class Study:
    """A study as the portal sets it up: project, two fenced buckets, one researcher, one key."""

    sandbox: LiveSandbox
    addresses: tuple[str, ...] = ("127.0.0.1/32",)
    expires_in: float | None = None
    name: str = field(default_factory=lambda: f"hds-{uuid.uuid4().hex[:10]}")

    def __post_init__(self) -> None:
        iam = self.sandbox.iam
        self.project = self.sandbox.projects.create_project(name=self.name, description="").id
        self.owner = self.sandbox.s3(project=self.project)
        self.input, self.workspace = f"{self.name}-in", f"{self.name}-ws"
        self.application = iam.create_application(name=self.name, description="").id
        for bucket in (self.input, self.workspace):
            self.owner.create_bucket(Bucket=bucket)
        self.fence()
        self.owner.put_object(Bucket=self.input, Key="data/one.csv", Body=b"id,v\n1,2\n")
        self.group = iam.create_group(name=self.name, description="").id
        iam.set_group_members(group_id=self.group, user_ids=[], application_ids=[self.application])
        self.policy = iam.create_policy(
            name=self.name,
            description="",
            group_id=self.group,
            rules=[
                RuleSpecs(condition="", permission_set_names=OBJECTS, project_ids=[self.project])
            ],
        ).id
        self.key = self.new_key()
        self.s3 = self.sandbox.s3(self.key.access_key, self.key.secret_key or "")

    def new_key(self, **more: Any) -> Any:
        return self.sandbox.iam.create_api_key(
            application_id=self.application, description="", default_project_id=self.project, **more
        )

    def fence(self, condition: dict[str, Any] | None = None) -> None:
        """Both bucket policies; the researcher's statements carry `condition`."""
        fence = {"IpAddress": {"aws:SourceIp": list(self.addresses)}} | (condition or {})
        for bucket, actions in ((self.input, READ), (self.workspace, READ + WRITE)):
            self.put_policy(bucket, [self.allow(bucket, actions, fence)])

    def allow(self, bucket: str, actions: Any, condition: dict[str, Any]) -> dict[str, Any]:
        return {
            "Sid": "researcher",
            "Effect": "Allow",
            "Principal": {"SCW": f"application_id:{self.application}"},
            "Action": actions,
            "Resource": [bucket, f"{bucket}/*"],
        } | ({"Condition": condition} if condition else {})

    def put_policy(
        self, bucket: str, statements: list[dict[str, Any]], *, portal: bool = True
    ) -> None:
        mine = {
            "Sid": "portal",
            "Effect": "Allow",
            "Principal": {"SCW": [f"application_id:{self.sandbox.portal}"]},
            "Action": "*",
            "Resource": [bucket, f"{bucket}/*"],
        }
        policy = {"Version": "2023-04-17", "Statement": ([mine] if portal else []) + statements}
        self.owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def url(self, key: str = "data/one.csv", *, seconds: int = 3600) -> str:
        """A presigned GET of the input bucket, made with the researcher's key."""
        return str(
            self.s3.generate_presigned_url(
                "get_object", Params={"Bucket": self.input, "Key": key}, ExpiresIn=seconds
            )
        )


def wait_until(condition: Any, *, seconds: float = 5.0) -> bool:
    """Whether `condition()` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
