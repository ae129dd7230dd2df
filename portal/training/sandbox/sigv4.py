"""Verification of AWS Signature Version 4, in the header and in the query (presigned).

Source: AWS General Reference, "Signature Version 4", as S3 applies it (the path is encoded once,
`x-amz-content-sha256` says how the payload is covered).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

from portal.common.digits import is_digits
from portal.training.sandbox.s3_errors import S3Error, access_denied, invalid_argument


ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
_HEADER = re.compile(
    rf"^{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})$"
)
_CREDENTIAL = re.compile(
    r"^(?P<access>[^/]+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]+)/s3/aws4_request$"
)


@dataclass(frozen=True)
class Claim:
    """What a request says of its signer, not yet verified."""

    access_key: str
    project_id: str | None  # after "@" in the access key: the project to act in
    scope: str  # date/region/s3/aws4_request
    region: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    expires: int | None  # seconds; presigned only
    payload_hash: str
    query: tuple[tuple[str, str], ...] = field(repr=False)  # decoded, without the signature

    @property
    def presigned(self) -> bool:
        return self.expires is not None


def raw_target(request: Request) -> tuple[str, str]:
    """Path and query as they were sent, before any decoding."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path
    if "://" in raw.split("?")[0]:
        raw = "/" + raw.split("://", 1)[1].partition("/")[2]
    path, _, query = str(raw).partition("?")
    return path, query


def parse_query(query: str) -> list[tuple[str, str]]:
    """Pairs of a raw query; `+` is a plus sign, as in a signature."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def read_claim(request: Request) -> Claim | None:
    """The signer's claim; None for an anonymous request. Raises S3Error when malformed."""
    query = parse_query(raw_target(request)[1])
    named = dict(query)
    header = request.headers.get("authorization", "")
    if header:
        match = _HEADER.match(header.strip())
        if match is None:
            raise access_denied()
        return _claim(
            match["credential"],
            match["headers"],
            match["signature"],
            timestamp=request.headers.get("x-amz-date", ""),
            expires=None,
            payload_hash=request.headers.get("x-amz-content-sha256", UNSIGNED),
            query=query,
        )
    if "X-Amz-Signature" not in named:
        if {"Signature", "AWSAccessKeyId"} & set(named):  # version 2 is not accepted
            raise access_denied()
        return None
    expires = named.get("X-Amz-Expires", "")
    if named.get("X-Amz-Algorithm") != ALGORITHM or not is_digits(expires):
        raise access_denied()
    if not 1 <= int(expires) <= MAX_EXPIRES:
        raise invalid_argument("X-Amz-Expires must be between 1 and 604800 seconds")
    return _claim(
        named.get("X-Amz-Credential", ""),
        named.get("X-Amz-SignedHeaders", ""),
        named["X-Amz-Signature"],
        timestamp=named.get("X-Amz-Date", ""),
        expires=int(expires),
        payload_hash=request.headers.get("x-amz-content-sha256", UNSIGNED),
        query=[pair for pair in query if pair[0] != "X-Amz-Signature"],
    )


def _claim(
    credential: str,
    headers: str,
    signature: str,
    *,
    timestamp: str,
    expires: int | None,
    payload_hash: str,
    query: list[tuple[str, str]],
) -> Claim:
    match = _CREDENTIAL.match(credential)
    if match is None or not timestamp.startswith(match["date"]):
        raise access_denied()
    access_key, _, project = match["access"].partition("@")
    return Claim(
        access_key=access_key,
        project_id=project or None,
        scope=credential.split("/", 1)[1],
        region=match["region"],
        signed_headers=tuple(headers.split(";")),
        signature=signature,
        timestamp=timestamp,
        expires=expires,
        payload_hash=payload_hash,
        query=tuple(query),
    )


def check_date(claim: Claim, now: datetime) -> None:
    """Refuse a signature too far from `now` (15 minutes) or a presigned URL that has ended."""
    try:
        signed_at = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise access_denied() from error
    if claim.expires is not None:
        if now > signed_at + timedelta(seconds=claim.expires):
            raise access_denied("Request has expired")
        if signed_at > now + MAX_SKEW:
            raise access_denied("Request is not yet valid")
    elif abs(now - signed_at) > MAX_SKEW:
        raise S3Error(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
        )


def check_signature(claim: Claim, request: Request, secret: str) -> None:
    """Refuse a signature that is not the secret's; raises S3Error 403."""
    wanted = sign(claim, canonical_request(claim, request), secret)
    if "host" not in claim.signed_headers or not hmac.compare_digest(wanted, claim.signature):
        raise access_denied()


def canonical_request(claim: Claim, request: Request) -> str:
    path = quote(unquote(raw_target(request)[0]), safe="/~-_.")
    pairs = sorted((quote(n, safe="~-_."), quote(v, safe="~-_.")) for n, v in claim.query)
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in claim.signed_headers
    )
    return "\n".join(
        (
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(claim.signed_headers),
            claim.payload_hash,
        )
    )


def signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def sign(claim: Claim, canonical: str, secret: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, claim.timestamp, claim.scope, digest))
    return _hmac(signing_key(secret, claim.scope), text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
