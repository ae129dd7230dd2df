"""Verification by use, with the probe key: what should work does, what should not does not.

One answer proves neither an opening nor a closing: rights at the provider spread slowly and answers
flap (H2). So rounds are counted in a row, and only one whose every try was
answered as expected counts; a try without a clear answer (no connection, 5xx, 404) never does.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from requests_app.provisioning.fences import MANIFEST, PROBE_PREFIX
from requests_app.provisioning.providers.port import KeyHolder
from requests_app.provisioning.providers.values import Answer


Expected = Literal["allowed", "refused"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One try and its answer."""

    kind: str
    expected: Expected
    answer: Answer
    gone: bool = False  # no bucket has this name, the portal was told: nothing to be let into

    @property
    def as_expected(self) -> bool:
        if self.kind == "other_list" and self.answer.status == 404:
            return True  # the neighbour has gone meanwhile: nothing there to be kept from
        if self.expected == "allowed":
            return self.answer.allowed
        return self.answer.refused or (self.gone and self.answer.bucket_gone)

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
    def bucket_gone(self) -> bool:
        """Whether a bucket is not there, which nobody knew."""
        return any(one.answer.bucket_gone and not one.gone for one in self.tries)

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


def closed_round(
    holder: KeyHolder,
    *,
    bucket_in: str,
    bucket_ws: str,
    name: str,
    gone: Collection[str] = (),
) -> Round:
    """Everything that worked while the access was open is refused. `gone`: kinds of buckets that
    are no more; they are tried too, as one of that name may come back."""
    own = f"{PROBE_PREFIX}{name}"
    no_in, no_ws = "in" in gone, "ws" in gone
    return Round(
        [
            Tried("in_list", "refused", holder.list(bucket_in, prefix=MANIFEST), no_in),
            Tried("in_get", "refused", holder.get(bucket_in, MANIFEST), no_in),
            Tried("ws_put", "refused", holder.put(bucket_ws, own, b"guichet"), no_ws),
            Tried("ws_get", "refused", holder.get(bucket_ws, own), no_ws),
        ]
    )
