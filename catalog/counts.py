"""Counts of what is published, kept under the revision of the catalogue: no page counts it anew.

`catalog-revision` is a random token, another one once a change that reaches the search outbox is
committed, and again once the index has served it: a process that dies between its commit and the
token leaves the second. `catalog-count:<revision>:<name>` lives ten minutes, whatever happens.
Without the cache each page counts. Published descriptions only: the same for every reader.
"""

import secrets
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

from django.core.cache import cache
from django.db import transaction

from portal.common.optional_cache import cache_may_fail


_WHAT = "counts of the catalogue"
REVISION = "catalog-revision"
LIFE = 600  # seconds
T = TypeVar("T")


def kept(name: str, count: Callable[[], T]) -> T:
    """What was counted of this revision under the name, counted now when nothing was.

    `name` says all that the count depends on; callers have a bounded number of them.
    """
    return kept_many([name], lambda _missing: {name: count()})[name]


def kept_many(names: Sequence[str], count: Callable[[list[str]], dict[str, T]]) -> dict[str, T]:
    """The same for several names; those that are not kept are counted together, all of them."""
    keys: dict[str, str] = {}
    read: dict[str, T] = {}
    with cache_may_fail(_WHAT):
        revision = cache.get_or_set(REVISION, _token, None)
        asked = {name: f"catalog-count:{revision}:{_short(name)}" for name in names}
        read = cache.get_many(asked.values())
        keys = asked
    known: dict[str, T] = {name: read[key] for name, key in keys.items() if key in read}
    if missing := [name for name in names if name not in known]:
        known |= (counted := count(missing))
        if keys:
            with cache_may_fail(_WHAT):
                cache.set_many({keys[name]: value for name, value in counted.items()}, LIFE)
    return known


def _short(name: str) -> str:
    """Of a name that a dictionary gave, whatever its letters."""
    return blake2b(name.encode(), digest_size=12).hexdigest()


def _token() -> str:
    return secrets.token_hex(8)


def changed() -> None:
    """Forget the counts: something was published, taken back, described or removed."""
    with cache_may_fail(_WHAT):
        cache.set(REVISION, _token(), None)


def change_once_committed() -> None:
    """`changed()` when the transaction is committed, once for it; now outside of one."""
    waiting = transaction.get_connection().run_on_commit
    if all(call is not changed for _savepoints, call, _robust in waiting):
        transaction.on_commit(changed, robust=True)
