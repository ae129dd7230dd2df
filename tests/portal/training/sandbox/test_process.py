"""The process: its folder, its start and its end, and requests that no client should send."""

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.conf import settings

from tests.portal.training.sandbox.live import LiveSandbox, Study, outcome, request


def command(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "sandbox", "--root", str(root), *more],
        cwd=settings.BASE_DIR, env=os.environ | {"GUICHET_VAR": str(root.parent)},
        text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_ready_line_and_address_file(sandbox: LiveSandbox) -> None:
    assert sandbox.ready == f"READY api={sandbox.api_url} s3={sandbox.s3_url}\n"
    assert stat.S_IMODE((sandbox.root / "env").stat().st_mode) == 0o600
    assert stat.S_IMODE((sandbox.root / "control.sqlite3").stat().st_mode) == 0o600
    assert set(sandbox.env) == {
        "SCW_API_URL", "SCW_ACCESS_KEY", "SCW_SECRET_KEY", "SCW_DEFAULT_ORGANIZATION_ID",
        "SCW_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "GUICHET_SCW_APPLICATION_ID",
        "SANDBOX_ADMIN_TOKEN",
    }  # fmt: skip
    assert sandbox.env["SCW_DEFAULT_REGION"] == "fr-par"


def test_one_sandbox_per_folder(sandbox: LiveSandbox) -> None:
    second = command(sandbox.root)
    assert second.returncode != 0
    assert "tourne déjà" in second.stderr
    assert "Traceback" not in second.stderr


