"""What every periodic sweep keeps to: one row that fails never stops the others."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded


logger = logging.getLogger(__name__)
T = TypeVar("T")


def each(rows: Iterable[T], do: Callable[[T], object], *, what: str) -> int:
    """Do each row; one that fails is logged and the next is done. How many returned something true.

    Never inside a transaction: what a row left half done is its own to roll back. A task told to
    end (SoftTimeLimitExceeded) ends: a second is left of its time, the next sweep goes on.
    """
    done = 0
    for row in rows:
        try:
            done += bool(do(row))
        except SoftTimeLimitExceeded:
            logger.error("%s: stopped at %s, out of time", what, _name(row))
            raise
        except Exception:
            logger.exception("%s: %s failed", what, _name(row))
    return done


def all_of(*steps: Callable[[], object]) -> None:
    """The parts of one sweep, each whatever became of those before it."""
    each(steps, lambda step: step(), what="sweep")


def _name(row: object) -> object:
    """An identifier for the log, never a row's words."""
    if isinstance(row, str | int | UUID):
        return row
    return getattr(row, "pk", None) or getattr(row, "__qualname__", type(row).__name__)
