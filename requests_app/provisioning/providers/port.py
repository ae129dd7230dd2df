"""The port to a provider: what the reconciler asks of it, in our words. No Django.

A provider knows nothing of requests or of people: it is given opaque ids, names and markers. How it
holds rights (rules, users, lists) is its own affair, in its own package.

Every verb can be done again. One that makes something looks first for what carries its marker: an
answer may be lost after the thing was made, and there are no idempotency keys (H5). What a provider
must remember of its own between two tries, it writes in the study's `Book`.

A verb that a provider has not, or that nothing implements yet, raises `NotOffered` with its reason
and is declared so in `capabilities`. docs/adr/0020-provider-port.md
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol

from requests_app.provisioning.fences import Admission, Fence
from requests_app.provisioning.providers.errors import NotOffered
from requests_app.provisioning.providers.shape import Shape
from requests_app.provisioning.providers.values import (
    Answer,
    BucketState,
    Delivered,
    Drop,
    FenceHeld,
    Finding,
    Found,
    KeyFound,
    LogLine,
    NewKey,
    Purged,
    Quota,
    SpaceSeen,
    SpaceWanted,
    Study,
)


NOT_BUILT, NOT_THERE = "not_built", "not_there"
# Verbs that a provider may lack; all others are of every provider.
OPTIONAL = (
    "open_drop", "read_drop", "take_drop", "close_drop",
    "read_logs",
    "want_space", "observe_space", "reach_space", "remove_space",
    "purge", "remove_study", "gone",
)  # fmt: skip
# What `check_rights` and the reconciler's comparison may find.
FINDINGS = (
    "fence_changed", "no_fence", "bucket_gone", "bucket_back", "extract_gone", "not_encrypted",
    "lifecycle_rule", "members_changed", "rights_gone", "rights_changed", "rights_moved",
    "key_moved", "unknown_key", "key_gone",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do. `lacks`: why a verb of `OPTIONAL` is not offered, each one named.

    Without `key_expiry` keys do not end by themselves, without `default_encryption` buckets do not
    encrypt what is put in them: the portal then does it itself (`worker.keys`, `worker.study`).
    """

    key_expiry: bool = True
    default_encryption: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)

    def offers(self, verb: str) -> bool:
        """Whether the provider has this verb."""
        return verb not in self.lacks


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a study's book. `id`: the provider's, known or hoped for; `ready`: it was there
    when last asked; `attempted_at`: of the last create, whose answer may be lost."""

    id: str
    ready: bool
    spec: str = ""
    attempted_at: datetime | None = None


class Book(Protocol):
    """What is remembered of one study at the provider, by kind and key: rows, each write fenced by
    the lease. An intent is committed before a call, its answer as soon as it came."""

    def entry(self, kind: str, key: str = "") -> Entry | None:
        """None when nothing of it was intended, or it is removed."""
        ...

    def id_of(self, kind: str, key: str = "") -> str:
        """The provider's id of what is there, empty when it is not."""
        ...

    def intend(self, kind: str, key: str = "") -> Entry:
        """Before a create: the entry, made if there is none; a known one is unchanged."""
        ...

    def attempt(self, kind: str, key: str = "") -> None:
        """Before a create: if its answer is lost, the next try knows one was on its way."""
        ...

    def settle(self, kind: str, key: str = "", *, external_id: str | None = None) -> None:
        """It is there. `external_id`: the provider's, where it was not known before."""
        ...

    def doubt(self, kind: str, key: str = "", *, lag: bool = True) -> None:
        """Ready until now, and perhaps no more. `lag`: lists get their time before it is made
        again."""
        ...

    def unwritten(self, kind: str, key: str = "") -> None:
        """Whatever was written there holds no more."""
        ...

    def mark(self, kind: str, key: str = "", *, spec: str) -> None:
        """Keep a word beside it, and since when (empty: forget both)."""
        ...

    def remove(self, kind: str, key: str = "") -> None:
        """It is gone at the provider: no entry any more."""
        ...

    def note(self, what: str, key: str = "", external_id: str = "") -> None:
        """Tell the audit of a step done at the provider: what it touched, and its id there."""
        ...

    def wait_out_lag(self, since: datetime | None) -> None:
        """Go on only once lists had time to show what was asked for at `since`."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Several writes at once or none."""
        ...


