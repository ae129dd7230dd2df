"""Object Storage through boto3: buckets of one project at a time, and use of somebody's key.

One S3 key works in one project at a time; `ACCESS@<project>` with the same secret names another
(H1). Path style, no virtual hosts: one client for every store.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from requests_app.provisioning.providers.errors import (
    AlreadyExists,
    BucketGone,
    Denied,
    NotFound,
    Permanent,
    ProviderError,
    Transient,
    Unreachable,
)
from requests_app.provisioning.providers.scaleway.shape import MAX_PARTS
from requests_app.provisioning.providers.scaleway.transport import SHARED_BUCKET
from requests_app.provisioning.providers.values import (
    NO_SUCH_BUCKET,
    Answer,
    BucketState,
    Delivered,
)


logger = logging.getLogger(__name__)

# Seconds; CreateBucket takes up to 6.5 s. Well below the 40 s that a lease has left at least when
# an exchange begins: one that outlived its lease could not even write down that it failed.
CONNECT_TIMEOUT, READ_TIMEOUT, HURRIED_READ_TIMEOUT = 3.05, 30.0, 8.0
ATTEMPTS = 3
PROGRESS_SECONDS = 5.0  # between two looks at the lease while a part is being sent
PART_BYTES = 64 * 1024 * 1024


def s3_client(
    *,
    endpoint: str,
    region: str,
    access_key: str,
    secret_key: str,
    attempts: int,
    read_timeout: float = READ_TIMEOUT,
) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


def error_of(error: ClientError) -> ProviderError:
    """Our error for an S3 one; the status decides, as Scaleway has one code for all refusals."""
    response: Mapping[str, Any] = error.response
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 0))
    request_id = str(meta.get("RequestId", ""))
    code = str(response.get("Error", {}).get("Code", ""))
    if code == NO_SUCH_BUCKET:
        return BucketGone(code, status=status, request_id=request_id)
    if code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
        return AlreadyExists("", request_id=request_id)
    # A principal too new for S3 makes a policy "malformed" for a while (Terraform retries 1 min).
    if code in {"MalformedPolicy", "OperationAborted", "RequestTimeout"}:
        return Transient(code, status=status, request_id=request_id)
    classes: dict[int, type[ProviderError]] = {403: Denied, 404: NotFound, 409: Transient}
    cls = classes.get(status, Unreachable if status >= 500 or status == 429 else Permanent)
    return cls(code or f"HTTP {status}", status=status, request_id=request_id)


class Buckets:
    """The portal's own hand on the buckets of each project."""

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        access_key: str,
        secret_key: str,
        before_call: Callable[[], None],
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self._endpoint, self._region = endpoint, region
        self._access_key, self._secret_key = access_key, secret_key
        self._before_call = before_call
        self._hurried = hurried
        self._clients: dict[tuple[str, bool], Any] = {}

    def _client(self, project: str) -> Any:
        if not project:
            raise ValueError("a project id is needed: without it the default project would be used")
        hurried = self._hurried()
        if (project, hurried) not in self._clients:
            client = s3_client(
                endpoint=self._endpoint,
                region=self._region,
                access_key=f"{self._access_key}@{project}",
                secret_key=self._secret_key,
                attempts=1 if hurried else ATTEMPTS,
                read_timeout=HURRIED_READ_TIMEOUT if hurried else READ_TIMEOUT,
            )
            client.meta.events.register("before-send.s3", self._hook)
            self._clients[project, hurried] = client
        return self._clients[project, hurried]

    def _hook(self, **_kwargs: Any) -> None:
        """Before each attempt, botocore's own retries included."""
        self._before_call()
        SHARED_BUCKET.take()

    def _call(self, project: str, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client(project), operation)(**arguments)
        except ClientError as error:
            found = error_of(error)
            logger.info("s3 %s %s %s", operation, found.status, found.request_id or "-")
            raise found from error
        except BotoCoreError as error:
            raise Unreachable(f"{operation}: {type(error).__name__}") from error

    def state(self, bucket: str, *, project: str) -> BucketState | None:
        owner = self.owner(bucket, project=project)
        if owner is None:
            return None
        return BucketState(
            owner=owner,
            encrypted=self._encrypted(bucket, project),
            has_lifecycle=self._has_lifecycle(bucket, project),
        )

    def owner(self, bucket: str, *, project: str) -> str | None:
        try:
            acl = self._call(project, "get_bucket_acl", Bucket=bucket)
        except NotFound:
            return None
        owner = str(acl.get("Owner", {}).get("ID", "")).partition(":")[0]
        if not owner:  # an odd answer is nobody's name: it must not pass for another's bucket
            raise Transient("get_bucket_acl: no owner in the answer")
        return owner

    def policy(self, bucket: str, *, project: str) -> Mapping[str, Any] | None:
        try:
            text = self._call(project, "get_bucket_policy", Bucket=bucket)["Policy"]
        except BucketGone:
            raise
        except NotFound:
            return None
        policy = json.loads(text)
        return policy if isinstance(policy, dict) else None

    def _encrypted(self, bucket: str, project: str) -> bool:
        try:
            found = self._call(project, "get_bucket_encryption", Bucket=bucket)
        except NotFound:  # AWS answers 404, Scaleway 200 with an empty configuration
            return False
        rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules") or []
        return any(
            rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules
        )

    def _has_lifecycle(self, bucket: str, project: str) -> bool:
        try:
            found = self._call(project, "get_bucket_lifecycle_configuration", Bucket=bucket)
        except NotFound:
            return False
        return bool(found.get("Rules"))

    def create(self, bucket: str, *, project: str) -> None:
        self._call(
            project,
            "create_bucket",
            Bucket=bucket,
            ACL="private",
            CreateBucketConfiguration={"LocationConstraint": self._region},
        )

    def encrypt(self, bucket: str, *, project: str) -> None:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self._call(
            project,
            "put_bucket_encryption",
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [rule]},
        )

    def put_policy(self, bucket: str, policy: Mapping[str, Any], *, project: str) -> None:
        self._call(project, "put_bucket_policy", Bucket=bucket, Policy=json.dumps(policy))

    def upload(
        self,
        bucket: str,
        key: str,
        source: Path,
        *,
        project: str,
        sha256: str,
        encrypted: bool = False,
    ) -> None:
        size = source.stat().st_size
        part = max(PART_BYTES, -(-size // (MAX_PARTS - 1)))
        config = TransferConfig(
            multipart_threshold=part, multipart_chunksize=part, use_threads=False
        )
        looked_at = [time.monotonic()]
        extra: dict[str, Any] = {"Metadata": {"sha256": sha256}}
        if encrypted:
            extra["ServerSideEncryption"] = "AES256"

        def progress(_sent: int) -> None:
            """A part may take longer to send than a lease lasts: keep it while bytes go out."""
            if time.monotonic() - looked_at[0] > PROGRESS_SECONDS:
                looked_at[0] = time.monotonic()
                self._before_call()

        try:
            self._client(project).upload_file(
                str(source),
                bucket,
                key,
                ExtraArgs=extra,
                Config=config,
                Callback=progress,
            )
        except ClientError as error:
            raise error_of(error) from error
        except (BotoCoreError, boto3.exceptions.S3UploadFailedError) as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, ClientError):
                raise error_of(cause) from error
            if isinstance(cause, ProviderError):
                raise cause from error
            raise Unreachable(f"upload: {type(error).__name__}") from error

    def object_state(self, bucket: str, key: str, *, project: str) -> Delivered | None:
        try:
            found = self._call(project, "head_object", Bucket=bucket, Key=key)
        except NotFound:
            return None
        return Delivered(
            sha256=str(found.get("Metadata", {}).get("sha256", "")),
            encrypted=bool(found.get("ServerSideEncryption")),
        )


class BotoKeyHolder:
    """Somebody's key at work: one try per call, the status is the answer."""

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        access_key: str,
        secret_key: str,
        before_call: Callable[[], None],
    ) -> None:
        self._s3 = s3_client(
            endpoint=endpoint,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
            attempts=1,
        )
        self._before_call = before_call

    def _try(self, operation: str, **arguments: Any) -> Answer:
        self._before_call()
        code = ""
        try:
            answer = getattr(self._s3, operation)(**arguments)
            if "Body" in answer:
                answer["Body"].read(1024)
                answer["Body"].close()
            meta = answer["ResponseMetadata"]
        except ClientError as error:
            meta = error.response.get("ResponseMetadata", {})
            code = str(error.response.get("Error", {}).get("Code", ""))
        except BotoCoreError:
            return Answer(0)
        return Answer(int(meta.get("HTTPStatusCode", 0)), str(meta.get("RequestId", "")), code)

    def list(self, bucket: str, *, prefix: str = "") -> Answer:
        return self._try("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)

    def get(self, bucket: str, key: str) -> Answer:
        return self._try("get_object", Bucket=bucket, Key=key)

    def put(self, bucket: str, key: str, body: bytes) -> Answer:
        return self._try("put_object", Bucket=bucket, Key=key, Body=body)

    def delete(self, bucket: str, key: str) -> Answer:
        return self._try("delete_object", Bucket=bucket, Key=key)
