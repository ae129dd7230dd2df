"""moto's XML answers with the elements that the real service was recorded to answer."""

import re
from collections.abc import Callable
from urllib.parse import unquote_plus
from xml.sax.saxutils import unescape

from portal.training.sandbox.resources import Bucket
from portal.training.sandbox.s3_call import S3Call


_CONTENTS = re.compile(r"<Contents>.*?</Contents>", re.DOTALL)
_KEY = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)


def rewritten(
    call: S3Call, bucket: Bucket, data: bytes, *, owner: str, checksum: Callable[[str], str | None]
) -> bytes:
    """`owner`: the owner id that moto writes, ours is `<project>:<project>`; `checksum(key)`: the
    name of an object's checksum algorithm, if it has one."""
    text = data.decode()
    mine = f"{bucket.project_id}:{bucket.project_id}"
    text = text.replace(owner, mine).replace("<DisplayName>webfile<", f"<DisplayName>{mine}<")
    if call.operation.name == "ListObjects" and call.address.named.get("list-type") != "2":
        for name in ("Marker", "Prefix"):
            if not re.search(rf"<{name}[ />]", text.partition("<Contents>")[0]):
                text = text.replace("</Name>", f"</Name><{name}></{name}>", 1)
    if call.operation.name == "ListObjects":
        encoded = call.address.named.get("encoding-type") == "url"

        def with_checksum(match: re.Match[str]) -> str:
            found = _KEY.search(match[0])
            key = unescape(found[1]) if found is not None else ""
            algorithm = checksum(unquote_plus(key) if encoded else key)
            if algorithm is None:
                return match[0]
            plain = re.sub(r"<ChecksumAlgorithm>.*?</ChecksumAlgorithm>", "", match[0])
            added = (
                f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm>"
                "<ChecksumType>FULL_OBJECT</ChecksumType>"
            )
            return plain.replace("</Contents>", f"{added}</Contents>")

        text = _CONTENTS.sub(with_checksum, text)
    if call.operation.name == "GetObjectAcl":
        text = re.sub(
            rf"<ID>{mine}</ID>(?!\s*<DisplayName>)",
            f"<ID>{mine}</ID><DisplayName>{mine}</DisplayName>",
            text,
        )
    return text.encode()
