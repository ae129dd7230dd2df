"""Limits on tries, by user name and by address, counted in the cache.

A count opens at the first try and closes `seconds` later. Names are hashed: what is typed in the
field of a user name may be a password.
"""

import hashlib
import math
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from portal.common.fold import folded


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
# What one person may make the portal write to others, in a day.
INVITATIONS_BY_PERSON = Limit("invitations-person", 50, 24 * 60 * 60)
# What one address, perhaps a stranger's, may receive of them in a day, whoever sends.
INVITATIONS_BY_RECIPIENT = Limit("invitations-recipient", 10, 24 * 60 * 60)
MEMBERSHIPS_BY_PERSON = Limit("memberships-person", 10, 24 * 60 * 60)
# A document made for nobody in particular costs half a second of a processor.
PDF_BY_ADDRESS = Limit("pdf-address", 20, 5 * 60)


def client_address(request: HttpRequest) -> str:
    """Address of the visitor; behind `TRUSTED_PROXIES` proxies, the one the first of them saw."""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        hops = [h.strip() for h in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if h]
        if len(hops) >= settings.TRUSTED_PROXIES:
            return hops[-settings.TRUSTED_PROXIES]
    return address


def _key(limit: Limit, who: str) -> str:
    return f"throttle:{limit.name}:{hashlib.sha256(folded(who).encode()).hexdigest()[:32]}"


def _minutes(until: float) -> int:
    return max(1, math.ceil((until - time.time()) / 60))


def take(limit: Limit, who: str) -> int:
    """Count a try before it is read; 0 when it may go on, else the minutes to wait.

    Each try takes a numbered place by `cache.add`, which one caller wins: of many tries sent at
    once no more than the limit are read. A refused try takes no place.
    """
    key, now = _key(limit, who), time.time()
    until = cache.get_or_set(f"{key}:until", now + limit.seconds, limit.seconds)
    if until <= now:  # the cache has not dropped it yet
        clear(limit, who)
        until = cache.get_or_set(f"{key}:until", now + limit.seconds, limit.seconds)
    left = max(1, math.ceil(until - now))
    for place in range(limit.tries):
        if cache.add(f"{key}:{place}", 1, left):
            return 0
    return _minutes(until)


def give_back(limit: Limit, who: str) -> None:
    """A try that succeeded counts for nothing."""
    key = _key(limit, who)
    for place in reversed(range(limit.tries)):
        if cache.delete(f"{key}:{place}"):
            return


def clear(limit: Limit, who: str) -> None:
    key = _key(limit, who)
    cache.delete_many([f"{key}:until", *(f"{key}:{place}" for place in range(limit.tries))])
