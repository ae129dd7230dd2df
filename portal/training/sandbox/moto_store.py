"""Objects in memory, served by moto's S3 application, kept on disk by snapshots.

moto knows nothing of keys or rights here: the front has decided before. Its state is one Python
object per process and has no locks, so calls go through one at a time.
"""

import io
import logging
import os
import pickle
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import OWNER, S3Backend, s3_backends
from werkzeug.wrappers import Response

from portal.training.sandbox.moto_xml import rewritten
from portal.training.sandbox.payload import CHECKSUMS
from portal.training.sandbox.resources import Bucket
from portal.training.sandbox.s3_call import S3Call
from portal.training.sandbox.s3_errors import S3Error


if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

REGION = "us-east-1"  # moto's only, whatever region we tell our clients
# moto refuses a read that carries no signature at all, and looks no further
SOMEBODY = (
    f"AWS4-HMAC-SHA256 Credential=SANDBOX/20260101/{REGION}/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
SNAPSHOT_SECONDS = 1.0  # a change is on disk at most twice this later
_DROPPED = {
    "authorization", "host", "connection", "expect", "transfer-encoding", "content-length",
    "content-type", "content-encoding", "x-amz-content-sha256", "x-amz-decoded-content-length",
    "x-amz-trailer", "x-amz-date", "x-amz-security-token",
}  # fmt: skip
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_CODE = re.compile(rb"<Code>(.*?)</Code>")
_MESSAGE = re.compile(rb"<Message>(.*?)</Message>", re.DOTALL)


class SnapshotError(ValueError):
    """A bucket's file cannot be read: the sandbox does not start on half of its objects."""


class MotoStore:
    """The object store of the embedded sandbox; `folder` receives one file per bucket."""

    enforces = False  # rights are decided by the front

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.lock = threading.RLock()
        self._app = create_backend_app("s3")
        self._dirty: set[str] = set()
        self._stop = threading.Event()
        self._backend.reset()
        self._load()
        self._thread = threading.Thread(target=self._run, name="sandbox-snapshots", daemon=True)
        self._thread.start()

    @property
    def _backend(self) -> S3Backend:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    # Buckets

    def create_bucket(self, bucket: Bucket, *, object_lock: bool) -> None:
        with self.lock:
            made = self._backend.create_bucket(bucket.name, REGION)
            if object_lock:
                made.object_lock_enabled = True
                made.versioning_status = "Enabled"
            self._dirty.add(bucket.name)

    def delete_bucket(self, bucket: Bucket) -> None:
        with self.lock:
            held = self._backend.buckets.get(bucket.name)
            if held is not None and (held.keys or held.multiparts):
                raise S3Error(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
            if held is not None:
                self._backend.delete_bucket(bucket.name)
            self._dirty.add(bucket.name)

    def reconcile(self, buckets: list[Bucket]) -> None:
        """Make the buckets those of the control plane, after a stop between the two writes."""
        names = {bucket.name for bucket in buckets}
        with self.lock:
            for name in set(self._backend.buckets) - names:
                self._backend.buckets.pop(name)
                s3_backends.bucket_accounts.pop(name, None)
                self._dirty.add(name)
            for bucket in buckets:
                if bucket.name not in self._backend.buckets:
                    logger.warning("bucket %s had no snapshot: it starts empty", bucket.name)
                    self.create_bucket(bucket, object_lock=False)

    def is_public(self, bucket: str, key: str) -> bool:
        """Whether an object's own ACL lets everybody read it."""
        with self.lock:
            held = self._backend.buckets.get(bucket)
            found = held.keys.get(key) if held is not None else None
            return bool(found is not None and found.acl is not None and found.acl.public_read)

    def usage(self) -> dict[str, int]:
        """Number of keys by bucket."""
        with self.lock:
            return {name: len(list(b.keys)) for name, b in self._backend.buckets.items()}

    # Requests

    def handle(self, call: S3Call, bucket: Bucket) -> Response:
        """moto's answer to a request that was let through, in our clothes."""
        upload = call.address.named.get("uploadId")
        with self.lock:
            held = self._backend.buckets.get(bucket.name)
            if upload is not None and (held is None or upload not in held.multiparts):
                raise S3Error(404, "NoSuchUpload", "The specified upload does not exist.")
            response = Response.from_app(self._app, self._environ(call))
            data = response.get_data()
            if call.operation.changes and response.status_code < 300:
                self._dirty.add(bucket.name)
        if response.status_code >= 400:
            raise _error(response.status_code, data)
        if "xml" in (response.content_type or ""):
            response.set_data(
                rewritten(
                    call,
                    bucket,
                    data,
                    owner=OWNER,
                    checksum=lambda key: self._checksum(bucket, key),
                )
            )
        return response

    def _checksum(self, bucket: Bucket, key: str) -> str | None:
        held = self._backend.buckets.get(bucket.name)
        found = held.keys.get(key) if held is not None else None
        return getattr(found, "checksum_algorithm", None) or None

    def _environ(self, call: S3Call) -> "WSGIEnvironment":
        address, headers = call.address, call.request.headers
        content_type = headers.get("content-type", "")
        is_form = content_type.lower().startswith(_FORMS)
        target = address.path + (f"?{address.query_string}" if address.query else "")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": call.request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/{address.bucket}/{address.key}".encode().decode("latin-1"),
            "QUERY_STRING": address.query_string,
            "RAW_URI": target,
            "REQUEST_URI": target,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": SOMEBODY,
            "CONTENT_LENGTH": str(len(call.payload.data)),
            # moto would take the body of a form type apart, whatever the method
            "CONTENT_TYPE": "application/octet-stream" if is_form else content_type,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(call.payload.data),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if not address.key:
            environ["PATH_INFO"] = f"/{address.bucket}"
        extra = {name.lower(): value for name, value in headers.items()}
        encoding = [
            part.strip()
            for part in extra.get("content-encoding", "").split(",")
            if part.strip() and part.strip() != "aws-chunked"
        ]
        kept = {n: v for n, v in extra.items() if n not in _DROPPED} | call.payload.trailers
        for name in CHECKSUMS:
            if name in kept:  # moto goes by the algorithm's name, which some clients leave out
                kept.setdefault("x-amz-sdk-checksum-algorithm", name.rpartition("-")[2].upper())
        if encoding:
            kept["content-encoding"] = ",".join(encoding)
        for name, value in kept.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ

    # Snapshots

    def _run(self) -> None:
        while not self._stop.wait(SNAPSHOT_SECONDS):
            try:
                self.save()
            except OSError:
                logger.exception("the sandbox could not write its snapshot; it will try again")

    def save(self) -> None:
        """Write what changed, one file per bucket, each replaced atomically."""
        with self.lock:
            names, self._dirty = self._dirty, set()
        for name in sorted(names):
            try:
                self._save_bucket(name)
            except OSError:
                with self.lock:
                    self._dirty.add(name)
                raise

    def _file(self, name: str) -> Path:
        return self.folder / f"{quote(name, safe='')}.bucket"

    def _save_bucket(self, name: str) -> None:
        with self.lock:
            bucket = self._backend.buckets.get(name)
            data = None if bucket is None else pickle.dumps((bucket, self._tags(name)))
        path = self._file(name)
        if data is None:
            path.unlink(missing_ok=True)
            return
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)

    def _tags(self, name: str) -> dict[str, Any]:
        """moto keeps objects' tags beside its buckets, by ARN."""
        prefix = f"arn:aws:s3:::{name}/"
        return {arn: t for arn, t in self._backend.tagger.tags.items() if arn.startswith(prefix)}

    def _load(self) -> None:
        for path in sorted(self.folder.glob("*.bucket")):
            try:
                # our own file, in a folder only we can write
                bucket, tags = pickle.loads(path.read_bytes())  # noqa: S301
                self._backend.buckets[bucket.name] = bucket
            except Exception as error:  # a file that is not ours raises anything
                raise SnapshotError(f"unreadable snapshot {path}: {error}") from error
            s3_backends.bucket_accounts[bucket.name] = ("aws", DEFAULT_ACCOUNT_ID)
            self._backend.tagger.tags.update(tags)

    def clear(self, _buckets: list[Bucket]) -> None:
        with self.lock:
            self._dirty |= set(self._backend.buckets)
            self._backend.reset()
        self.save()

    def close(self) -> None:
        """Last snapshot; the memory is given back."""
        self._stop.set()
        self._thread.join()
        self.save()
        with self.lock:
            self._backend.reset()


def _error(status: int, data: bytes) -> S3Error:
    code, message = _CODE.search(data), _MESSAGE.search(data)
    if code is None:  # a HEAD has no body
        names = {404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange"}
        return S3Error(status, names.get(status, "InvalidRequest"), "")
    text = message[1].decode() if message is not None else ""
    return S3Error(status, code[1].decode(), text)
