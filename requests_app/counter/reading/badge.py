"""The figure beside “À traiter”, on every page of whoever has an inbox: counted once, then kept.

A person's count is kept for 15 s with the stamps, as they were before it was counted, of all that
their inbox hangs on: their roles of the desk, their holders, their committees, themselves. An act
gives those it touches another stamp once it is committed, and a count that bears the former one is
good for nothing: not even one that began before the act and was kept after it. What no act tells
of (an invitation that ends, a row written by hand) shows after 15 s at the latest.

Without the cache each page counts, as it would without this module.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Model
from django.db.models.functions import Lower
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from portal.accounts.models import (
    DeclarationOfInterests,
    Invitation,
    Membership,
    Organisation,
    Role,
    User,
)
from portal.accounts.roles import has_role, scopes
from portal.accounts.signals import account_event
from portal.common.optional_cache import cache_may_fail
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    Piece,
    RapporteurAssignment,
    Report,
    RequestMember,
    RequestState,
    RequestVersion,
    Stage,
    Task,
    TransitionLog,
    rows_updated,
)
from requests_app.rights.visibility import TEAM_KINDS

from . import inbox


_WHAT = "counts of inboxes"
LIFE = 15  # seconds
STAMP_LIFE = 120  # longer than a count can take, and then live
_COMMITTEE_ROLES = (Role.PRESIDENT, Role.COMMITTEE_MEMBER)


# --- What an inbox hangs on -----------------------------------------------------------------------


def _role(role: str) -> str:
    return f"role:{role}"


def _holder(pk: UUID) -> str:
    return f"holder:{pk}"


def _committee(pk: UUID) -> str:
    return f"committee:{pk}"


def _person(pk: UUID) -> str:
    return f"person:{pk}"


def _hangs_on(user: User) -> list[str]:
    """From the roles, which each page has read already: no query."""
    committees = frozenset().union(*(scopes(user, role) for role in _COMMITTEE_ROLES))
    return [
        _person(user.pk),
        *(_role(role) for role in inbox.DESK_ROLES if has_role(user, role)),
        *(_holder(pk) for pk in sorted(scopes(user, Role.HOLDER_REPRESENTATIVE))),
        *(_committee(pk) for pk in sorted(committees)),
    ]


# --- Reading --------------------------------------------------------------------------------------


def _stamp_key(scope: str) -> str:
    return f"badge:stamp:{scope}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache says of one person. `stamps` None: it does not answer."""

    user: User
    stamps: dict[str, str | None] | None
    count: int | None = None

    def keep(self, count: int) -> None:
        """Keep what was counted after the stamps were read."""
        if self.stamps is None:
            return
        with cache_may_fail(_WHAT):
            cache.set(_count_key(self.user), (self.stamps, count), LIFE)


def _count_key(user: User) -> str:
    return f"badge:count:{user.pk}"


def read(user: User) -> Kept:
    """The count that still holds, if one is kept, and the stamps to keep another with."""
    keys = {_stamp_key(scope): scope for scope in _hangs_on(user)}
    found: dict[str, Any] | None = None
    with cache_may_fail(_WHAT):
        found = cache.get_many([_count_key(user), *keys])
    if found is None:
        return Kept(user, None)
    stamps = {scope: found.get(key) for key, scope in keys.items()}
    then, count = _as_kept(found.get(_count_key(user)))
    return Kept(user, stamps, count if then == stamps else None)


def _as_kept(value: object) -> tuple[dict[str, str | None] | None, int | None]:
    """What `Kept.keep` wrote; anything else under its key (of another version, written by hand) is
    no count."""
    match value:
        case (dict() as then, int() as count) if isinstance(value, tuple):
            return then, count
    return None, None


def count(user: User) -> int:
    """How many things are expected of the person, at most 15 s old."""
    kept = read(user)
    if kept.count is not None:
        return kept.count
    counted = inbox.count_for(user)
    kept.keep(counted)
    return counted


# --- Acts -----------------------------------------------------------------------------------------


class _Touched(threading.local):
    """Scopes touched in the transaction of this thread: stamped once, when it commits."""

    def __init__(self) -> None:
        self.scopes = set[str]()


_touched = _Touched()


def touch(scopes: Iterable[str]) -> None:
    """Drop the counts that hang on the scopes, once what is being written is committed."""
    new = set(scopes)
    if new:
        _touched.scopes |= new
        transaction.on_commit(_stamp, robust=True)


def _stamp() -> None:
    found, _touched.scopes = _touched.scopes, set()
    if not found:
        return  # an earlier call of the same commit did it
    with cache_may_fail(_WHAT):
        cache.set_many({_stamp_key(one): secrets.token_hex(8) for one in found}, STAMP_LIFE)


