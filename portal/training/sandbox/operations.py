"""What an S3 request asks for, which IAM permission it takes and which bucket-policy action.

Source: Scaleway's table of IAM permissions for Object Storage and its list of policy actions.
`action=None` means that IAM alone decides (bucket policies themselves, buckets' creation and end).
"""

from dataclasses import dataclass

from portal.training.sandbox import permissions
from portal.training.sandbox.s3_errors import S3Error, not_implemented


# No listed policy action is about encryption: only a statement with `*` covers it.
ANY_ACTION = "s3:*"


@dataclass(frozen=True)
class Operation:
    name: str
    permission: str
    action: str | None
    changes: bool = False  # writes something that must be kept


def _op(name: str, permission: str, action: str | None, *, changes: bool = False) -> Operation:
    return Operation(name, permission, f"s3:{action}" if action else None, changes)


_P = permissions
_BUCKET_GET = {
    "policy": _op("GetBucketPolicy", _P.BUCKET_POLICY_READ, None),
    "acl": _op("GetBucketAcl", _P.BUCKETS_READ, "GetBucketAcl"),
    "location": _op("GetBucketLocation", _P.BUCKETS_READ, "GetBucketLocation"),
    "versioning": _op("GetBucketVersioning", _P.BUCKETS_READ, "GetBucketVersioning"),
    "tagging": _op("GetBucketTagging", _P.BUCKETS_READ, "GetBucketTagging"),
    "cors": _op("GetBucketCors", _P.BUCKETS_READ, "GetBucketCORS"),
    "lifecycle": _op("GetBucketLifecycle", _P.BUCKETS_READ, "GetLifecycleConfiguration"),
    "encryption": _op("GetBucketEncryption", _P.BUCKETS_READ, "*"),
    "object-lock": _op(
        "GetObjectLockConfiguration", _P.BUCKETS_READ, "GetBucketObjectLockConfiguration"
    ),
    "website": _op("GetBucketWebsite", _P.BUCKETS_READ, "GetBucketWebsite"),
    "uploads": _op("ListMultipartUploads", _P.OBJECTS_READ, "ListBucketMultipartUploads"),
    "versions": _op("ListObjectVersions", _P.OBJECTS_READ, "ListBucketVersions"),
}
_BUCKET_PUT = {
    "policy": _op("PutBucketPolicy", _P.BUCKET_POLICY_WRITE, None, changes=True),
    "acl": _op("PutBucketAcl", _P.BUCKETS_WRITE, "PutBucketAcl", changes=True),
    "versioning": _op("PutBucketVersioning", _P.BUCKETS_WRITE, "PutBucketVersioning", changes=True),
    "tagging": _op("PutBucketTagging", _P.BUCKETS_WRITE, "PutBucketTagging", changes=True),
    "cors": _op("PutBucketCors", _P.BUCKETS_WRITE, "PutBucketCORS", changes=True),
    "lifecycle": _op(
        "PutBucketLifecycle", _P.BUCKETS_WRITE, "PutLifecycleConfiguration", changes=True
    ),
    "encryption": _op("PutBucketEncryption", _P.BUCKETS_WRITE, "*", changes=True),
    "object-lock": _op(
        "PutObjectLockConfiguration",
        _P.BUCKETS_WRITE,
        "PutBucketObjectLockConfiguration",
        changes=True,
    ),
    "website": _op("PutBucketWebsite", _P.BUCKETS_WRITE, "PutBucketWebsite", changes=True),
}
_BUCKET_DELETE = {
    "policy": _op("DeleteBucketPolicy", _P.BUCKET_POLICY_WRITE, None, changes=True),
    "tagging": _op("DeleteBucketTagging", _P.BUCKETS_WRITE, "PutBucketTagging", changes=True),
    "cors": _op("DeleteBucketCors", _P.BUCKETS_WRITE, "PutBucketCORS", changes=True),
    "lifecycle": _op(
        "DeleteBucketLifecycle", _P.BUCKETS_WRITE, "PutLifecycleConfiguration", changes=True
    ),
    "encryption": _op("DeleteBucketEncryption", _P.BUCKETS_WRITE, "*", changes=True),
    "website": _op("DeleteBucketWebsite", _P.BUCKETS_WRITE, "DeleteBucketWebsite", changes=True),
}
_UNSERVED = {
    "accelerate", "analytics", "intelligent-tiering", "inventory", "logging", "metrics",
    "notification", "ownershipControls", "publicAccessBlock", "replication", "requestPayment",
    "policyStatus", "select", "torrent",
}  # fmt: skip

