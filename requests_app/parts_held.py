"""Whether a person has a part in any file at all: which rules of the applicant's side can apply.

Asked once a request in one small statement and kept on the object, as roles are. It is asked again
once this thread has written a row that gives a part: someone who becomes a member in the middle of
a request (a draft, an invitation) is one at once, whichever object stands for them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import BooleanField, CharField, QuerySet, Value
from django.db.models.signals import m2m_changed, post_delete, post_save

from portal.accounts.models import DeclarationOfInterests, Membership, User
from portal.accounts.roles import kept
from requests_app.models import (
    InterestDeclaration,
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
    Membership,
    RequestMember,
    RequestVersion,
    InterestDeclaration,
    DeclarationOfInterests,
):
    post_save.connect(_wrote, sender=_model, dispatch_uid=f"parts-held-{_model.__name__}")
    post_delete.connect(_wrote, sender=_model, dispatch_uid=f"parts-held-{_model.__name__}")
m2m_changed.connect(
    _wrote, sender=DeclarationOfInterests.organisations.through, dispatch_uid="parts-held-tied"
)
rows_updated.connect(_wrote, dispatch_uid="parts-held-updated")


def kept_until_written(user: User, name: str, make: Callable[[], T]) -> T:
    """`roles.kept`, made again after this thread wrote a row that ties a person to a file."""
    return kept(user, name, make, revision=_here.written)


@dataclass(frozen=True, slots=True)
class PartsHeld:
    """Qualities the person has in some file, whichever; `signs`: for some organisation."""

    kinds: frozenset[str]
    has_data: bool
    signed: bool
    signs: bool


def of(user: User) -> PartsHeld:
    return kept_until_written(user, "parts_held", lambda: _read(user))


def _read(user: User) -> PartsHeld:
    places = RequestMember.objects.filter(user=user, removed_at__isnull=True)
    rows = _named(RequestVersion.objects.filter(signed_by=user), "signed").union(
        _named(Membership.objects.signing().filter(user=user), "signs"),
        places.order_by().values_list("kind", "has_data_access"),
    )
    found = set(rows)
    kinds = frozenset(kind for kind, _access in found)
    return PartsHeld(
        kinds=kinds & frozenset(RequestMember.Kind.values),
        has_data=any(access for _kind, access in found),
        signed="signed" in kinds,
        signs="signs" in kinds,
    )


def _named(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    return rows.order_by().values_list(
        Value(name, output_field=CharField()), Value(False, output_field=BooleanField())
    )
