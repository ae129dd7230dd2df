"""The S3 face: who signs, may they, then the object store. `s3.<region>.scw.cloud`, locally."""

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from portal.common.digits import is_digits
from portal.training.sandbox import operations
from portal.training.sandbox.access import Access, Signer
from portal.training.sandbox.bucket_config import (
    XMLNS,
    BucketConfig,
    checked_acl,
    list_buckets,
    parse_xml,
)
from portal.training.sandbox.bucket_policy import Facts
from portal.training.sandbox.operations import Operation
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.payload import STREAMING, Payload, read_payload
from portal.training.sandbox.resources import Bucket
from portal.training.sandbox.s3_call import Address, S3Call, read_address
from portal.training.sandbox.s3_errors import (
    S3Error,
    access_denied,
    error_response,
    finish,
    invalid_argument,
    malformed_xml,
    no_such_bucket,
    not_implemented,
    xml_response,
)
from portal.training.sandbox.sigv4 import Claim, check_date, check_signature, read_claim
from portal.training.sandbox.state import State


if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

REGIONS = ("fr-par", "nl-ams", "pl-waw")
MAX_PARTS = 1000  # AWS: 10,000
MAX_DELETED = 1000
SSE_C = "x-amz-server-side-encryption-customer-"
BUCKET_NAME = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")


class ObjectStore(Protocol):
    """Where buckets and objects are. `enforces`: it decides on objects' operations itself."""

    enforces: bool

    def create_bucket(self, bucket: Bucket, *, object_lock: bool) -> None: ...

    def delete_bucket(self, bucket: Bucket) -> None: ...

    def handle(self, call: S3Call, bucket: Bucket) -> Response: ...

    def is_public(self, bucket: str, key: str) -> bool: ...

    def reconcile(self, buckets: list[Bucket]) -> None: ...

    def usage(self) -> dict[str, int]: ...

    def clear(self, buckets: list[Bucket]) -> None: ...

    def close(self) -> None: ...


