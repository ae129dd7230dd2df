"""Limits on tries, by user name and by address, counted in the cache.

A counter opens at the first try and closes `seconds` later. Names are hashed: what is typed in the
field of a user name may be a password.
"""

import hashlib
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` in `seconds`."""

    name: str
    tries: int
    seconds: int


LOGIN_BY_NAME = Limit("login-name", 10, 15 * 60)
LOGIN_BY_ADDRESS = Limit("login-address", 50, 15 * 60)
MAIL_BY_RECIPIENT = Limit("mail-recipient", 5, 60 * 60)
MAIL_BY_ADDRESS = Limit("mail-address", 30, 60 * 60)


def client_address(request: HttpRequest) -> str:
    """Address of the visitor; behind `TRUSTED_PROXIES` proxies, the one the first of them saw."""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        hops = [h.strip() for h in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if h]
        if len(hops) >= settings.TRUSTED_PROXIES:
            return hops[-settings.TRUSTED_PROXIES]
    return address


def _key(limit: Limit, who: str) -> str:
    return f"throttle:{limit.name}:{hashlib.sha256(who.casefold().encode()).hexdigest()[:32]}"


def _counter(limit: Limit, who: str) -> tuple[int, float]:
    """Tries so far and the instant (seconds since the epoch) at which the count starts afresh."""
    now = time.time()
    tries, until = cache.get(_key(limit, who), (0, 0.0))
    return (tries, until) if until > now else (0, now + limit.seconds)


def hit(limit: Limit, who: str) -> None:
    """Count a try."""
    tries, until = _counter(limit, who)
    cache.set(_key(limit, who), (tries + 1, until), max(1, int(until - time.time())))


def wait(limit: Limit, who: str) -> int:
    """Minutes to wait before another try is read; 0 when it may go on."""
    tries, until = _counter(limit, who)
    return 0 if tries < limit.tries else max(1, int((until - time.time()) / 60) + 1)


def clear(limit: Limit, who: str) -> None:
    cache.delete(_key(limit, who))