class KeyHolder(Protocol):
    """Object storage used with somebody's key; every method is one try, without any retry."""

    def list(self, bucket: str, *, prefix: str = "") -> Answer:
        """Objects of a bucket whose key begins so."""
        ...

    def get(self, bucket: str, key: str) -> Answer:
        """Read one object."""
        ...

    def put(self, bucket: str, key: str, body: bytes) -> Answer:
        """Write one object."""
        ...

    def delete(self, bucket: str, key: str) -> Answer:
        """Delete one object."""
        ...


class Provider(ABC):
    """All that provisioning asks of a provider. Any verb may raise ProviderError.

    `before_call` is called before each exchange with the provider: the reconciler checks its
    fencing number there; what it raises goes through. `hurry`: one attempt per exchange and little
    patience, when something else waits behind it; who asks tries again. Ids called `person` and
    `study.ref` are the provider's, `grant` and `study.id` ours.
    """

    capabilities: ClassVar[Capabilities]
    shape: ClassVar[Shape]
    region: str
    endpoint: str
    before_call: Callable[[], None]
    hurry: bool

    @abstractmethod
    def portal_name(self) -> str:
        """The portal as fences name it: a fence that forgets it shuts the portal out."""

    @abstractmethod
    def quotas(self) -> Sequence[Quota]:
        """What is used of what the provider allows, one for each limit it tells."""
        ...

    # --- Study, buckets. Where no bucket has the name, whatever reads or writes something of it
    # raises BucketGone.

    @abstractmethod
    def ensure_study(self, study: Study, book: Book) -> str:
        """The `ref` of the one place that carries the study's marker, made if there is none."""

    @abstractmethod
    def owner_of(self, bucket: str, study: Study) -> str | None:
        """`ref` of the study that a bucket belongs to, None when there is no such bucket. Raises
        Denied when it is somebody else's."""

    @abstractmethod
    def make_bucket(self, bucket: str, study: Study) -> None:
        """Raises AlreadyExists when the name is taken, by whomever."""

    @abstractmethod
    def encrypt(self, bucket: str, study: Study) -> None:
        """From now on whatever is put in the bucket is encrypted. Never asked without
        `default_encryption`."""

    @abstractmethod
    def look_at(self, bucket: str, study: Study) -> BucketState | None:
        """None when no bucket has this name. Raises Denied when it is somebody else's."""

    # --- Fences

    @abstractmethod
    def read_fence(self, fence: Fence, study: Study) -> FenceHeld:
        """What the bucket's rules are, beside those of `fence`."""

    @abstractmethod
    def write_fence(self, fence: Fence, study: Study) -> None:
        """Let in exactly whom the fence names, each until and from where it says: whoever it does
        not name is cut. Read back: raises NotAsWritten."""

    # --- Persons, and the rights of a study that they hold as its members

    @abstractmethod
    def ensure_person(self, study: Study, grant: str, book: Book) -> str:
        """Id of the one identity of this grant, made if there is none: an opaque name, no right."""

    @abstractmethod
    def person_exists(self, person: str) -> bool:
        """Asked by its id, which no list's delay makes wrong."""

    @abstractmethod
    def remove_person(self, study: Study, grant: str, book: Book) -> None:
        """The identity with whatever keys it has, and any that a lost answer left."""

    def ensure_rights(self, study: Study, book: Book) -> None:  # noqa: B027 (not every provider)
        """What a study's members may do in it, and what holds them; nobody is a member of a new
        one. Nothing where `shape.rows.rights` is empty."""

    def check_rights(self, study: Study, book: Book) -> Iterable[Finding]:
        """What another hand changed of the study's rights, mended as it is found."""
        return ()

    def remove_rights(self, study: Study, book: Book) -> None:  # noqa: B027 (as above)
        """Known or not: whatever carries the study's mark."""

    def admit(self, study: Study, admissions: Sequence[Admission], book: Book) -> bool:
        """Make exactly these the members of the study: whoever is not one is cut. Read back: raises
        NotAsWritten. False when what holds members is no more: nobody is one. Nothing where fences
        alone let in."""
        return True

    def admitted(self, study: Study, book: Book) -> frozenset[str] | None:
        """Ids of all who are members, ours or not; None while nothing holds them. Raises
        RightsGone."""
        return None

    # --- Keys

    @abstractmethod
    def make_key(self, person: str, *, marker: str, study: Study, expires_at: datetime) -> NewKey:
        """One more key, found by its marker. Raises NotFound for a person who is no more. It ends
        by itself at `expires_at` where the provider has `key_expiry`."""

    @abstractmethod
    def keys_of(self, person: str) -> Sequence[KeyFound]:
        """All keys of a person, the portal's or not."""
        ...

    @abstractmethod
    def key_exists(self, access_key: str) -> bool:
        """Asked by the key's own id, which no list's delay makes wrong."""
        ...

    @abstractmethod
    def bearer_of(self, access_key: str) -> str | None:
        """Id of whose key it is, None when there is no such key."""

    @abstractmethod
    def delete_key(self, access_key: str) -> None:
        """Done when it is not there."""

    @abstractmethod
    def key_holder(self, access_key: str, secret_key: str) -> KeyHolder:
        """Object storage as whoever holds this key has it; nothing is called yet."""
        ...

    # --- Data

    @abstractmethod
    def deliver(
        self, bucket: str, key: str, source: Path, *, study: Study, sha256: str, encrypted: bool
    ) -> None:
        """Send a file; on return the object has its size and carries `sha256`. `encrypted`: ask it
        for this object, as the bucket does not by itself."""

    @abstractmethod
    def delivered(self, bucket: str, key: str, study: Study) -> Delivered | None:
        """None when there is no such object."""

    # --- Verbs that a provider may lack -----------------------------------------------------------

    def _lacks(self, verb: str) -> NotOffered:
        return NotOffered(verb, self.capabilities.lacks.get(verb, NOT_BUILT))

    def open_drop(self, study: Study, *, holder: str, until: datetime) -> Drop:
        """Where a holder may write files for the study, and read nothing, until an instant."""
        raise self._lacks("open_drop")

    def read_drop(self, study: Study, *, holder: str) -> Sequence[Found]:
        """What was laid down there."""
        raise self._lacks("read_drop")

    def take_drop(self, study: Study, *, holder: str, key: str, bucket: str) -> Delivered:
        """Copy one object into a bucket of the study, at the provider: no row passes here."""
        raise self._lacks("take_drop")

    def close_drop(self, study: Study, *, holder: str) -> None:
        """Its key first, then what is left in it."""
        raise self._lacks("close_drop")

    def read_logs(self, study: Study, *, since: datetime) -> Sequence[LogLine]:
        """Who changed or read what of the study, oldest first."""
        raise self._lacks("read_logs")

    def want_space(self, study: Study, space: SpaceWanted, book: Book) -> None:
        """Have the study's machine be so: made, started, stopped, changed."""
        raise self._lacks("want_space")

    def observe_space(self, study: Study) -> SpaceSeen | None:
        """The machine as it is, None when there is none."""
        raise self._lacks("observe_space")

    def reach_space(self, study: Study, targets: Sequence[str]) -> Mapping[str, bool]:
        """Which of these the machine reaches, tried from inside: the proof of its walls."""
        raise self._lacks("reach_space")

    def remove_space(self, study: Study, book: Book) -> None:
        """The machine, its disks and its network."""
        raise self._lacks("remove_space")

    def purge(self, bucket: str, study: Study) -> Purged:
        """Every object and version of a bucket, begun uploads too, then the bucket."""
        raise self._lacks("purge")

    def remove_study(self, study: Study, book: Book) -> None:
        """The place itself, once nothing is in it. Raises Busy before."""
        raise self._lacks("remove_study")

    def gone(self, study: Study) -> bool:
        """Whether the provider, asked for everything of the study by its ids, has nothing left."""
        raise self._lacks("gone")
