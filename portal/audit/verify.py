"""Verifying the chain as stored: names the first link that is missing, altered or reordered."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from . import triggers
from .chain import GENESIS, Fault, Link, Walk, retained_after, seal_hash, text_hash, walk
from .models import AuditEvent, AuditHead, AuditSeal, AuditText


CHUNK = 500
UNSEALED_AFTER = timedelta(minutes=5)
_NEIGHBOURS = 1000  # how far a displaced event is looked for


@dataclass(slots=True)
class Report:
    """What a verification found. `ok`: the chain holds and nothing waits too long."""

    faults: list[Fault] = field(default_factory=list)
    unsealed: int = 0
    first_unsealed: str = ""
    links: int = 0
    position: int = 0
    head: str = GENESIS

    @property
    def ok(self) -> bool:
        return not self.faults and not self.unsealed


def stored_links(until: int, texts: list[Fault] | None = None, after: int = 0) -> Iterator[Link]:
    """Links after one position up to another, in order; `texts` receives faults of the texts."""
    while True:
        seals = list(
            AuditSeal.objects.filter(position__gt=after, position__lte=until).order_by("position")[
                :CHUNK
            ]
        )
        if not seals:
            return
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in seals])
        words = AuditText.objects.in_bulk(list(events)) if texts is not None else {}
        for seal in seals:
            event = events.get(seal.event_id)
            yield Link(
                seal.position,
                seal.segment.isoformat(),
                seal.previous,
                seal.hash,
                event.content() if event else None,
            )
            if texts is not None and event is not None:
                fault = _text_fault(seal.position, event, words.get(event.pk))
                texts.extend([fault] if fault else [])
        after = seals[-1].position


def _text_fault(position: int, event: AuditEvent, text: AuditText | None) -> Fault | None:
    """A text may be rectified or erased, openly; otherwise it is the one that was sealed."""
    if text is None:
        if not event.text_hash:
            return None
        return Fault("missing", position, str(event.pk), "its text was removed without a trace")
    if text.rectified_at or text.erased_at:
        return None
    if text_hash(text.salt, text.text) != event.text_hash:
        return Fault("altered", position, str(event.pk), "its text was changed without a trace")
    return None


def _diagnosed(fault: Fault) -> Fault:
    """Tell a displaced link or event from a changed one."""
    seal = AuditSeal.objects.filter(position=fault.position).first()
    if seal is None:
        return fault
    if fault.kind == "broken":
        before = AuditSeal.objects.filter(hash=seal.previous).first()
        if before is not None:
            detail = f"it belongs after position {before.position}"
            return replace(fault, kind="reordered", detail=detail)
    if fault.kind == "altered":
        around = AuditSeal.objects.filter(
            position__gte=seal.position - _NEIGHBOURS, position__lte=seal.position + _NEIGHBOURS
        ).exclude(position=seal.position)
        for other in around.select_related("event").order_by("position"):
            content = other.event.content()
            day = seal.segment.isoformat()
            if seal_hash(seal.position, day, seal.previous, content) == seal.hash:
                detail = f"the event sealed here is now at position {other.position}"
                return replace(fault, kind="reordered", detail=detail)
    return fault


def _beginning(state: Walk) -> Fault | None:
    """A chain that does not begin at 1 must say, in a sealed event, what retention dropped."""
    if state.first is None or state.first == 1:
        return None
    retentions = AuditEvent.objects.filter(action="audit.retain", seal__isnull=False)
    if retained_after((e.content() for e in retentions), state.first, state.anchor):
        return None
    return Fault("missing", 1, "", f"positions 1 to {state.first - 1} are not there")


def _end(state: Walk, head: AuditHead | None) -> Fault | None:
    """The last link must be the one the sealer wrote down."""
    position = state.position or 0
    if head is None:
        return Fault("missing", 1, "", "the head row is not there") if position else None
    if position < head.position:
        gap = f"{position + 1} to {head.position}"
        return Fault("missing", position + 1, "", f"positions {gap} are not there")
    if head.position and state.head != head.hash:
        return Fault("broken", position, "", "the last link is not the one the sealer wrote")
    now = AuditHead.objects.get(pk=head.pk)
    extra = AuditSeal.objects.filter(position__gt=now.position).order_by("position").first()
    if extra is not None:
        return Fault("broken", extra.position, str(extra.event_id), "beyond the end of the chain")
    return None


def verify(*, expect: tuple[int, str] | None = None) -> Report:
    """Check every link, the texts, both ends and the triggers; faults in order of position.

    `expect` is a position and hash read in the daily log: the chain must still hold them.
    """
    report = Report()
    head = AuditHead.objects.filter(pk=1).first()
    last = AuditSeal.objects.order_by("-position").values_list("position", flat=True).first()
    until = head.position if head else last or 0
    state, texts = Walk(), list[Fault]()
    faults = [_diagnosed(fault) for fault in walk(stored_links(until, texts), state)]
    ends = [fault for fault in (_beginning(state), _end(state, head)) if fault]
    report.faults = sorted([*faults, *texts, *ends], key=lambda fault: fault.position)
    report.links, report.position, report.head = state.count, state.position or 0, state.head
    if expect is not None:
        found = AuditSeal.objects.filter(position=expect[0]).first()
        if found is None or found.hash != expect[1]:
            detail = "the log of that day held another hash"
            report.faults.append(Fault("altered", expect[0], "", detail))
    report.faults += [
        Fault("missing", 0, "", f"trigger {name} is not there")
        for name in triggers.missing(connection)
    ]
    waiting = AuditEvent.objects.filter(
        seal__isnull=True, recorded_at__lt=timezone.now() - UNSEALED_AFTER
    ).order_by("recorded_at")
    report.unsealed = waiting.count()
    if report.unsealed:
        report.first_unsealed = str(waiting.values_list("pk", flat=True)[0])
    return report
