"""The port to a provider: what the reconciler asks of it, and the errors it may answer.

A backend knows nothing of Django, of requests or of people: it is given opaque names, markers and
documents. Every `create_*` may be applied although its answer is lost; every `find_*` is how one
learns it (H5: no idempotency keys at Scaleway).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


NO_SUCH_BUCKET = "NoSuchBucket"


class BackendError(Exception):
    """Anything a provider answered but a success; `code` is ours, the message holds no secret."""

    code = "provider"
    alarming = False  # told to a person at once, though it is tried again

    def __init__(self, message: str = "", *, status: int = 0, request_id: str = "") -> None:
        super().__init__(message or self.code)
        self.status = status
        self.request_id = request_id


class Transient(BackendError):
    """Worth trying again: 429, 5xx, connection, 409 transient. The call may have been applied."""

    code = "transient"


class Unreachable(Transient):
    """No answer, 429 or 5xx: the provider's trouble, not this study's."""

    code = "unreachable"


class Permanent(BackendError):
    """Will not pass by itself: bad argument, refused key, wrong configuration."""

    code = "permanent"


class Denied(BackendError):
    """403. Transient for a while after a grant (rights propagate), permanent afterwards."""

    code = "denied"


class NotFound(BackendError):
    """404."""

    code = "not_found"


class BucketGone(NotFound):
    """404 NoSuchBucket: no bucket has this name, nothing can be read there."""

    code = "bucket_gone"


class Busy(Transient):
    """412 on a deletion: something is still inside."""

    code = "busy"


class QuotaExceeded(Permanent):
    """A limit of the organisation, told to the operator with its numbers."""

    code = "quota"

    def __init__(self, resource: str, *, limit: int, current: int, request_id: str = "") -> None:
        super().__init__(f"{resource}: {current}/{limit}", status=403, request_id=request_id)
        self.resource = resource
        self.limit = limit
        self.current = current


class AlreadyExists(BackendError):
    """409; `existing_id` is the provider's id of what is there, empty when it does not say."""

    code = "already_exists"

    def __init__(self, existing_id: str = "", *, request_id: str = "") -> None:
        super().__init__(existing_id or "already exists", status=409, request_id=request_id)
        self.existing_id = existing_id


