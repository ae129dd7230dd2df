"""S3 refusals as Scaleway writes them: XML without a prolog, one request id, no AWS host id."""

import secrets
import time
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


class S3Error(Exception):
    """An S3 answer that is an error: HTTP `status`, S3 `code` and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message = status, code, message


def access_denied(message: str = "Access Denied") -> S3Error:
    """403: the same answer for a wrong signature, an unknown key and a missing right."""
    return S3Error(403, "AccessDenied", message)


def no_such_bucket() -> S3Error:
    return S3Error(404, "NoSuchBucket", "The specified bucket does not exist")


def not_implemented() -> S3Error:
    return S3Error(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
    )


def invalid_argument(message: str) -> S3Error:
    return S3Error(400, "InvalidArgument", message)


def malformed_xml() -> S3Error:
    return S3Error(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def request_id() -> str:
    return f"txg{secrets.token_hex(10)}-{int(time.time()):010x}"


def error_response(error: S3Error, *, resource: str, bucket: str, head: bool) -> Response:
    """The XML error; a HEAD has no body."""
    identifier = request_id()
    with_name = error.code in ("NoSuchTagSet", "NoSuchLifecycleConfiguration", "NoSuchBucket")
    name = f"<BucketName>{escape(bucket)}</BucketName>" if bucket and with_name else ""
    body = (
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        f"<RequestId>{identifier}</RequestId><HostId>{identifier}</HostId>"
        f"<Resource>{escape(resource)}</Resource>{name}</Error>"
    )
    return finish(
        Response("" if head else body, status=error.status, content_type="application/xml"),
        identifier,
    )


def finish(response: Response, identifier: str | None = None) -> Response:
    """Give an answer its request id."""
    identifier = identifier or request_id()
    response.headers["x-amz-request-id"] = identifier
    response.headers["x-amz-id-2"] = identifier
    return response


def xml_response(inner: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'
    return Response(body, content_type="text/xml; charset=utf-8")
