"""A provider that is no cloud of ours: users, buckets, and one list of who is let in each.

It has no roll of members beside its fences, its keys never end by themselves, its buckets encrypt
nothing by themselves. What holds with it is the port's, and owes nothing to Scaleway.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from requests_app.provisioning.fences import Fence
from requests_app.provisioning.providers.adopting import adopt_or_create
from requests_app.provisioning.providers.errors import (
    AlreadyExists,
    BucketGone,
    Denied,
    NotFound,
)
from requests_app.provisioning.providers.port import (
    NOT_THERE,
    OPTIONAL,
    Book,
    Capabilities,
    Provider,
)
from requests_app.provisioning.providers.shape import Rows, Shape
from requests_app.provisioning.providers.values import (
    Answer,
    BucketState,
    Delivered,
    FenceHeld,
    Found,
    KeyFound,
    NewKey,
    Quota,
    Study,
)


READS, WRITES = {"list", "get"}, {"put", "delete"}


@dataclass
class Bucket:
    place: str
    fence: Fence | None = None
    objects: dict[str, Delivered] = field(default_factory=dict)


class Plain(Provider):
    capabilities = Capabilities(
        key_expiry=False, default_encryption=False, lacks=dict.fromkeys(OPTIONAL, NOT_THERE)
    )
    shape = Shape(
        name="Plain",
        rows=Rows(study="place", person="user"),
        form="plain/1",
        tool="Other",
        max_parts=10_000,
        key_settings=(),
        words={},
        limits=(),
    )
    region, endpoint = "here", "https://s3.plain.example"

    def __init__(self) -> None:
        self.before_call: Callable[[], None] = lambda: None
        self.hurry = False
        self.places: dict[str, str] = {}  # id -> mark
        self.users: dict[str, str] = {}
        self.keys: dict[str, tuple[str, str, str]] = {}  # access key -> user, secret, marker
        self.buckets: dict[str, Bucket] = {}
        self.deaf = False  # to the demand of encryption

    def portal_name(self) -> str:
        return "root"

    def quotas(self) -> Sequence[Quota]:
        self.before_call()
        return [Quota("users", 1000, len(self.users), per_person=1), Quota("buckets", None, None)]

    # --- Study, buckets

    def _made(self, where: dict[str, str], mark: str) -> str:
        self.before_call()
        made = uuid4().hex
        where[made] = mark
        return made

    def _marked(self, where: dict[str, str], mark: str) -> list[Found]:
        self.before_call()
        return [Found(key, key) for key, other in where.items() if other == mark]

    def ensure_study(self, study: Study, book: Book) -> str:
        return adopt_or_create(
            book,
            "place",
            find=lambda: self._marked(self.places, study.id),
            create=lambda: self._made(self.places, study.id),
            delete=lambda one: self.places.pop(one, None) and None,
        )

    def _bucket(self, bucket: str, study: Study) -> Bucket | None:
        self.before_call()
        found = self.buckets.get(bucket)
        if found is not None and found.place != study.ref:
            raise Denied("AccessDenied", status=403)
        return found

    def _there(self, bucket: str, study: Study) -> Bucket:
        found = self._bucket(bucket, study)
        if found is None:
            raise BucketGone("NoSuchBucket", status=404)
        return found

    def owner_of(self, bucket: str, study: Study) -> str | None:
        found = self._bucket(bucket, study)
        return found.place if found is not None else None

    def make_bucket(self, bucket: str, study: Study) -> None:
        self.before_call()
        if bucket in self.buckets:
            raise AlreadyExists
        self.buckets[bucket] = Bucket(study.ref)

    def encrypt(self, bucket: str, study: Study) -> None:
        raise AssertionError("never asked where buckets encrypt nothing by themselves")

    def look_at(self, bucket: str, study: Study) -> BucketState | None:
        found = self._bucket(bucket, study)
        if found is None:
            return None
        return BucketState(found.place, encrypted=None, has_lifecycle=False)

    # --- Fences: kept as they are told

    def read_fence(self, fence: Fence, study: Study) -> FenceHeld:
        held = self._there(fence.bucket, study).fence
        if held is None:
            return "none"
        return "as_wanted" if held.fingerprint() == fence.fingerprint() else "other"

    def write_fence(self, fence: Fence, study: Study) -> None:
        self._there(fence.bucket, study).fence = fence

    # --- Persons

    def ensure_person(self, study: Study, grant: str, book: Book) -> str:
        return adopt_or_create(
            book,
            "user",
            grant,
            find=lambda: self._marked(self.users, grant),
            create=lambda: self._made(self.users, grant),
            delete=lambda one: self.users.pop(one, None) and None,
        )

    def person_exists(self, person: str) -> bool:
        self.before_call()
        return person in self.users

    def remove_person(self, study: Study, grant: str, book: Book) -> None:
        for one in self._marked(self.users, grant):
            for key in self.keys_of(one.id):
                self.delete_key(key.access_key)
            del self.users[one.id]
        book.remove("user", grant)

    # --- Keys

    def make_key(self, person: str, *, marker: str, study: Study, expires_at: datetime) -> NewKey:
        self.before_call()
        if person not in self.users:
            raise NotFound("user", status=404)
        made = NewKey(uuid4().hex[:20].upper(), uuid4().hex)
        self.keys[made.access_key] = (person, made.secret_key, marker)
        return made

    def keys_of(self, person: str) -> Sequence[KeyFound]:
        self.before_call()
        return [
            KeyFound(key, marker)
            for key, (user, _secret, marker) in self.keys.items()
            if user == person
        ]

    def key_exists(self, access_key: str) -> bool:
        return self.bearer_of(access_key) is not None

    def bearer_of(self, access_key: str) -> str | None:
        self.before_call()
        return self.keys[access_key][0] if access_key in self.keys else None

    def delete_key(self, access_key: str) -> None:
        self.before_call()
        self.keys.pop(access_key, None)

    def key_holder(self, access_key: str, secret_key: str) -> "Holder":
        return Holder(self, access_key, secret_key)

    # --- Data

    def deliver(
        self, bucket: str, key: str, source: Path, *, study: Study, sha256: str, encrypted: bool
    ) -> None:
        found = self._there(bucket, study)
        assert found.fence is not None, "data before the fence"
        found.objects[key] = Delivered(sha256, encrypted=encrypted and not self.deaf)

    def delivered(self, bucket: str, key: str, study: Study) -> Delivered | None:
        found = self._bucket(bucket, study)
        return found.objects.get(key) if found is not None else None


class Holder:
    def __init__(self, provider: Plain, access_key: str, secret_key: str) -> None:
        self._provider, self._access_key, self._secret_key = provider, access_key, secret_key

    def _try(self, bucket: str, what: str, key: str = "", body: bytes | None = None) -> Answer:
        self._provider.before_call()
        found = self._provider.buckets.get(bucket)
        if found is None:
            return Answer(404, "plain", "NoSuchBucket")
        user, secret, _marker = self._provider.keys.get(self._access_key, ("", "", ""))
        inside = {one.person for one in found.fence.admissions} if found.fence else set()
        may = READS if found.fence and found.fence.kind == "in" else READS | WRITES
        if secret != self._secret_key or user not in inside or what not in may:
            return Answer(403, "plain", "AccessDenied")
        if what == "put":
            found.objects[key] = Delivered("", encrypted=False)
        missing = what == "get" and key not in found.objects
        if what == "delete":
            found.objects.pop(key, None)
        return Answer(404 if missing else 200, "plain", "NoSuchKey" if missing else "")

    def list(self, bucket: str, *, prefix: str = "") -> Answer:
        return self._try(bucket, "list")

    def get(self, bucket: str, key: str) -> Answer:
        return self._try(bucket, "get", key)

    def put(self, bucket: str, key: str, body: bytes) -> Answer:
        return self._try(bucket, "put", key, body)

    def delete(self, bucket: str, key: str) -> Answer:
        return self._try(bucket, "delete", key)
