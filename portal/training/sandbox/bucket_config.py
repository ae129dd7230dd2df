"""Bucket configuration that the front answers itself, with the shapes recorded on the service.

Tagging, CORS, lifecycle, website: kept as the XML that was sent, without its namespace. A lifecycle
is kept and answered, never run (no rule is allowed on a bucket of health data anyway).
"""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from portal.training.sandbox import bucket_policy
from portal.training.sandbox.resources import Application, Bucket, Resource
from portal.training.sandbox.s3_errors import (
    S3Error,
    finish,
    invalid_argument,
    malformed_xml,
    xml_response,
)
from portal.training.sandbox.state import State


XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ACLS = ("private", "public-read", "public-read-write", "authenticated-read")
GROUPS = "http://acs.amazonaws.com/groups/global/"
# operation suffix: (name kept under, root element, error when there is none)
DOCUMENTS: dict[str, tuple[str, str, tuple[str, str]]] = {
    "Tagging": ("tagging", "Tagging", ("NoSuchTagSet", "The TagSet does not exist")),
    "Cors": (
        "cors",
        "CORSConfiguration",
        ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    "Lifecycle": (
        "lifecycle",
        "LifecycleConfiguration",
        ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    ),
    "Website": (
        "website",
        "WebsiteConfiguration",
        ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website"),
    ),
}


def parse_xml(data: bytes) -> ElementTree.Element:
    """The document, without namespaces; a DTD or malformed text is MalformedXML."""
    if b"<!" in data:  # entities are never expanded
        raise malformed_xml()
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 (no DTD gets here)
    except ElementTree.ParseError as error:
        raise malformed_xml() from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def owner_xml(project_id: str) -> str:
    """Owner ids are `<project>:<project>` (recorded)."""
    owner = f"{project_id}:{project_id}"
    return f"<ID>{owner}</ID><DisplayName>{owner}</DisplayName>"


class BucketConfig:
    def __init__(self, state: State) -> None:
        self.state = state

    def handler(self, operation: str) -> Callable[..., Response] | None:
        """The method that answers an operation, None when the object store does."""
        direct: dict[str, Callable[..., Response]] = {
            "GetBucketPolicy": self.get_policy,
            "PutBucketPolicy": self.put_policy,
            "DeleteBucketPolicy": self.delete_policy,
            "GetBucketAcl": self.get_acl,
            "PutBucketAcl": self.put_acl,
            "GetBucketLocation": self.get_location,
            "GetBucketEncryption": self.get_encryption,
            "PutBucketEncryption": self.put_encryption,
            "DeleteBucketEncryption": self.delete_encryption,
            "HeadBucket": self.head,
        }
        if operation in direct:
            return direct[operation]
        match = re.fullmatch(r"(Get|Put|Delete)Bucket(\w+)", operation)
        if match is None or match[2] not in DOCUMENTS:
            return None
        action: Callable[..., Response] = getattr(self, f"{match[1].lower()}_document")
        return lambda bucket, **given: action(bucket, document=match[2], **given)

    def _save(self, bucket: Bucket, **changes: Any) -> Bucket:
        with self.state.changing():
            current = self.state.find(Bucket, bucket.name)
            if current is None:
                raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
            saved = current.model_copy(update=changes)
            self.state.put(saved)
        return saved

    def _save_document(self, bucket: Bucket, name: str, text: str | None) -> None:
        with self.state.changing():
            current = self.state.find(Bucket, bucket.name) or bucket
            documents = {n: d for n, d in current.documents.items() if n != name}
            self._save(bucket, documents=documents | ({name: text} if text else {}))

    # Policy

    def known_principal(self, principal: str) -> bool:
        kind, _, identifier = principal.partition(":")
        kinds: dict[str, type[Resource]] = {"application_id": Application}
        return kind in kinds and self.state.find(kinds[kind], identifier) is not None

    def get_policy(self, bucket: Bucket, **_: Any) -> Response:
        if bucket.policy is None:
            raise S3Error(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
        return Response(bucket.policy, content_type="text/plain; charset=utf-8")

    def put_policy(self, bucket: Bucket, *, body: bytes, **_: Any) -> Response:
        text = bucket_policy.normalize(body, bucket=bucket.name, known=self.known_principal)
        self._save(bucket, policy=text)
        return Response(status=200)

    def delete_policy(self, bucket: Bucket, **_: Any) -> Response:
        self._save(bucket, policy=None)
        return Response(status=204)

    # ACL, place

    def get_acl(self, bucket: Bucket, **_: Any) -> Response:
        canonical = (
            f'<Grant><Grantee xmlns:xsi="{XSI}" xsi:type="CanonicalUser">'
            f"{owner_xml(bucket.project_id)}</Grantee><Permission>FULL_CONTROL</Permission></Grant>"
        )
        granted = {
            "public-read": [("AllUsers", "READ")],
            "public-read-write": [("AllUsers", "READ"), ("AllUsers", "WRITE")],
            "authenticated-read": [("AuthenticatedUsers", "READ")],
        }.get(bucket.acl, [])
        groups = "".join(
            f'<Grant><Grantee xmlns:xsi="{XSI}" xsi:type="Group"><URI>{GROUPS}{group}</URI>'
            f"</Grantee><Permission>{permission}</Permission></Grant>"
            for group, permission in granted
        )
        return xml_response(
            f'<AccessControlPolicy xmlns="{XMLNS}"><Owner>{owner_xml(bucket.project_id)}</Owner>'
            f"<AccessControlList>{canonical}{groups}</AccessControlList></AccessControlPolicy>"
        )

    def put_acl(self, bucket: Bucket, *, body: bytes, acl: str | None, **_: Any) -> Response:
        self._save(bucket, acl=checked_acl(acl) if acl else _acl_of(body))
        return Response(status=200)

    def get_location(self, bucket: Bucket, **_: Any) -> Response:
        return xml_response(
            f'<LocationConstraint xmlns="{XMLNS}">{bucket.region}</LocationConstraint>'
        )

    def head(self, bucket: Bucket, **_: Any) -> Response:
        response = Response(status=200, content_type="application/xml")
        response.headers["x-amz-bucket-region"] = bucket.region
        return response

    # Encryption: an empty configuration on a fresh bucket, where AWS answers 404

    def get_encryption(self, bucket: Bucket, **_: Any) -> Response:
        rule = bucket.documents.get("encryption", "")
        return xml_response(
            f"<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>"
        )

    def put_encryption(self, bucket: Bucket, *, body: bytes, **_: Any) -> Response:
        rule = parse_xml(body).find("Rule")
        default = rule.find("ApplyServerSideEncryptionByDefault") if rule is not None else None
        if rule is None or default is None:
            raise malformed_xml()
        algorithm, key_id = default.findtext("SSEAlgorithm"), default.findtext("KMSMasterKeyID")
        bucket_key = rule.findtext("BucketKeyEnabled") == "true"
        if algorithm not in ("AES256", "aws:kms"):
            raise invalid_argument("The encryption algorithm is not supported.")
        if algorithm == "AES256" and key_id:
            raise invalid_argument(
                "KMS master key id is only supported when using Server Side Encryption with KMS "
                "managed keys."
            )
        if algorithm == "aws:kms" and not bucket_key:
            raise invalid_argument(
                "Bucket key is mandatory when using Server Side Encryption with KMS managed keys."
            )
        key_xml = f"<KMSMasterKeyID>{escape(key_id)}</KMSMasterKeyID>" if key_id else ""
        text = (
            f"<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>"
            f"{key_xml}</ApplyServerSideEncryptionByDefault>"
            f"<BucketKeyEnabled>{'true' if bucket_key else 'false'}</BucketKeyEnabled></Rule>"
        )
        self._save_document(bucket, "encryption", text)
        return Response(status=200)

    def delete_encryption(self, bucket: Bucket, **_: Any) -> Response:
        self._save_document(bucket, "encryption", None)
        return Response(status=204)

    # Documents kept as sent

    def get_document(self, bucket: Bucket, *, document: str, **_: Any) -> Response:
        name, _root, missing = DOCUMENTS[document]
        if name not in bucket.documents:
            raise S3Error(404, *missing)
        text = bucket.documents[name]
        if name == "lifecycle":  # answered under another root than it is put (recorded)
            text = text.replace("LifecycleConfiguration>", "Configuration>")
        return xml_response(text)

    def put_document(self, bucket: Bucket, *, document: str, body: bytes, **_: Any) -> Response:
        name, root_name, _missing = DOCUMENTS[document]
        root = parse_xml(body)
        if root.tag != root_name or not len(root):
            raise malformed_xml()
        self._save_document(bucket, name, ElementTree.tostring(root, encoding="unicode"))
        return Response(status=200)

    def delete_document(self, bucket: Bucket, *, document: str, **_: Any) -> Response:
        self._save_document(bucket, DOCUMENTS[document][0], None)
        return Response(status=204)


def checked_acl(acl: str) -> str:
    if acl not in ACLS:
        raise invalid_argument("The canned ACL is not valid.")
    return acl


def _acl_of(body: bytes) -> str:
    """The canned ACL that an AccessControlPolicy document amounts to."""
    if not body.strip():
        return "private"
    granted = {
        (grant.findtext("Grantee/URI") or "", grant.findtext("Permission") or "")
        for grant in parse_xml(body).iter("Grant")
    }
    public = {permission for uri, permission in granted if uri.endswith("/AllUsers")}
    if "WRITE" in public or "FULL_CONTROL" in public:
        return "public-read-write"
    if "READ" in public:
        return "public-read"
    signed = any(uri.endswith("/AuthenticatedUsers") for uri, _ in granted)
    return "authenticated-read" if signed else "private"


def list_buckets(buckets: list[Bucket], project_id: str) -> Response:
    """The buckets of the key's project."""
    rows = "".join(
        f"<Bucket><Name>{b.name}</Name><CreationDate>"
        f"{b.created_at.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</CreationDate></Bucket>"
        for b in sorted(buckets, key=lambda b: b.name)
    )
    return finish(
        xml_response(
            f'<ListAllMyBucketsResult xmlns="{XMLNS}"><Owner>{owner_xml(project_id)}</Owner>'
            f"<Buckets>{rows}</Buckets></ListAllMyBucketsResult>"
        )
    )