def test_taken_port_and_missing_gateway(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = command(root, "--port", port)
        assert refused.returncode != 0
        assert "ne peut pas démarrer" in refused.stderr
        assert "Traceback" not in refused.stderr
    for more in ((), ("--rgw-endpoint", "http://127.0.0.1:9", "--rgw-access-key", "a",
                      "--rgw-secret-key", "b")):  # fmt: skip
        refused = command(root, "--store", "rgw", *more)
        assert refused.returncode != 0
        assert "ne peut pas démarrer" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_killed_while_writing(root: Path) -> None:
    """A snapshot is whole or the one before: what was answered two seconds ago is there."""
    sandbox = LiveSandbox(root).start()
    study = Study(sandbox)
    written: list[tuple[float, int]] = []

    def write() -> None:
        number = 0
        while True:
            try:
                study.s3.put_object(
                    Bucket=study.workspace, Key=f"n/{number:05}", Body=os.urandom(50_000)
                )
            except (ClientError, Exception):  # noqa: BLE001 (the server is gone)
                return
            written.append((time.monotonic(), number))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(4)
    killed = time.monotonic()
    sandbox.kill()
    writer.join(timeout=60)
    sandbox.start()
    try:
        listed = study.s3.get_paginator("list_objects_v2").paginate(Bucket=study.workspace)
        kept = {item["Key"] for page in listed for item in page.get("Contents", [])}
        due = [n for moment, n in written if moment < killed - 2]
        assert len(due) > 10
        assert {f"n/{n:05}" for n in due} <= kept
    finally:
        sandbox.stop()


def test_unreadable_snapshot_is_said(root: Path) -> None:
    sandbox = LiveSandbox(root).start()
    study = Study(sandbox)
    sandbox.stop()
    (root / "objects" / f"{study.input}.bucket").write_bytes(b"not a snapshot")
    refused = command(root)
    assert refused.returncode != 0
    assert f"{study.input}.bucket" in refused.stderr
    assert "Traceback" not in refused.stderr


def sent(sandbox: LiveSandbox, method: str, target: str, body: bytes = b"") -> tuple[int, str]:
    """A request signed by the portal; status and code of the answer."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    made = AWSRequest(method=method, url=sandbox.s3_url + target, data=body)
    credentials = Credentials(sandbox.env["SCW_ACCESS_KEY"], sandbox.env["SCW_SECRET_KEY"])
    S3SigV4Auth(credentials, "s3", "fr-par").add_auth(made)
    headers = dict(made.headers.items())
    status, data, _ = request(method, made.url, headers=headers, body=body)
    text = data.decode()
    return status, text.partition("<Code>")[2].partition("<")[0]


@pytest.fixture(scope="module")
def bucket(sandbox: LiveSandbox) -> str:
    name = "bad-input-of-tests"
    sandbox.s3().create_bucket(Bucket=name)
    sandbox.s3().put_object(Bucket=name, Key="k", Body=b"0123456789")
    return name


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        ("PUT", "/AB", b"", (400, "InvalidBucketName")),
        ("PUT", "/a..b", b"", (400, "InvalidBucketName")),
        ("PUT", "/ok-name-1", b"<Create", (400, "MalformedXML")),
        ("PUT", "/ok-name-2", b"<CreateBucketConfiguration><LocationConstraint>nl-ams"
         b"</LocationConstraint></CreateBucketConfiguration>",
         (400, "IllegalLocationConstraintException")),
        ("GET", "/no-such-bucket-here", b"", (404, "NoSuchBucket")),
        ("DELETE", "/no-such-bucket-here", b"", (404, "NoSuchBucket")),
        ("POST", "/", b"", (405, "MethodNotAllowed")),
        ("POST", "/BUCKET", b"", (501, "NotImplemented")),
        ("PATCH", "/BUCKET/k", b"", (405, "MethodNotAllowed")),
        ("GET", "/BUCKET?logging", b"", (501, "NotImplemented")),
        ("PUT", "/BUCKET?logging", b"<x/>", (501, "NotImplemented")),
        ("PUT", "/BUCKET?tagging", b"<Tagging/>", (400, "MalformedXML")),
        ("PUT", "/BUCKET?tagging", b"not xml", (400, "MalformedXML")),
        ("PUT", "/BUCKET?tagging",
         b'<!DOCTYPE t [<!ENTITY e SYSTEM "file:///etc/hostname">]><Tagging>&e;</Tagging>',
         (400, "MalformedXML")),
        ("PUT", "/BUCKET?encryption", b"<ServerSideEncryptionConfiguration/>",
         (400, "MalformedXML")),
        ("PUT", "/BUCKET?policy", b"{", (400, "MalformedPolicy")),
        ("GET", "/BUCKET?policy", b"", (404, "NoSuchBucketPolicy")),
        ("POST", "/BUCKET?delete", b"<Delete/>", (400, "MalformedXML")),
        ("POST", "/BUCKET?delete", b"", (400, "MalformedXML")),
        ("GET", "/BUCKET/nope", b"", (404, "NoSuchKey")),
        ("GET", "/BUCKET/k?uploadId=nope", b"", (404, "NoSuchUpload")),
        ("PUT", "/BUCKET/k?partNumber=x&uploadId=nope", b"", (400, "InvalidArgument")),
        ("PUT", "/BUCKET/k?partNumber=1&uploadId=nope", b"x", (404, "NoSuchUpload")),
    ],
)  # fmt: skip
def test_bad_requests(
    sandbox: LiveSandbox, bucket: str, method: str, target: str, body: bytes,
    expected: tuple[int, str],
) -> None:  # fmt: skip
    assert sent(sandbox, method, target.replace("BUCKET", bucket), body) == expected


def test_bad_arguments(sandbox: LiveSandbox, bucket: str) -> None:
    s3: Any = sandbox.s3()
    read = {"Bucket": bucket, "Key": "k"}
    assert outcome(lambda: s3.get_object(**read, Range="bytes=50-60")) == "416 InvalidRange"
    assert outcome(lambda: s3.put_bucket_acl(Bucket=bucket, ACL="aws-exec-read")).startswith("400")
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    assert outcome(lambda: s3.put_object(**read, Body=b"1", **key)) == "501 NotImplemented"
    source = {"Bucket": "no-such-bucket-here", "Key": "k"}
    assert outcome(lambda: s3.copy_object(**read, CopySource=source)) == "404 NoSuchBucket"
    missing = {"Bucket": bucket, "Key": "nope"}
    assert outcome(lambda: s3.copy_object(**read, CopySource=missing)) == "404 NoSuchKey"
    conditional = outcome(lambda: s3.put_object(**read, Body=b"1", IfNoneMatch="*"))
    assert conditional == "412 PreconditionFailed"


def test_public_acl_and_anonymous_reads(sandbox: LiveSandbox, bucket: str) -> None:
    s3, url = sandbox.s3(), f"{sandbox.s3_url}/{bucket}"
    assert request("GET", url)[0] == 403
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert request("GET", url)[0] == 200
    assert request("GET", f"{url}/k")[0] == 403  # listing is not reading
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert request("GET", f"{url}/k")[:2] == (200, b"0123456789")
    assert request("PUT", f"{url}/x", body=b"1")[0] == 403
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert request("GET", f"{url}/k")[0] == 403
    assert request("GET", f"{sandbox.s3_url}/no-such-bucket-here")[0] == 403  # no oracle of names


def test_virtual_host_addresses(sandbox: LiveSandbox, bucket: str) -> None:
    """`bucket.s3.<anything>` names a bucket as on the real service; the signature covers it."""
    s3: Any = sandbox.s3()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    forged = {"Host": f"{bucket}.s3.fr-par.scw.cloud"}
    assert request("GET", url, headers=forged)[0] == 403
