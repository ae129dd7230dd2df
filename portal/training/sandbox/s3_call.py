"""One S3 request, taken apart once, as the front and the object stores hand it around."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

from portal.training.sandbox.access import Signer
from portal.training.sandbox.operations import Operation
from portal.training.sandbox.payload import Payload
from portal.training.sandbox.sigv4 import Claim, parse_query, raw_target


@dataclass(frozen=True)
class Address:
    """What a request is about: `bucket` and `key` (decoded), query pairs without signature."""

    bucket: str
    key: str
    query: tuple[tuple[str, str], ...]

    @property
    def named(self) -> dict[str, str]:
        return dict(self.query)

    @property
    def path(self) -> str:
        """The path-style path, encoded."""
        return quote(f"/{self.bucket}" + (f"/{self.key}" if self.key else ""), safe="/~-_.")

    @property
    def query_string(self) -> str:
        return "&".join(f"{quote(n, safe='~-_.')}={quote(v, safe='~-_.')}" for n, v in self.query)


@dataclass(frozen=True)
class S3Call:
    request: Request
    address: Address
    operation: Operation
    payload: Payload
    claim: Claim | None
    signer: Signer | None


def read_address(request: Request) -> Address:
    """Path style `/bucket/key`, or virtual-host style `bucket.s3.<anything>`."""
    raw_path, raw_query = raw_target(request)
    path = unquote(raw_path.removeprefix("/"))
    query = tuple(
        pair for pair in parse_query(raw_query) if not pair[0].lower().startswith("x-amz-")
    )
    host = request.headers.get("host", "")
    virtual, dot, _ = host.partition(".s3.")
    if dot and virtual:
        return Address(virtual, path, query)
    bucket, _, key = path.partition("/")
    return Address(bucket, key, query)
