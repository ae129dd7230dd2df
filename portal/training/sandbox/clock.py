"""The sandbox's time: real time plus an offset that the admin route moves.

Two offsets, because a client signs with its own clock: `offset` moves what the cloud compares with
dates (key expiry, policy dates); `signature_offset` simulates clock skew between client and cloud.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    offset: timedelta = field(default_factory=timedelta)
    signature_offset: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The cloud's time, in UTC."""
        return datetime.now(UTC) + self.offset

    def signature_now(self) -> datetime:
        """The time against which the date of a signature is judged, in UTC."""
        return datetime.now(UTC) + self.signature_offset

    @staticmethod
    def monotonic() -> float:
        """Seconds, for delays; not moved by any offset."""
        return time.monotonic()

    def reset(self) -> None:
        self.offset = self.signature_offset = timedelta()
