"""Verification by use, with the probe key: what should work does, what should not does not.

One answer proves neither an opening nor a closing: rights at the provider spread slowly and answers
flap (reference/scaleway.md 0.3). So rounds are counted in a row, and only one whose every try was
answered as expected counts; a try without a clear answer (no connection, 5xx, 404) never does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from requests_app.provisioning.backends.base import Answer, KeyHolder
from requests_app.provisioning.fences import MANIFEST, PROBE_PREFIX


Expected = Literal["allowed", "refused"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One try and its answer."""

    kind: str
    expected: Expected
    answer: Answer

    @property
    def as_expected(self) -> bool:
        if self.kind == "other_list" and self.answer.status == 404:
            return True  # the neighbour has gone meanwhile: nothing there to be kept from
        return self.answer.allowed if self.expected == "allowed" else self.answer.refused

    @property
    def leaks(self) -> bool:
        """Something that must be refused was allowed."""
        return self.expected == "refused" and self.answer.allowed


@dataclass(frozen=True, slots=True)
class Round:
    """The tries of one round."""

    tries: Sequence[Tried]

    @property
    def holds(self) -> bool:
        return bool(self.tries) and all(one.as_expected for one in self.tries)

    @property
    def leaks(self) -> Sequence[Tried]:
        return [one for one in self.tries if one.leaks]

    @property
    def answered(self) -> bool:
        """Whether the provider answered every try, whatever it said: silence changes no count."""
        return all(0 < one.answer.status < 500 and one.answer.status != 429 for one in self.tries)


def open_round(
    holder: KeyHolder, *, bucket_in: str, bucket_ws: str, name: str, others: Iterable[str]
) -> Round:
    """Read the input, write the workspace; be refused writing the input and another study's list.

    `name` is the probe's own object under the workspace's probe prefix.
    """
    own = f"{PROBE_PREFIX}{name}"
    tries = [
        Tried("in_list", "allowed", holder.list(bucket_in, prefix=MANIFEST)),
        Tried("in_get", "allowed", holder.get(bucket_in, MANIFEST)),
        Tried("ws_put", "allowed", holder.put(bucket_ws, own, b"guichet")),
        Tried("ws_get", "allowed", holder.get(bucket_ws, own)),
        Tried("ws_delete", "allowed", holder.delete(bucket_ws, own)),
        Tried("in_put", "refused", holder.put(bucket_in, own, b"guichet")),
    ]
    tries += [
        Tried("other_list", "refused", holder.list(bucket, prefix=MANIFEST)) for bucket in others
    ]
    return Round(tries)


def closed_round(holder: KeyHolder, *, bucket_in: str, bucket_ws: str, name: str) -> Round:
    """Everything that worked while the access was open is refused."""
    own = f"{PROBE_PREFIX}{name}"
    return Round(
        [
            Tried("in_list", "refused", holder.list(bucket_in, prefix=MANIFEST)),
            Tried("in_get", "refused", holder.get(bucket_in, MANIFEST)),
            Tried("ws_put", "refused", holder.put(bucket_ws, own, b"guichet")),
            Tried("ws_get", "refused", holder.get(bucket_ws, own)),
        ]
    )
