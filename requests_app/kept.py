"""What is worked out about one person in a request, kept on their object until it may be otherwise.

Whoever becomes a member of a file in the middle of a request (a draft, an invitation) is one at
once, whichever object stands for them: what is kept is made again after this thread has written a
row that ties a person to a file. (What another process writes meanwhile shows at the next request.)
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection
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


class _Here(threading.local):
    """How many such rows this thread has written: a request is served by one."""

    written = 0


_here = _Here()


def _wrote(**_kwargs: Any) -> None:
    _here.written += 1


for _model in (
    AccessRequest,
    DeclarationOfInterests,
    InterestDeclaration,
    Invitation,
    Membership,
    Piece,
    RequestMember,
    RequestVersion,
):
    post_save.connect(_wrote, sender=_model, dispatch_uid=f"kept-{_model.__name__}")
    post_delete.connect(_wrote, sender=_model, dispatch_uid=f"kept-{_model.__name__}")
m2m_changed.connect(
    _wrote, sender=DeclarationOfInterests.organisations.through, dispatch_uid="kept-tied"
)
rows_updated.connect(_wrote, dispatch_uid="kept-updates")


def kept_until_written(user: User, name: str, make: Callable[[], T]) -> T:
    """`roles.kept`, made again after this thread wrote a row that ties a person to a file."""
    return kept(user, name, make, revision=_here.written)


def kept_for_pages(user: User, name: str, make: Callable[[], T]) -> T:
    """The same for what may bar somebody: never inside a transaction, where an act is decided on
    the rows as they are once they are locked, not as its page read them before."""
    return make() if connection.in_atomic_block else kept_until_written(user, name, make)
