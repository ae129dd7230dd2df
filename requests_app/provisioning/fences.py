"""What a study's fences should let in, in our words; how a provider writes it is its own affair.

Pure: no Django, no network, no clock. Plan and facts know a fence by its hash only.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


BUCKETS = ("in", "ws")
MANIFEST = "manifest.json"
PROBE_PREFIX = ".guichet-probe/"


@dataclass(frozen=True, slots=True)
class Admission:
    """A person (the provider's id) let into a study's buckets, until an instant, from addresses
    (none: any)."""

    person: str
    until: datetime
    addresses: tuple[str, ...] = ()

    def plain(self) -> tuple[str, str, list[str]]:
        """The same whatever the time zone and the order of addresses."""
        return self.person, self.until.astimezone(UTC).isoformat(), sorted(self.addresses)


@dataclass(frozen=True, slots=True)
class Fence:
    """Who may do what in a study's bucket of a kind: in `in` persons read, in `ws` they write too.

    `portal`: as the provider knows us; it may do everything. `worker_addresses`: from where the
    probe of a person with declared addresses is let in, to what holds no personal data.
    """

    bucket: str
    kind: str
    portal: str
    admissions: tuple[Admission, ...] = ()
    worker_addresses: tuple[str, ...] = ()

    def fingerprint(self, form: str = "") -> str:
        """Hash of what is wanted, `form` being how the provider of the day writes it."""
        inside = sorted(one.plain() for one in self.admissions)
        own = [self.bucket, self.kind, self.portal, sorted(self.worker_addresses)]
        return fingerprint([form, own, inside])


def fingerprint(value: Any) -> str:
    """Hash of a wanted specification, to compare with the one last written."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
