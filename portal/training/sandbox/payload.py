"""The body of an S3 request: its declared hash, `aws-chunked` framing, trailing checksums."""

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from werkzeug.wrappers import Request

from portal.training.sandbox.s3_errors import S3Error, access_denied, invalid_argument
from portal.training.sandbox.sigv4 import UNSIGNED, Claim, signing_key


MAX_BODY = 5 * 2**30  # bytes: the largest single PUT
STREAMING = "STREAMING-"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Payload:
    """The decoded `data`, the trailing headers that came with it, and the body as received.

    `framed`: the body came in `aws-chunked` pieces, so that `raw` is not `data`.
    """

    data: bytes
    trailers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    framed: bool = False


def read_payload(request: Request, claim: Claim | None, secret: str) -> Payload:
    """The body, verified against what the signature and checksums say; raises S3Error."""
    if (request.content_length or 0) > MAX_BODY:
        raise S3Error(
            400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"
        )
    data = request.get_data(cache=False)
    declared = claim.payload_hash if claim is not None else UNSIGNED
    if declared.startswith(STREAMING):
        payload = _decode(data, claim, secret)
        expected = request.headers.get("x-amz-decoded-content-length", "")
        if expected and expected != str(len(payload.data)):
            raise S3Error(400, "IncompleteBody", "The request body terminated unexpectedly")
    elif declared == UNSIGNED:
        payload = Payload(data, raw=data)
    else:
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), declared):
            raise S3Error(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        payload = Payload(data, raw=data)
    _check_digests(request, payload)
    return payload


def _decode(data: bytes, claim: Claim | None, secret: str) -> Payload:
    """Undo `aws-chunked`; chunk signatures are verified when the payload declares them."""
    signed = claim is not None and claim.payload_hash.startswith(STREAMING_SIGNED)
    previous = claim.signature if claim is not None else ""
    parts: list[bytes] = []
    position = 0
    while True:
        line, position = _line(data, position)
        size_text, _, extension = line.partition(b";")
        try:
            size = int(size_text, 16)
        except ValueError as error:
            raise S3Error(400, "IncompleteBody", "Malformed chunk") from error
        chunk = data[position : position + size]
        if signed and claim is not None:
            signature = extension.partition(b"=")[2].decode("ascii", "replace")
            wanted = _chunk_signature(claim, secret, previous, chunk)
            if not hmac.compare_digest(wanted, signature):
                raise access_denied()
            previous = signature
        position += size
        if size == 0:
            break
        parts.append(chunk)
        position += 2  # CRLF after the chunk
    trailers = _trailers(data[position:])
    if signed and claim is not None and "x-amz-trailer-signature" in trailers:
        _check_trailer_signature(claim, secret, previous, trailers)
    return Payload(b"".join(parts), trailers, raw=data, framed=True)


def _line(data: bytes, position: int) -> tuple[bytes, int]:
    end = data.find(b"\r\n", position)
    if end < 0:
        raise S3Error(400, "IncompleteBody", "The request body terminated unexpectedly")
    return data[position:end], end + 2


def _trailers(data: bytes) -> dict[str, str]:
    lines = (line.partition(b":") for line in data.split(b"\r\n") if b":" in line)
    return {name.decode().strip().lower(): value.decode().strip() for name, _, value in lines}


def _chunk_signature(claim: Claim, secret: str, previous: str, chunk: bytes) -> str:
    text = "\n".join(
        (
            "AWS4-HMAC-SHA256-PAYLOAD",
            claim.timestamp,
            claim.scope,
            previous,
            _EMPTY,
            hashlib.sha256(chunk).hexdigest(),
        )
    )
    return _hmac_hex(signing_key(secret, claim.scope), text)


def _check_trailer_signature(
    claim: Claim, secret: str, previous: str, trailers: dict[str, str]
) -> None:
    canonical = "".join(
        f"{name}:{value}\n"
        for name, value in sorted(trailers.items())
        if name != "x-amz-trailer-signature"
    )
    text = "\n".join(
        (
            "AWS4-HMAC-SHA256-TRAILER",
            claim.timestamp,
            claim.scope,
            previous,
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    wanted = _hmac_hex(signing_key(secret, claim.scope), text)
    if not hmac.compare_digest(wanted, trailers["x-amz-trailer-signature"]):
        raise access_denied()


def _hmac_hex(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


# Checksums


def _table(polynomial: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _table(0x82F63B78)
_CRC64NVME = _table(0x9A6C9329AC4BC9B5)


def _reflected(data: bytes, table: list[int], width: int) -> bytes:
    start = (1 << width * 8) - 1
    value = start
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ start).to_bytes(width, "big")


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-crc32c": lambda data: _reflected(data, _CRC32C, 4),
    "x-amz-checksum-crc64nvme": lambda data: _reflected(data, _CRC64NVME, 8),
    "x-amz-checksum-sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
}


def _check_digests(request: Request, payload: Payload) -> None:
    for name, compute in CHECKSUMS.items():
        declared = payload.trailers.get(name) or request.headers.get(name)
        # a checksum of parts ("…-3") or of the whole object is not one of this body
        if declared is None or "-" in declared or request.method == "POST":
            continue
        if base64.b64encode(compute(payload.data)).decode() != declared:
            raise S3Error(
                400, "BadDigest", f"The {name.rpartition('-')[2].upper()} you specified did not "
                "match the calculated checksum."
            )  # fmt: skip
    md5 = request.headers.get("content-md5")
    if md5 is None:
        return
    try:
        wanted = base64.b64decode(md5, validate=True)
    except ValueError as error:
        raise invalid_argument("The Content-MD5 you specified is not valid.") from error
    if hashlib.md5(payload.data, usedforsecurity=False).digest() != wanted:
        raise S3Error(
            400, "BadDigest", "The Content-MD5 you specified did not match what we received."
        )
