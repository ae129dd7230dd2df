"""Signature Version 4 and the body of a request, against botocore's own signer."""

import base64
import hashlib
import hmac
import uuid
import zlib
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from portal.training.sandbox.payload import CHECKSUMS
from tests.portal.training.sandbox.live import LiveSandbox, Study, request


UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
DATA = b"id,v\n1,2\n" * 50


@pytest.fixture(scope="module")
def study(sandbox: LiveSandbox) -> Study:
    return Study(sandbox)


def signed(
    study: Study, key: str, *, payload: str, headers: dict[str, str], body: bytes = b""
) -> Any:
    url = f"{study.sandbox.s3_url}/{study.workspace}/{key}"
    made = AWSRequest(
        method="PUT", url=url, data=body, headers={"x-amz-content-sha256": payload, **headers}
    )
    credentials = Credentials(study.key.access_key, study.key.secret_key)
    signer = S3SigV4Auth(credentials, "s3", "fr-par")
    signer.payload = lambda _request: payload  # type: ignore[method-assign]
    signer.add_auth(made)
    return made


def put(made: Any, body: bytes) -> int:
    return request("PUT", made.url, headers=dict(made.headers.items()), body=body)[0]


def read(study: Study, key: str) -> bytes:
    body: bytes = study.s3.get_object(Bucket=study.workspace, Key=key)["Body"].read()
    return body


@pytest.mark.parametrize("algorithm", sorted(name.rpartition("-")[2] for name in CHECKSUMS))
def test_unsigned_trailer(study: Study, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    good = base64.b64encode(CHECKSUMS[name](DATA)).decode()
    bad = base64.b64encode(CHECKSUMS[name](DATA + b"x")).decode()
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-trailer": name,
        "x-amz-decoded-content-length": str(len(DATA)),
    }
    for checksum, status in ((good, 200), (bad, 400)):
        parts = [DATA[:200], DATA[200:]]
        body = b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in parts)
        body += f"0\r\n{name}:{checksum}\r\n\r\n".encode()
        made = signed(study, f"t-{algorithm}", payload=UNSIGNED_TRAILER, headers=headers)
        assert put(made, body) == status
    assert read(study, f"t-{algorithm}") == DATA


def test_known_checksums() -> None:
    """Check values of the algorithms' definitions, for "123456789"."""
    digest = {n.rpartition("-")[2]: f(b"123456789").hex() for n, f in CHECKSUMS.items()}
    assert (digest["crc32"], digest["crc32c"]) == ("cbf43926", "e3069283")
    assert digest["crc64nvme"] == "ae8b14860a799888"
    assert int(digest["crc32"], 16) == zlib.crc32(b"123456789")


def test_signed_chunks(study: Study) -> None:
    def frame(made: Any, secret: str, data: bytes, *, spoil: bool) -> bytes:
        authorization = made.headers["Authorization"]
        previous = authorization.rpartition("Signature=")[2]
        scope = authorization.partition("Credential=")[2].partition(",")[0].partition("/")[2]
        key = f"AWS4{secret}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        out = b""
        for chunk in (data[:100], data[100:], b""):
            text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", made.headers["X-Amz-Date"], scope,
                              previous, hashlib.sha256(b"").hexdigest(),
                              hashlib.sha256(chunk).hexdigest()))  # fmt: skip
            previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            sent = chunk[:-1] + b"!" if spoil and chunk else chunk
            out += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + sent + b"\r\n"
        return out

    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(DATA)),
    }
    for spoil, status in ((False, 200), (True, 403)):
        made = signed(study, "chunks", payload=SIGNED_CHUNKS, headers=headers)
        assert put(made, frame(made, study.key.secret_key, DATA, spoil=spoil)) == status
    assert read(study, "chunks") == DATA


def test_body_must_be_the_one_signed(study: Study) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    assert put(signed(study, "b", payload=digest, headers={}), DATA) == 200
    assert put(signed(study, "b", payload=digest, headers={}), DATA + b"x") == 400
    assert put(signed(study, "b", payload="UNSIGNED-PAYLOAD", headers={}), b"any") == 200
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()  # noqa: S324
    headers = {"content-md5": md5}
    assert put(signed(study, "b", payload="UNSIGNED-PAYLOAD", headers=headers), DATA) == 400


def test_form_type_is_only_a_type(study: Study) -> None:
    """A body sent as a form is an object like another."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    made = signed(study, "form", payload="UNSIGNED-PAYLOAD", headers=headers)
    assert put(made, b"a=1&b=2") == 200
    assert read(study, "form") == b"a=1&b=2"


def test_tampering(study: Study) -> None:
    made = signed(study, "t", payload="UNSIGNED-PAYLOAD", headers={"x-amz-meta-step": "1"})
    good = dict(made.headers.items())
    assert request("PUT", made.url, headers=good)[0] == 200
    for change in (
        {"x-amz-meta-step": "2"},
        {"Host": "elsewhere"},
        {"X-Amz-Date": "20200101T000000Z"},
        {"Authorization": "AWS4-HMAC-SHA256 nonsense"},
        {"Authorization": good["Authorization"].replace("fr-par", "mars-1")},
        {"Authorization": good["Authorization"].replace("Signature=", "Signature=0")},
        {"Authorization": "AWS SCWKEY:signature"},
    ):
        assert request("PUT", made.url, headers=good | change)[0] == 403, change
    assert request("PUT", made.url + "?acl", headers=good)[0] == 403


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "a%2Fb", "é/ü", "a//b", "~a*'()!", "a&b=c?d#e", "\U0001f600"]
)
def test_any_key_signs_and_reads_back(study: Study, key: str) -> None:
    body = uuid.uuid4().bytes
    study.s3.put_object(Bucket=study.workspace, Key=key, Body=body)
    assert read(study, key) == body
    url = study.s3.generate_presigned_url(
        "get_object", Params={"Bucket": study.workspace, "Key": key}
    )
    assert request("GET", url)[:2] == (200, body)
    listed = study.s3.list_objects_v2(Bucket=study.workspace, Prefix=key)["Contents"]
    assert key in [item["Key"] for item in listed]
    source = {"Bucket": study.workspace, "Key": key}
    study.s3.copy_object(Bucket=study.workspace, Key="copied", CopySource=source)
    assert read(study, "copied") == body


def test_presigned_dates(study: Study) -> None:
    url = study.url(seconds=60)
    assert request("GET", url)[0] == 200
    assert request("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))[0] == 403
    assert request("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=9999999"))[0] == 400
    assert request("GET", url + "&versionId=x")[0] == 403
    assert request("HEAD", url)[0] == 403  # signed for another method
