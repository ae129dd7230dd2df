"""A request's history read back from the log, with names, for a reader who has the right."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User

from . import actions
from .labels import labels_for, people
from .models import AuditEvent
from .permissions import can_read_story, reads_everything_of


OUTCOMES: "dict[str, str | Promise]" = {
    "done": _("fait"),
    "refused": _("refusé"),
    "failed": _("en échec"),
    "conflicted": _("refusé : déport"),
    "not_allowed": _("refusé : pas de droit"),
    "narrowed": _("droits restreints"),
    "repaired": _("réparé"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event with its names. `position` is None until sealed; `text` is "" without words."""

    id: UUID
    at: datetime
    legal_at: datetime
    action: str
    label: str
    actor: str
    on: str
    outcome: str
    outcome_label: str
    text: str
    text_state: str  # "", rectified, erased
    data: dict[str, Any]
    position: int | None


class Story(Sequence[Line]):
    """Lines, oldest first. A page of them reads its own events only."""

    def __init__(self, newest: QuerySet[AuditEvent], limit: int) -> None:
        self._newest = newest.select_related("seal", "text").order_by("-recorded_at", "-id")
        self._limit = limit

    @cached_property
    def _length(self) -> int:
        return self._newest.order_by().values("pk")[: self._limit].count()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self[places : places + 1][0]
        if not places:
            return []
        first, last = min(places), max(places)
        events = list(self._newest[len(self) - 1 - last : len(self) - first])[::-1]
        found = lines(events)
        return [found[place - first] for place in places]

    def __iter__(self) -> Iterator[Line]:
        events = list(self._newest[: self._limit])[::-1]
        self._length = len(events)  # not counted again
        return iter(lines(events))


def story(
    about: UUID,
    *,
    by: "User | AnonymousUser",
    only: Collection[str] | None = None,
    limit: int = 1000,
) -> Story:
    """Events about a request, oldest first; the last `limit` of them. Raises PermissionDenied.

    Auditors and the DPO read everything; others (see `permissions.allow_story`) not the reserved
    actions. `only` keeps some action codes. The number of queries depends on the types of object,
    not on the number of events.
    """
    everything = reads_everything_of(by, about)
    if not everything and not can_read_story(by, about):
        raise PermissionDenied
    events = AuditEvent.objects.filter(about=about)
    if only is not None:
        events = events.filter(action__in=list(only))
    if not everything:
        hidden = [action.code for action in actions.registered() if action.reserved]
        events = events.exclude(action__in=hidden)
    return Story(events, limit)


def lines(events: list[AuditEvent]) -> list[Line]:
    """Events (with `seal` and `text` selected) as readable lines."""
    names = people(event.actor_id for event in events)
    objects = labels_for((event.on_type, event.on_id) for event in events)
    return [
        _line(event, names[event.actor_id], objects.get((event.on_type, event.on_id), ""))
        for event in events
    ]


def _line(event: AuditEvent, actor: str, on: str) -> Line:
    text = getattr(event, "text", None)
    seal = getattr(event, "seal", None)
    state = ""
    if text is not None:
        state = "erased" if text.erased_at else "rectified" if text.rectified_at else ""
    return Line(
        id=event.pk,
        at=event.recorded_at,
        legal_at=event.legal_at,
        action=event.action,
        label=actions.label_of(event.action),
        actor=actor,
        on=on,
        outcome=event.outcome,
        outcome_label=str(OUTCOMES.get(event.outcome, event.outcome)),
        text=text.text if text is not None else "",
        text_state=state,
        data=event.data,
        position=seal.position if seal is not None else None,
    )