LIST_BUCKETS = _op("ListBuckets", _P.BUCKETS_READ, None)
CREATE_BUCKET = _op("CreateBucket", _P.BUCKETS_WRITE, None, changes=True)
DELETE_BUCKET = _op("DeleteBucket", _P.BUCKETS_DELETE, None, changes=True)
HEAD_BUCKET = _op("HeadBucket", _P.BUCKETS_READ, "ListBucket")
LIST_OBJECTS = _op("ListObjects", _P.OBJECTS_READ, "ListBucket")
DELETE_OBJECTS = _op("DeleteObjects", _P.OBJECTS_DELETE, "DeleteObject", changes=True)
GET_OBJECT = _op("GetObject", _P.OBJECTS_READ, "GetObject")
GET_OBJECT_VERSION = _op("GetObject", _P.OBJECTS_READ, "GetObjectVersion")
PUT_OBJECT = _op("PutObject", _P.OBJECTS_WRITE, "PutObject", changes=True)
COPY_OBJECT = _op("CopyObject", _P.OBJECTS_WRITE, "PutObject", changes=True)
UPLOAD_PART = _op("UploadPart", _P.OBJECTS_WRITE, "PutObject", changes=True)
UPLOAD_PART_COPY = _op("UploadPartCopy", _P.OBJECTS_WRITE, "PutObject", changes=True)
CREATE_UPLOAD = _op("CreateMultipartUpload", _P.OBJECTS_WRITE, "PutObject", changes=True)
COMPLETE_UPLOAD = _op("CompleteMultipartUpload", _P.OBJECTS_WRITE, "PutObject", changes=True)
ABORT_UPLOAD = _op("AbortMultipartUpload", _P.OBJECTS_DELETE, "AbortMultipartUpload", changes=True)
LIST_PARTS = _op("ListParts", _P.OBJECTS_READ, "ListMultipartUploadParts")
RESTORE_OBJECT = _op("RestoreObject", _P.OBJECTS_WRITE, "RestoreObject", changes=True)
DELETE_OBJECT = _op("DeleteObject", _P.OBJECTS_DELETE, "DeleteObject", changes=True)
DELETE_VERSION = _op("DeleteObject", _P.OBJECTS_DELETE, "DeleteObjectVersion", changes=True)


# Answered by the front whatever the store: configuration of buckets, and what only it can know.
FRONT = frozenset(
    {f"{verb}Bucket{what}" for verb in ("Get", "Put", "Delete")
     for what in ("Policy", "Acl", "Location", "Encryption", "Tagging", "Cors", "Lifecycle",
                  "Website")}
    | {"HeadBucket", "ListBuckets", "CreateBucket", "DeleteBucket"}
)  # fmt: skip


def all_operations() -> list[Operation]:
    """Every operation known here, those on objects' details included."""
    tables = (_BUCKET_GET, _BUCKET_PUT, _BUCKET_DELETE)
    found = [operation for table in tables for operation in table.values()]
    found += [value for value in globals().values() if isinstance(value, Operation)]
    for name in ("Acl", "Tagging", "VersionTagging", "Retention", "LegalHold"):
        found += [_detail(method, name, name) for method in ("GET", "PUT")]
    found += [_detail("DELETE", name, name) for name in ("Tagging", "VersionTagging")]
    return found


def classify(
    method: str, *, bucket: str, key: str, query: dict[str, str], copies: bool
) -> Operation:
    """The operation of a request; `copies` when it names a source object to copy."""
    if _UNSERVED & query.keys():
        raise not_implemented()
    if not bucket:
        if method == "GET":
            return LIST_BUCKETS
        raise _method_not_allowed()
    if not key:
        return _bucket_operation(method, query)
    return _object_operation(method, query, copies=copies)


def _method_not_allowed() -> S3Error:
    return S3Error(
        405, "MethodNotAllowed", "The specified method is not allowed against this resource."
    )


def _bucket_operation(method: str, query: dict[str, str]) -> Operation:
    table = {"GET": _BUCKET_GET, "PUT": _BUCKET_PUT, "DELETE": _BUCKET_DELETE}.get(method, {})
    for name, operation in table.items():
        if name in query:
            return operation
    if method == "POST" and "delete" in query:
        return DELETE_OBJECTS
    plain = {
        "GET": LIST_OBJECTS,
        "HEAD": HEAD_BUCKET,
        "PUT": CREATE_BUCKET,
        "DELETE": DELETE_BUCKET,
    }
    if method == "POST":  # browser form uploads
        raise not_implemented()
    if method not in plain:
        raise _method_not_allowed()
    return plain[method]


def _object_operation(method: str, query: dict[str, str], *, copies: bool) -> Operation:
    versioned = "versionId" in query
    if "acl" in query and method in ("GET", "PUT"):
        return _detail(method, "Acl", "Acl")
    if "tagging" in query and method in ("GET", "PUT", "DELETE"):
        return _detail(method, "Tagging", "VersionTagging" if versioned else "Tagging")
    if "retention" in query and method in ("GET", "PUT"):
        return _detail(method, "Retention", "Retention")
    if "legal-hold" in query and method in ("GET", "PUT"):
        return _detail(method, "LegalHold", "LegalHold")
    upload = "uploadId" in query
    match method:
        case "GET" if upload:
            return LIST_PARTS
        case "GET" | "HEAD":
            return GET_OBJECT_VERSION if versioned else GET_OBJECT
        case "PUT" if upload and "partNumber" in query:
            return UPLOAD_PART_COPY if copies else UPLOAD_PART
        case "PUT":
            return COPY_OBJECT if copies else PUT_OBJECT
        case "POST" if "uploads" in query:
            return CREATE_UPLOAD
        case "POST" if upload:
            return COMPLETE_UPLOAD
        case "POST" if "restore" in query:
            return RESTORE_OBJECT
        case "DELETE" if upload:
            return ABORT_UPLOAD
        case "DELETE":
            return DELETE_VERSION if versioned else DELETE_OBJECT
    raise _method_not_allowed()


def _detail(method: str, name: str, action: str) -> Operation:
    verb = method.capitalize()
    permission = _P.OBJECTS_READ if method == "GET" else _P.OBJECTS_WRITE
    return _op(f"{verb}Object{name}", permission, f"{verb}Object{action}", changes=method != "GET")
