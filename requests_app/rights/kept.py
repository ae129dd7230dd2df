"""What is worked out about one person in a request, kept on their object until it may be otherwise.

Whoever becomes a member of a file in the middle of a request (a draft, an invitation) is one at
once, whichever object stands for them: what is kept is made again after this thread has written a
row that ties a person to a file, and after such a write was undone. (What another process writes
meanwhile shows at the next request.)
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from portal.accounts.models import DeclarationOfInterests, Invitation, Membership, User
from portal.accounts.roles import kept
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    Piece,
    RequestMember,
    RequestVersion,
    rows_updated,
)


T = TypeVar("T")


HEARD = (
    AccessRequest,
    DeclarationOfInterests,
    InterestDeclaration,
    Invitation,
    Membership,
    Piece,
    RequestMember,
    RequestVersion,
)


class _Mark:
    """Waits for the commit beside what was written, and is dropped with it when that is undone."""

    def __call__(self) -> None:
        """The commit itself asks for nothing: what was written holds."""


class _Here(threading.local):
    """How many such rows this thread has written or undone: a request is served by one."""

    def __init__(self) -> None:
        self.changes = 0
        self.marks: list[_Mark] = []


_here = _Here()


def _waiting() -> list[tuple[set[str], _Mark]]:
    calls = transaction.get_connection().run_on_commit
    return [(blocks, call) for blocks, call, _robust in calls if isinstance(call, _Mark)]


def _wrote(**_kwargs: Any) -> None:
    _here.changes += 1
    if not in_transaction():
        return
    blocks = set(connection.savepoint_ids)
    if all(marked != blocks for marked, _mark in _waiting()):  # one a block is enough
        mark = _Mark()
        transaction.on_commit(mark)
        _here.marks.append(mark)


def _changes() -> int:
    """The count, one more when a block that wrote has ended since: Django tells of no rollback."""
    if _here.marks:
        waiting = {mark for _blocks, mark in _waiting()}
        left = [mark for mark in _here.marks if mark in waiting]
        if len(left) < len(_here.marks):
            _here.marks = left
            _here.changes += 1
    return _here.changes


for _model in HEARD:
    post_save.connect(_wrote, sender=_model, dispatch_uid=f"kept-{_model.__name__}")
    post_delete.connect(_wrote, sender=_model, dispatch_uid=f"kept-{_model.__name__}")
m2m_changed.connect(
    _wrote, sender=DeclarationOfInterests.organisations.through, dispatch_uid="kept-tied"
)
rows_updated.connect(_wrote, dispatch_uid="kept-updates")


def kept_until_written(user: User, name: str, make: Callable[[], T]) -> T:
    """`roles.kept`, made again after this thread wrote a row that ties a person to a file, or
    undid one."""
    return kept(user, name, make, revision=_changes())


def in_transaction() -> bool:
    """Where an act is decided on the rows as they are once they are locked, not as its page read
    them before."""
    return connection.in_atomic_block


def kept_for_pages(user: User, name: str, make: Callable[[], T]) -> T:
    """The same for what may bar somebody: never inside a transaction."""
    return make() if in_transaction() else kept_until_written(user, name, make)