def _of_stage(stage: Stage) -> Iterator[str]:
    if stage.holder_id:
        yield _holder(stage.holder_id)
    elif stage.committee_id:
        yield _committee(stage.committee_id)
    elif stage.role == inbox.APPLICANT:
        team = RequestMember.objects.filter(request=stage.request_id, kind__in=TEAM_KINDS)
        yield from map(_person, team.values_list("user", flat=True))
    else:
        yield _role(stage.role)


def _signing_for(organisation_id: UUID) -> Iterator[str]:
    signing = Membership.objects.signing().filter(organisation=organisation_id)
    return map(_person, signing.values_list("user", flat=True))


@receiver(post_save, sender=TransitionLog, dispatch_uid="badge-moves")
def on_move(*, instance: TransitionLog, **_kwargs: Any) -> None:
    """Each move of a request or a stage writes its line, in its transaction (`workflow.steps`)."""
    if instance.stage is not None:
        touch(_of_stage(instance.stage))
    elif instance.grant_id is None:
        states = {instance.source, instance.target}
        if RequestState.SIGNATURE_CHECK in states:
            touch([_role(Role.SECRETARIAT)])
        if RequestState.AWAITING_SIGNATURE in states:
            touch(_signing_for(instance.request.organisation_id))


def _judging(**their: Any) -> Iterator[str]:
    """Committees that have a file to judge: whoever joins or leaves its team, or joins or leaves an
    organisation while in it, sets their colleagues of the committee apart, or brings them back."""
    stages = Stage.objects.open().filter(committee__isnull=False, **their)
    return map(_committee, set(stages.values_list("committee", flat=True)))


# Rows that count for one person: a place in the file, an answer, something handed in.
_PEOPLE: dict[type[Model], tuple[str, ...]] = {
    RequestMember: ("user_id",),
    InterestDeclaration: ("member_id",),
    DeclarationOfInterests: ("user_id",),
    RapporteurAssignment: ("member_id",),
    Report: ("author_id",),
    RequestVersion: ("frozen_by_id", "signed_by_id"),
}


def on_rows(*, sender: type[Model], rows: list[Any], **_kwargs: Any) -> None:
    if sender is Task:
        touch({_role(row.role) for row in rows})
    elif sender in _PEOPLE:
        people = {getattr(row, name) for row in rows for name in _PEOPLE[sender]}
        touch(map(_person, people - {None}))
        if sender is RequestMember:
            touch(_judging(request__in={row.request_id for row in rows}))


def on_row(*, sender: type[Model], instance: Model, **_kwargs: Any) -> None:
    on_rows(sender=sender, rows=[instance])


_COUNTED: tuple[type[Model], ...] = (Task, *_PEOPLE)
for _model in _COUNTED:
    post_save.connect(on_row, sender=_model, dispatch_uid=f"badge-{_model.__name__}")
    post_delete.connect(on_row, sender=_model, dispatch_uid=f"badge-{_model.__name__}")
rows_updated.connect(on_rows, dispatch_uid="badge-updates")


@receiver(
    m2m_changed, sender=DeclarationOfInterests.organisations.through, dispatch_uid="badge-tied"
)
def on_tied(*, instance: Any, **_kwargs: Any) -> None:
    if isinstance(instance, DeclarationOfInterests):
        touch([_person(instance.user_id)])


@receiver(post_save, sender=Piece, dispatch_uid="badge-pieces")
def on_piece(*, instance: Piece, **_kwargs: Any) -> None:
    """Whoever hands a piece in has a part in the file."""
    if instance.file is not None and instance.file.uploaded_by_id is not None:
        touch([_person(instance.file.uploaded_by_id)])


@receiver(post_save, sender=AccessRequest, dispatch_uid="badge-writers")
def on_request(
    *, instance: AccessRequest, update_fields: frozenset[str] | None, **_kwargs: Any
) -> None:
    """Whoever writes in a file has a part in it."""
    if update_fields is not None and "content_edited_by" in update_fields:
        if instance.content_edited_by_id is not None:
            touch([_person(instance.content_edited_by_id)])


@receiver(account_event, dispatch_uid="badge-accounts")
def on_account_event(*, on: Model | None, refused: bool, **_kwargs: Any) -> None:
    """Roles, memberships, invitations, closed accounts: each act on them is told to the log."""
    if refused:
        return
    if isinstance(on, Organisation):
        touch(_signing_for(on.pk))
    elif isinstance(on, Invitation):
        invited = User.objects.alias(address=Lower("email")).filter(address=on.email.lower())
        touch(map(_person, invited.values_list("pk", flat=True)))
    elif isinstance(on, User):
        touch([_person(on.pk)])
    elif (user_id := getattr(on, "user_id", None)) is not None:
        touch([_person(user_id)])
        if isinstance(on, Membership):
            places = RequestMember.objects.current().filter(user=user_id)
            touch(_judging(request__in=places.values("request")))