class S3Face:
    def __init__(
        self, state: State, organization: Organization, access: Access, store: ObjectStore
    ) -> None:
        self.state, self.organization = state, organization
        self.access, self.store = access, store
        self.config = BucketConfig(state)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        address = read_address(request)
        head = request.method == "HEAD"
        try:
            return finish(self.serve(request, address))
        except S3Error as error:
            resource = f"/{address.bucket}" + (f"/{address.key}" if address.key else "")
            return error_response(error, resource=resource, bucket=address.bucket, head=head)
        except Exception:
            logger.exception("sandbox S3: %s %s", request.method, request.path)
            broken = S3Error(500, "InternalError", "We encountered an internal error.")
            return error_response(broken, resource="", bucket="", head=head)

    def serve(self, request: Request, address: Address) -> Response:
        claim = read_claim(request)
        operation = operations.classify(
            request.method,
            bucket=address.bucket,
            key=address.key,
            query=address.named,
            copies="x-amz-copy-source" in request.headers,
        )
        if operation in (operations.UPLOAD_PART, operations.UPLOAD_PART_COPY):
            check_part(address.named.get("partNumber", ""))
        bucket = self.state.find(Bucket, address.bucket)
        framed = claim is not None and claim.payload_hash.startswith(STREAMING)
        if self.store.enforces and operation.name not in operations.FRONT and bucket and not framed:
            # the store verifies signature, rights and body by itself
            body = request.get_data(cache=False)
            call = S3Call(request, address, operation, Payload(body, raw=body), claim, None)
            return self.store.handle(call, bucket)
        signer, secret = self.authenticate(request, claim)
        payload = read_payload(request, claim, secret)
        call = S3Call(request, address, operation, payload, claim, signer)
        if operation is operations.LIST_BUCKETS:
            return self.list_buckets(call)
        if operation is operations.CREATE_BUCKET:
            return self.create_bucket(call)
        if bucket is None:
            raise no_such_bucket() if signer is not None else access_denied()
        return self.serve_bucket(call, bucket)

    def authenticate(self, request: Request, claim: Claim | None) -> tuple[Signer | None, str]:
        """The verified signer and its secret; every failure is the same AccessDenied."""
        if claim is None:
            return None, ""
        if claim.region not in REGIONS:
            raise access_denied()
        key = self.access.find_key(claim)
        if key is None:
            raise access_denied()
        check_signature(claim, request, key.secret_key)
        check_date(claim, self.state.clock.signature_now())
        return Signer(key, claim.project_id or key.default_project_id), key.secret_key

    def facts(self, call: S3Call) -> Facts:
        listing = call.operation.action in ("s3:ListBucket", "s3:ListBucketVersions")
        return Facts(
            source_ip=call.request.remote_addr or "",
            time=self.state.clock.now(),
            referer=call.request.headers.get("referer"),
            prefix=call.address.named.get("prefix") if listing else None,
        )

    def may(self, call: S3Call, operation: Operation, bucket: Bucket | None, key: str) -> bool:
        return self.access.may(
            call.signer,
            operation,
            bucket=bucket,
            key=key,
            facts=self.facts(call),
            user_agent=call.request.headers.get("user-agent", "")[:255],
        )

    # Service and bucket

    def list_buckets(self, call: S3Call) -> Response:
        if call.signer is None or not self.may(call, call.operation, None, ""):
            raise access_denied("Permission denied.")
        project = call.signer.project_id
        return list_buckets(self.state.buckets_of(project), project)

    def create_bucket(self, call: S3Call) -> Response:
        name, headers = call.address.bucket, call.request.headers
        if call.signer is None or not self.may(call, call.operation, None, ""):
            raise access_denied()
        if not BUCKET_NAME.match(name) or ".." in name:
            raise S3Error(400, "InvalidBucketName", "The specified bucket is not valid.")
        region = call.claim.region if call.claim is not None else REGIONS[0]
        asked = parse_xml(call.payload.data) if call.payload.data.strip() else None
        place = asked.findtext("LocationConstraint") if asked is not None else None
        if place not in (None, "", region):
            raise S3Error(
                400,
                "IllegalLocationConstraintException",
                f"The {place} location constraint is incompatible for the region specific "
                "endpoint this request was sent to.",
            )
        with self.state.changing():
            existing = self.state.find(Bucket, name)
            if existing is not None:
                mine = existing.project_id == call.signer.project_id
                raise S3Error(
                    409,
                    "BucketAlreadyOwnedByYou" if mine else "BucketAlreadyExists",
                    "Your previous request to create the named bucket succeeded and you already "
                    "own it."
                    if mine
                    else "The requested bucket name is not available.",
                )
            limit = self.organization.quotas()["object_storage_buckets"]
            if len(self.state.all(Bucket)) >= limit:
                raise S3Error(
                    400, "TooManyBuckets", "You have attempted to create more buckets than allowed"
                )
            bucket = Bucket(
                name=name,
                project_id=call.signer.project_id,
                region=region,
                created_at=self.state.clock.now(),
                acl=checked_acl(headers.get("x-amz-acl", "private")),
            )
            self.state.put(bucket)
            locked = headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true"
            self.store.create_bucket(bucket, object_lock=locked)
        return Response(status=200, headers={"Location": f"/{name}"})

    def serve_bucket(self, call: S3Call, bucket: Bucket) -> Response:
        operation, key = call.operation, call.address.key
        headers = call.request.headers.keys()
        if call.signer is not None and call.signer.project_id != bucket.project_id:
            raise access_denied()
        if operation is operations.DELETE_OBJECTS:
            return self.delete_objects(call, bucket)
        own = self.config.handler(operation.name)
        front = own is not None or operation is operations.DELETE_BUCKET
        if (front or not self.store.enforces) and not self.let_through(call, bucket):
            raise access_denied()
        if operation is operations.DELETE_BUCKET:
            with self.state.changing():
                self.store.delete_bucket(bucket)
                self.state.remove(bucket)
            return Response(status=204)
        if own is not None:
            return own(bucket, body=call.payload.data, acl=call.request.headers.get("x-amz-acl"))
        if operation in (operations.COPY_OBJECT, operations.UPLOAD_PART_COPY):
            self.check_source(call)
        if not self.store.enforces and any(n.lower().startswith(SSE_C) for n in headers):
            raise not_implemented()  # moto would take the customer's key and ignore it
        return adjust(call, self.store.handle(call, bucket), key)

    def let_through(self, call: S3Call, bucket: Bucket) -> bool:
        if self.may(call, call.operation, bucket, call.address.key):
            return True
        public = call.signer is None and bucket.policy is None
        return (
            public
            and call.operation is operations.GET_OBJECT
            and self.store.is_public(bucket.name, call.address.key)
        )

    def check_source(self, call: S3Call) -> None:
        """A copy reads its source with the signer's own rights."""
        if self.store.enforces:
            return
        source = unquote(call.request.headers["x-amz-copy-source"]).lstrip("/")
        path, _, version = source.partition("?versionId=")
        name, _, key = path.partition("/")
        bucket = self.state.find(Bucket, name)
        if bucket is None:
            raise no_such_bucket()
        read = operations.GET_OBJECT_VERSION if version else operations.GET_OBJECT
        if not self.may(call, read, bucket, key):
            raise access_denied()

    def delete_objects(self, call: S3Call, bucket: Bucket) -> Response:
        """DeleteObjects decides object by object, and says so in a 200."""
        if self.store.enforces:
            return self.store.handle(call, bucket)
        objects = parse_xml(call.payload.data)
        items = [
            (item.findtext("Key") or "", item.findtext("VersionId"))
            for item in objects.iter("Object")
        ]
        if objects.tag != "Delete" or not 1 <= len(items) <= MAX_DELETED:
            raise malformed_xml()
        quiet = objects.findtext("Quiet") == "true"
        rows: list[str] = []
        for key, version in items:
            operation = operations.DELETE_VERSION if version else operations.DELETE_OBJECT
            named = f"<Key>{escape(key)}</Key>" + (
                f"<VersionId>{escape(version)}</VersionId>" if version else ""
            )
            try:
                if not self.may(call, operation, bucket, key):
                    raise access_denied()
                marker = self._delete_one(call, bucket, operation, key, version)
            except S3Error as error:
                rows.append(
                    f"<Error>{named}<Code>{error.code}</Code>"
                    f"<Message>{escape(error.message)}</Message></Error>"
                )
                continue
            if not quiet:
                rows.append(f"<Deleted>{named}{marker}</Deleted>")
        return xml_response(f'<DeleteResult xmlns="{XMLNS}">{"".join(rows)}</DeleteResult>')

    def _delete_one(
        self, call: S3Call, bucket: Bucket, operation: Operation, key: str, version: str | None
    ) -> str:
        query = (("versionId", version),) if version else ()
        request = Request({**call.request.environ, "REQUEST_METHOD": "DELETE"})
        one = S3Call(
            request,
            Address(bucket.name, key, query),
            operation,
            Payload(b""),
            call.claim,
            call.signer,
        )
        headers = self.store.handle(one, bucket).headers
        if headers.get("x-amz-delete-marker") != "true":
            return ""
        made = headers.get("x-amz-version-id", "")
        return (
            "<DeleteMarker>true</DeleteMarker>"
            f"<DeleteMarkerVersionId>{made}</DeleteMarkerVersionId>"
        )


def check_part(number: str) -> None:
    if not is_digits(number) or not 1 <= int(number) <= MAX_PARTS:
        raise invalid_argument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        )


def adjust(call: S3Call, response: Response, key: str) -> Response:
    """What the store answers differently from the recorded service."""
    name = call.operation.name
    if name == "GetBucketVersioning":
        text = response.get_data(as_text=True)
        status = re.search(r"<Status>(\w+)</Status>", text)
        return xml_response(
            f'<VersioningConfiguration xmlns="{XMLNS}"><Status>{status[1] if status else ""}'
            "</Status></VersioningConfiguration>"
        )
    if not key and call.request.method == "DELETE":
        response.status_code = 204
    if name == "CopyObject":  # it is in the body only (recorded)
        response.headers.pop("etag", None)
    response.headers.pop("server", None)
    return response
