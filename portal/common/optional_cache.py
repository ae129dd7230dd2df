"""The cache where it spares work and decides nothing: without it, pages do the work."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


logger = logging.getLogger(__name__)


@contextmanager
def cache_may_fail(what: str) -> Iterator[None]:
    """Around uses of the cache. One that does not answer ends the block and is logged, no more.

    Assign at the end of the block: what follows then knows whether the cache answered.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - each cache backend has its own errors
        logger.warning("%s: the cache does not answer (%s)", what, type(error).__name__)
