"""Objects in a Ceph RADOS Gateway, which verifies signatures and enforces rights by itself.

The front forwards a request as it came, `Host` preserved so that its signature stays valid, with
the client's address in `X-Forwarded-For` (start the gateway with
`rgw remote addr param = HTTP_X_FORWARDED_FOR`, reachable by the sandbox alone).
"""

import logging
import re
import secrets
import threading
import uuid
from collections.abc import Mapping

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.wrappers import Response

from portal.training.sandbox.credentials import new_access_key
from portal.training.sandbox.resources import Bucket, Project
from portal.training.sandbox.rgw_client import RgwClient, RgwError, RgwKey
from portal.training.sandbox.rgw_compile import Desired, compile_rights, owner_uid
from portal.training.sandbox.s3_call import S3Call
from portal.training.sandbox.s3_errors import S3Error
from portal.training.sandbox.sigv4 import raw_target
from portal.training.sandbox.state import State


logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5  # an expired key is removed at most this later
_HOP = {"connection", "keep-alive", "transfer-encoding", "server", "date"}
_CODE = re.compile(rb"<Code>(.*?)</Code>")
_MESSAGE = re.compile(rb"<Message>(.*?)</Message>", re.DOTALL)


class RgwStore:
    enforces = True

    def __init__(self, client: RgwClient, state: State) -> None:
        self.client, self.state = client, state
        # keys by user, kept across restarts so that those of a past run can be removed
        self._users: dict[str, set[str]] = {
            uid: set(str(keys).split()) for uid, keys in state.meta("rgw_users").items()
        }
        self._told: Desired | None = None
        self._policies: dict[str, str | None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-rgw", daemon=True)

    # Rights

    def _run(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                with self.state.lock:
                    self.sync()
            except Exception:
                logger.exception("the gateway could not be told; it will be again")

    def sync(self) -> None:
        """Make the gateway hold what the control plane says; nothing when it does already."""
        desired = self._desired()
        if desired == self._told:
            return
        self._told = None  # until everything below has passed
        self._tell_users(desired)
        self._tell_policies(desired)
        for uid in set(self._users) - set(desired.users):
            self._admin("DELETE", "/user", uid=uid)
            del self._users[uid]
        self.state.set_meta("rgw_users", {u: " ".join(sorted(k)) for u, k in self._users.items()})
        self._told = desired

    def _desired(self) -> Desired:
        clock = self.state.clock
        compiled = compile_rights(
            self.state.view, self.state.all(Bucket), now=clock.now(), offset=clock.offset
        )
        owners = {
            owner_uid(project.id): {owner.access: owner.secret}
            for project in self.state.all(Project)
            for owner in [self._owner(project.id)]
        }
        return Desired(compiled.users | owners, compiled.policies)

    def _owner(self, project_id: str) -> RgwKey:
        """The key of a project's own user, made once."""
        owners = self.state.meta("rgw_owners")
        if project_id not in owners:
            secret = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
            owners[project_id] = f"{new_access_key()} {secret}"
            self.state.set_meta("rgw_owners", owners)
        access, _, secret = str(owners[project_id]).partition(" ")
        return RgwKey(access, secret)

    def _admin(self, method: str, path: str, *flags: str, **parameters: str) -> None:
        """An admin call for which "it is so already" is success."""
        try:
            self.client.admin(method, path, *flags, **parameters)
        except RgwError as error:
            settled = {"DELETE": (404,), "PUT": (409,)}
            if error.status not in settled.get(method, ()):
                raise

    def _tell_users(self, desired: Desired) -> None:
        for uid, held in self._users.items():  # what narrows comes first
            for access in held - set(desired.users.get(uid, {})):
                self._admin("DELETE", "/user", "key", uid=uid, access_key=access, key_type="s3")
            held &= set(desired.users.get(uid, {}))
        for uid, keys in desired.users.items():
            if uid not in self._users:
                owner = uid.startswith("project-")
                self._admin(
                    "PUT",
                    "/user",
                    uid=uid,
                    display_name=uid,
                    key_type="s3",
                    generate_key="false",
                    max_buckets="0" if owner else "-1",  # 0: no limit; -1: may own none
                )
            held = self._users.setdefault(uid, set())
            for access, secret in keys.items():
                if access not in held:
                    self._admin(
                        "PUT",
                        "/user",
                        "key",
                        uid=uid,
                        access_key=access,
                        secret_key=secret,
                        generate_key="false",
                    )
                    held.add(access)

    def _tell_policies(self, desired: Desired) -> None:
        for gone in set(self._policies) - set(desired.policies):
            del self._policies[gone]
        for name, text in desired.policies.items():
            if name in self._policies and self._policies[name] == text:
                continue
            bucket = self.state.find(Bucket, name)
            if bucket is None:
                continue
            owner = self._owner(bucket.project_id)
            if text is None:
                self._s3("DELETE", f"/{name}?policy", owner)
            else:
                self._s3("PUT", f"/{name}?policy", owner, text.encode())
            self._policies[name] = text

    def _s3(self, method: str, target: str, owner: RgwKey, body: bytes = b"") -> None:
        try:
            self.client.s3(method, target, owner, body)
        except RgwError as error:
            if error.status != 404 or method != "DELETE":
                raise

    # Buckets

    def create_bucket(self, bucket: Bucket, *, object_lock: bool) -> None:
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if object_lock else {}
        owner = self._owner(bucket.project_id)
        self._tell_users(self._desired())  # the owner may be new
        try:
            self.client.s3("PUT", f"/{bucket.name}", owner, headers=headers)
        except RgwError as error:
            if error.status != 409:
                raise
            raise S3Error(
                409, "BucketAlreadyExists", "The requested bucket name is not available."
            ) from error

    def delete_bucket(self, bucket: Bucket) -> None:
        try:
            self.client.s3("DELETE", f"/{bucket.name}", self._owner(bucket.project_id))
        except RgwError as error:
            if error.status == 409:
                raise S3Error(
                    409, "BucketNotEmpty", "The bucket you tried to delete is not empty"
                ) from error
            if error.status != 404:
                raise

    def reconcile(self, buckets: list[Bucket]) -> None:
        """Tell the gateway everything once; a gateway that forgot its buckets gets empty ones."""
        with self.state.lock:
            self._users_after_restart()
            for bucket in buckets:
                owner = self._owner(bucket.project_id)
                answer = self.client.signed("HEAD", f"/{bucket.name}", owner)
                if answer.status == 404:
                    logger.warning("bucket %s is not in the gateway: it starts empty", bucket.name)
                    self.create_bucket(bucket, object_lock=False)
            self.sync()
        self.state.on_commit.append(self.sync)
        self._thread.start()

    def _users_after_restart(self) -> None:
        desired = self._desired()
        stale = {u: k - set(desired.users.get(u, {})) for u, k in self._users.items()}
        self._users = {uid: keys for uid, keys in stale.items() if keys}
        self._tell_users(desired)

    def is_public(self, bucket: str, key: str) -> bool:
        return False

    def usage(self) -> dict[str, int]:
        """Number of objects by bucket, as the gateway counts them."""
        counted: dict[str, int] = {}
        for bucket in self.state.all(Bucket):
            stats = self.client.admin("GET", "/bucket", bucket=bucket.name, stats="true")
            usage = stats.get("usage", {}) if isinstance(stats, dict) else {}
            counted[bucket.name] = int(usage.get("rgw.main", {}).get("num_objects", 0))
        return counted

    def clear(self, buckets: list[Bucket]) -> None:
        for bucket in buckets:
            self._admin("DELETE", "/bucket", bucket=bucket.name, purge_objects="true")
            self._policies.pop(bucket.name, None)

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    # Requests

    def handle(self, call: S3Call, bucket: Bucket) -> Response:
        """The gateway's answer; what it refuses as a bad key or signature is AccessDenied."""
        request = call.request
        path, query = raw_target(request)
        target = path + (f"?{query}" if query else "")
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("connection", "expect", "transfer-encoding", "x-forwarded-for")
        }
        body = call.payload.raw
        if call.payload.framed and call.signer is not None:
            headers, body = self._resigned(call, target, headers), call.payload.data
        headers["X-Forwarded-For"] = request.remote_addr or ""
        headers["Content-Length"] = str(len(body))
        try:
            answer = self.client.send(request.method, target, headers, body)
        except RgwError as error:
            raise S3Error(503, "ServiceUnavailable", "Please reduce your request rate.") from error
        if answer.status >= 400:
            raise _error(answer.status, answer.body)
        kept = [(n, v) for n, v in answer.headers if n.lower() not in _HOP]
        response = Response(answer.body, status=answer.status)
        response.headers.clear()
        response.headers.extend(kept)
        return response

    def _resigned(self, call: S3Call, target: str, headers: Mapping[str, str]) -> dict[str, str]:
        """This gateway's version knows no unsigned trailer: the front, which has verified the
        request, signs the plain body with the same key."""
        assert call.signer is not None  # noqa: S101 (for the type checker; checked by the caller)
        key, project = call.signer.api_key, call.signer.project_id
        dropped = {
            "authorization", "content-encoding", "content-length", "x-amz-content-sha256",
            "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-date",
        }  # fmt: skip
        kept = {n: v for n, v in headers.items() if n.lower() not in dropped}
        url = f"http://{call.request.headers['host']}{target}"
        signed = AWSRequest(
            method=call.request.method, url=url, data=call.payload.data, headers=kept
        )
        access = f"{key.access_key}@{project}"
        S3SigV4Auth(
            Credentials(access, key.secret_key), "s3", call.claim.region if call.claim else ""
        ).add_auth(signed)
        return dict(signed.headers.items())


def _error(status: int, data: bytes) -> S3Error:
    code, message = _CODE.search(data), _MESSAGE.search(data)
    if status == 403 or code is None:
        names = {403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed"}
        text = "Access Denied" if status == 403 else ""
        return S3Error(status, names.get(status, "InvalidRequest"), text)
    return S3Error(status, code[1].decode(), message[1].decode() if message is not None else "")
