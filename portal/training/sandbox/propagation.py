"""Delayed, flapping propagation of rights, as seen on the real service (403, 200, 403, 200)."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.training.sandbox.state import State, View


@dataclass
class Propagation:
    """`grant_delay` and `revoke_delay` in seconds; during one, answers alternate if `flapping`."""

    state: State
    grant_delay: float = 0.0
    revoke_delay: float = 0.0
    flapping: bool = True
    _count: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, *, grant_delay: float, revoke_delay: float, flapping: bool) -> None:
        self.grant_delay, self.revoke_delay = grant_delay, revoke_delay
        self.flapping = flapping
        self.state.keep_history = grant_delay > 0 or revoke_delay > 0

    def settled(self, decide: Callable[[View], bool]) -> bool:
        """The answer to give now for a decision on rights that may still be travelling."""
        now = decide(self.state.view)
        delay = self.grant_delay if now else self.revoke_delay
        if delay <= 0 or decide(self.state.view_before(delay)) == now:
            return now
        return self._alternate() if self.flapping else not now

    def _alternate(self) -> bool:
        with self._lock:
            return next(self._count) % 2 == 0

    def known_views(self) -> tuple[View, ...]:
        """The views in which a key may still be known."""
        if self.revoke_delay > 0:
            return self.state.view, self.state.view_before(self.revoke_delay)
        return (self.state.view,)
