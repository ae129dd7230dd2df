"""What a provider is told of and what it answers: frozen values, in our words. No Django."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


NO_SUCH_BUCKET = "NoSuchBucket"

# What the provider holds of a fence: what was asked, something else, nothing at all.
FenceHeld = Literal["as_wanted", "other", "none"]
# Its code, and whether mending it narrows what somebody could do.
Finding = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Study:
    """A study as a provider is told of it: opaque ids. `ref`: the provider's id of the place where
    everything of the study is, empty until there is one."""

    id: str
    workspace: str
    slug: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Something found by its marker; several are possible after a lost answer."""

    id: str
    name: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyFound:
    """A key as the provider lists it: never with its secret."""

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
    """A limit of the organisation and how much of it is used; `limit` None: unlimited.

    `per_study`, `per_person`: how many of it one study, and each of its persons, take.
    """

    name: str
    limit: int | None
    used: int | None
    per_study: int = 0
    per_person: int = 0

    @property
    def left(self) -> int | None:
        if self.limit is None or self.used is None:
            return None
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class BucketState:
    """What a bucket is: `owner` the `ref` of its study; `encrypted` None where the provider has no
    encryption by default."""

    owner: str
    encrypted: bool | None
    has_lifecycle: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """One object as it was delivered; `encrypted`: it says so of itself."""

    sha256: str
    encrypted: bool


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


# --- Of verbs that nothing implements yet ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drop:
    """Where a holder lays files down for a study: written with this key, read with none."""

    bucket: str
    key: NewKey
    until: datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """One change or use that the provider wrote down: who, what, on what, when."""

    at: datetime
    who: str
    what: str
    on: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class SpaceWanted:
    """A machine for a study: its image and size, what it may reach, nothing else."""

    image: str
    size: str
    running: bool
    reach: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceSeen:
    """The machine as the provider shows it; `address` is where the gateway finds it."""

    state: str
    address: str
    image: str
    size: str


@dataclass(frozen=True, slots=True)
class Purged:
    """What one purge removed, for the certificate of destruction."""

    objects: int
    versions: int
    bytes: int
    request_ids: tuple[str, ...] = ()
