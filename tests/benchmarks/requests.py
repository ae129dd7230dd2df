"""The requests of a size: a few are driven through the engine, those that wait are copied in bulk.

So a copy holds what the product writes (members, versions, stages, acts, moves, events), and
nothing is saved one by one.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone

from portal.accounts.models import Membership, Organisation, User
from portal.audit.models import AuditEvent, AuditText
from requests_app.models import (
    AccessRequest,
    Act,
    Piece,
    RequestDataset,
    RequestMember,
    RequestVersion,
    Stage,
    StoredFile,
    Task,
    TransitionLog,
)
from tests.support.factories import World

from .sizes import FURTHER, Size


BATCH = 2_000
TEAM_FILES = 10  # requests of one team
SPREAD_DAYS = 45  # over which the copies were handed in; their due dates follow
DATES = ("submitted_at", "completed_at", "started_at", "due_at", "ended_at", "effective_at", "at")


@dataclass
class Template:
    """The rows of one request, in an order in which they can be written."""

    request: AccessRequest
    rows: list[Model]
    events: list[AuditEvent]
    texts: list[AuditText]

    @classmethod
    def of(cls, pk: uuid.UUID) -> "Template":
        request = AccessRequest.objects.get(pk=pk)
        sets: list[QuerySet[Any]] = [
            model.objects.filter(request=request)  # type: ignore[attr-defined]
            for model in (
                StoredFile, RequestVersion, RequestMember, RequestDataset, Piece, Stage, Act,
                Task, TransitionLog,
            )
        ]  # fmt: skip
        events = AuditEvent.objects.filter(about=pk).order_by("recorded_at")
        texts = AuditText.objects.filter(event__about=pk)
        rows = [request, *(row for found in sets for row in found)]
        return cls(request, rows, list(events), list(texts))


class Copies:
    """Rows waiting to be written, model by model, in the order in which models came."""

    def __init__(self) -> None:
        self.rows: dict[type[Model], list[Model]] = {}

    def add(self, *rows: Model) -> None:
        for row in rows:
            self.rows.setdefault(type(row), []).append(row)

    def write(self) -> None:
        for model, rows in self.rows.items():
            model._default_manager.bulk_create(rows, batch_size=BATCH)
        self.rows.clear()


def copied(row: Model, new: dict[Any, Any], **changed: Any) -> Model:
    """The row under a key of its own; what it refers to is taken from `new` where it is there."""
    values: dict[str, Any] = {}
    for one in row._meta.concrete_fields:
        value = getattr(row, one.attname)
        if one.primary_key and one.remote_field is None:
            if isinstance(value, uuid.UUID):
                new[value] = values[one.attname] = uuid.uuid4()
        elif isinstance(value, uuid.UUID):
            values[one.attname] = new.get(value, value)
        else:
            values[one.attname] = value
    return type(row)(**(values | changed))


@dataclass
class Team:
    organisation: Organisation
    people: list[User]


def teams(count: int) -> list[Team]:
    """Bodies with an investigator, a member and a signatory each."""
    now = timezone.now()
    bodies = Organisation.objects.bulk_create(
        Organisation(code=f"equipe-{n}", name=f"Université n° {n}", kind="applicant")
        for n in range(count)
    )
    people = User.objects.bulk_create(
        [
            User(
                username=f"equipe-{n}-{part}",
                email=f"equipe-{n}-{part}@example.org",
                password="!",
                first_name=part.capitalize(),
                last_name=f"Équipe {n}",
                email_confirmed_at=now,
            )
            for n in range(count)
            for part in ("investigatrice", "habilite", "representante")
        ],
        batch_size=BATCH,
    )
    made = [Team(body, people[3 * n : 3 * n + 3]) for n, body in enumerate(bodies)]
    Membership.objects.bulk_create(
        (
            Membership(
                user=person,
                organisation=team.organisation,
                confirmed_at=now,
                can_sign_since=now if place == 2 else None,
            )
            for team in made
            for place, person in enumerate(team.people)
        ),
        batch_size=BATCH,
    )
    return made


def fill(size: Size) -> None:
    """The people at the counter, then requests and their events."""
    world, copies = World(), Copies()
    for part in ("auditor", "administrator", "legal_officer", "dpo", "officer", "operator"):
        getattr(world, part)
    draw = random.Random(size.name)
    here = teams(max(1, size.pending // TEAM_FILES))
    for number in range(size.further):
        reached = world.story().reach(FURTHER[number % len(FURTHER)])
        _add_events(copies, Template.of(reached.request.pk), reached.request.pk, size.events, world)
    template = Template.of(world.story().reach("completeness").request.pk)
    _add_events(copies, template, template.request.pk, size.most_events, world)
    for number in range(1, size.pending):
        _copy(copies, template, number, size.events, here[number % len(here)], world, draw)
        if number % 200 == 0:
            copies.write()
    copies.write()


def _copy(
    copies: Copies,
    template: Template,
    number: int,
    events: int,
    team: Team,
    world: World,
    draw: random.Random,
) -> None:
    later = timedelta(days=-draw.uniform(0, SPREAD_DAYS))
    own = (world.investigator, world.named, world.representative)
    new: dict[Any, Any] = {old.pk: one.pk for old, one in zip(own, team.people, strict=True)}
    new[world.university.pk] = team.organisation.pk
    for row in template.rows:
        changed = {
            one.attname: value + later
            for one in row._meta.concrete_fields
            if one.name in DATES and (value := getattr(row, one.attname))
        }
        if isinstance(row, AccessRequest):
            changed |= {"number": f"GUI-2025-{number:05}", "title": f"Étude n° {number}"}
        copies.add(copied(row, new, **changed))
    ids = {str(old): str(one) for old, one in new.items()}
    for event in template.events:
        dates = {"recorded_at": event.recorded_at + later, "legal_at": event.legal_at + later}
        on = ids.get(event.on_id, event.on_id)
        copies.add(copied(event, new, on_id=on, once_key=None, **dates))
    copies.add(*(copied(text, new) for text in template.texts))
    _add_events(copies, template, new[template.request.pk], events, world)


def _add_events(
    copies: Copies, template: Template, request: uuid.UUID, events: int, world: World
) -> None:
    """Edits and pages read, an hour apart, until the request has so many events."""
    by = (world.secretariat, world.investigator, world.legal_officer, world.investigator)
    last = timezone.now()
    for n in range(events - len(template.events)):
        at = last - timedelta(hours=n, minutes=n % 60)
        copies.add(
            AuditEvent(
                action="request.edit" if n % 2 else "request.view",
                actor_id=by[n % len(by)].pk,
                on_type="requests_app.accessrequest",
                on_id=str(request),
                about=request,
                outcome="done",
                recorded_at=at,
                legal_at=at,
            )
        )
