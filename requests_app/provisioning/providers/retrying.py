"""How long to wait before another try. Pure."""

import random


BASE_DELAY, MAX_DELAY = 0.5, 20.0  # seconds
_jitter = random.SystemRandom()


def backoff(attempt: int, *, base: float = BASE_DELAY, cap: float = MAX_DELAY) -> float:
    """Seconds before the next attempt: exponential, full jitter. `attempt` counts from 0."""
    return _jitter.uniform(0, min(cap, base * 2.0 ** min(attempt, 20)))