@dataclass(frozen=True, slots=True)
class Found:
    """Something found by its marker; several are possible after a lost answer."""

    id: str
    name: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyFound:
    """An API key as the provider lists it: never with its secret."""

    access_key: str
    description: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """The only answer that ever carries the secret."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the organisation and how much of it is used; `limit` None: unlimited."""

    name: str
    limit: int | None
    used: int | None

    @property
    def left(self) -> int | None:
        if self.limit is None or self.used is None:
            return None
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class BucketState:
    """What a bucket is: `owner` its project's id, `policy` None: open to the whole project."""

    owner: str
    policy: Mapping[str, Any] | None
    encrypted: bool
    has_lifecycle: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One try with a key: HTTP status (0: no answer), the provider's request id and error code."""

    status: int
    request_id: str = ""
    code: str = ""

    @property
    def allowed(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Refused for want of rights: a wrong clock is refused whatever the rights."""
        return self.status in {401, 403} and self.code in {"", "AccessDenied"}

    @property
    def bucket_gone(self) -> bool:
        """No bucket has this name: said to whoever asks, whatever their rights."""
        return self.status == 404 and self.code == NO_SUCH_BUCKET


class KeyHolder(Protocol):
    """Object storage used with somebody's key; every method is one try, without any retry."""

    def list(self, bucket: str, *, prefix: str = "") -> Answer: ...

    def get(self, bucket: str, key: str) -> Answer: ...

    def put(self, bucket: str, key: str, body: bytes) -> Answer: ...

    def delete(self, bucket: str, key: str) -> Answer: ...


class Backend(Protocol):
    """All that provisioning asks of a provider. Any method may raise BackendError.

    `delete_*` treat "not there" as done. Names and markers are at most 64 and 200 characters.
    `before_call` is called before each exchange with the provider: the reconciler checks its
    fencing number there; what it raises goes through. `hurry`: one attempt per exchange and little
    patience, when something else waits behind it; who asks tries again.
    """

    region: str
    endpoint: str
    before_call: Callable[[], None]
    hurry: bool

    def portal_principal(self) -> str:
        """The portal as bucket policies name it: `application_id:…` or `user_id:…`."""
        ...

    def quotas(self) -> Sequence[Quota]: ...

    # Projects
    def find_projects(self, *, name: str, marker: str) -> Sequence[Found]:
        """Projects of exactly this name whose description carries the marker, oldest first."""
        ...

    def create_project(self, *, name: str, marker: str) -> str: ...

    def delete_project(self, project: str) -> None:
        """Raises Busy while something is inside."""
        ...

    # Identities
    def find_applications(self, *, tag: str) -> Sequence[Found]:
        """Applications that carry exactly this tag, oldest first."""
        ...

    def create_application(self, *, name: str, tags: Sequence[str]) -> str: ...

    def application_exists(self, application: str) -> bool:
        """Asked by its id, which no list's delay makes wrong."""
        ...

    def delete_application(self, application: str) -> None: ...

    def find_groups(self, *, tag: str) -> Sequence[Found]: ...

    def create_group(self, *, name: str, tags: Sequence[str]) -> str: ...

    def group_members(self, group: str) -> frozenset[str]:
        """Ids of all members, applications or not. Raises NotFound."""
        ...

    def set_group_members(self, group: str, applications: Sequence[str]) -> None: ...

    def delete_group(self, group: str) -> None: ...

    def find_policies(self, *, tag: str) -> Sequence[Found]: ...

    def create_policy(
        self,
        *,
        name: str,
        tags: Sequence[str],
        group: str,
        project: str,
        permission_sets: Sequence[str],
    ) -> str: ...

    def policy_principal(self, policy: str) -> str:
        """Id of the one whom the policy's rules are for, empty: nobody. Raises NotFound."""
        ...

    def bind_policy(self, policy: str, *, group: str) -> None:
        """Give the policy's rules to this group, and to nobody else."""
        ...

    def policy_rules(self, policy: str) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
        """(permission sets, project ids) of each rule; ids of rules change and are not kept."""
        ...

    def set_policy_rules(
        self, policy: str, *, project: str, permission_sets: Sequence[str]
    ) -> None: ...

    def delete_policy(self, policy: str) -> None: ...

    # Keys
    def find_keys(self, *, application: str) -> Sequence[KeyFound]: ...

    def create_key(
        self, *, application: str, marker: str, project: str, expires_at: datetime
    ) -> NewKey: ...

    def key_exists(self, access_key: str) -> bool: ...

    def key_bearer(self, access_key: str) -> str | None:
        """Id of the application (or user) a key is of, None when there is no such key."""
        ...

    def delete_key(self, access_key: str) -> None: ...

    # Buckets; `project` is the one they belong to. Where no bucket has the name, whatever reads or
    # writes something of it raises BucketGone.
    def bucket_state(self, bucket: str, *, project: str) -> BucketState | None:
        """None when no bucket has this name. Raises Denied when it is somebody else's."""
        ...

    def bucket_owner(self, bucket: str, *, project: str) -> str | None:
        """Id of the project a bucket belongs to, None when there is no such bucket."""
        ...

    def bucket_policy(self, bucket: str, *, project: str) -> Mapping[str, Any] | None: ...

    def create_bucket(self, bucket: str, *, project: str) -> None:
        """Raises AlreadyExists when the name is taken, by whomever."""
        ...

    def encrypt_bucket(self, bucket: str, *, project: str) -> None: ...

    def put_bucket_policy(
        self, bucket: str, policy: Mapping[str, Any], *, project: str
    ) -> None: ...

    def upload(self, bucket: str, key: str, source: Path, *, project: str, sha256: str) -> None:
        """Send a file; on return the object has its size and carries `sha256` as metadata."""
        ...

    def object_sha256(self, bucket: str, key: str, *, project: str) -> str | None:
        """The `sha256` metadata of an object, None when there is no such object."""
        ...

    # Use
    def key_holder(self, access_key: str, secret_key: str) -> KeyHolder: ...
