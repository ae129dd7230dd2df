"""Rows → `plan.Facts`: what is recorded and wanted about one workspace at this instant."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from portal.common.calendar import legal_now
from requests_app.models import (
    CloudResource,
    Credential,
    ExtractState,
    Grant,
    GrantState,
    Permit,
    Workspace,
)
from requests_app.provisioning import gates
from requests_app.provisioning.plan import Facts, KeyFacts, PersonFacts, Right, Use
from requests_app.provisioning.providers import configured
from requests_app.provisioning.providers.shape import Rows, Shape


READY, REMOVED = "ready", "removed"
VANISHED = "vanished"  # of a bucket: removed by another hand, never made again by itself
PORTAL = "portal"  # a resource that is not made: the portal's own name, as fences have it
PROBE_MARGIN = timedelta(days=1)


@dataclass(slots=True)
class Snapshot:
    """The rows of one workspace, read together, and the facts made of them."""

    workspace: Workspace
    grants: dict[str, Grant]
    resources: dict[tuple[str, str], CloudResource]
    credentials: dict[str, Credential]
    missing: dict[str, list[str]]
    facts: Facts
    rows: Rows  # the provider's kinds among `resources`

    def resource(self, kind: str, key: str = "") -> CloudResource | None:
        return self.resources.get((kind, key))

    def external_id(self, kind: str, key: str = "") -> str:
        row = self.resources.get((kind, key))
        return row.external_id if row is not None and row.status == READY else ""


def is_over(grant: Grant, *, now: datetime) -> bool:
    """Whether closing must begin: some minutes before the end, so that the provider's own expiry
    is the backstop and not the mechanism. `now` is legal time."""
    margin = timedelta(seconds=settings.PROVISIONING["expiry_margin"])
    return now >= min(grant.expires_at, grant.permit.expires_at) - margin


def right_of(grant: Grant, *, now: datetime) -> Right:
    """What is wanted for a grant at a legal instant; closing outranks everything."""
    permit: Permit = grant.permit
    if grant.wanted == Grant.Wanted.CLOSED or permit.revoked_at or is_over(grant, now=now):
        return "closed"
    if grant.wanted == Grant.Wanted.SUSPENDED or permit.suspended_at:
        return "suspended"
    return "open"


def snapshot(workspace_id: UUID, *, portal: str = "", shape: Shape | None = None) -> Snapshot:
    """Read everything about a workspace, its closed grants included. `portal`: its name where the
    provider has said it, else the one that the study's fences were last written with. `shape`: the
    provider's, of the one configured if none is given."""
    shape = shape or configured.shape()
    rows = shape.rows
    workspace = Workspace.objects.select_related("request", "extract").get(pk=workspace_id)
    resources = {(r.kind, r.logical_key): r for r in workspace.resources.all()}
    grants = list(
        workspace.grants.select_related(
            "permit__request__organisation", "person", "workspace__request", "workspace__extract"
        ).order_by("created_at", "pk")
    )
    credentials: dict[UUID, list[Credential]] = defaultdict(list)
    for credential in Credential.objects.filter(grant__workspace=workspace).order_by("generation"):
        credentials[credential.grant_id].append(credential)
    now = legal_now()
    missing: dict[str, list[str]] = {}
    persons = []
    asked = [
        grant
        for grant in grants
        if right_of(grant, now=now) == "open" and not _in_person_hands(grant, credentials[grant.pk])
    ]
    lacking = gates.missing_for(asked) if asked else {}
    for grant in grants:
        keys = credentials[grant.pk]
        right = right_of(grant, now=now)
        codes = lacking.get(grant.pk, [])
        missing[str(grant.pk)] = codes
        persons.append(_person(grant, right, keys, resources, kind=rows.person, ready=not codes))
    facts = Facts(
        persons=tuple(persons),
        held=workspace.held_at is not None,
        study=_has(resources, rows.study),
        buckets=_ready(resources, "bucket"),
        gone=frozenset(
            r.logical_key for r in resources.values() if r.kind == "bucket" and r.status == VANISHED
        ),
        encrypted=_ready(resources, "encryption"),
        fences={
            r.logical_key: r.spec_hash
            for r in resources.values()
            if r.kind == "fence" and r.status == READY
        },
        delivered=workspace.extract.state == ExtractState.DELIVERED,
        rights=all(_has(resources, kind) for kind in rows.rights),
        rights_left=any(_left(resources, kind) for kind in rows.rights),
        holds_members=_has(resources, rows.members or rows.study),
        members=resources[("members", "")].spec_hash if ("members", "") in resources else "",
        portal=portal or _known_portal(resources),
        form=shape.form,
        names={r.logical_key: r.external_id for r in resources.values() if r.kind == "bucket"},
        worker_addresses=tuple(settings.PROVISIONING["worker_addresses"]),
    )
    return Snapshot(
        workspace=workspace,
        grants={str(grant.pk): grant for grant in grants},
        resources=resources,
        credentials={str(c.pk): c for several in credentials.values() for c in several},
        missing=missing,
        facts=facts,
        rows=rows,
    )


def _in_person_hands(grant: Grant, keys: list[Credential]) -> bool:
    """Conditions are asked before the person's key is made, and again before a suspended access
    is resumed; once it is open, or on its way with its key, they no longer wait."""
    if grant.state in {GrantState.OPEN, GrantState.CLOSED}:
        return True
    if grant.state == GrantState.SUSPENDED:
        return False
    return any(k.use == Credential.Use.PERSON and k.access_key and not k.deleted_at for k in keys)


def _person(
    grant: Grant,
    right: Right,
    keys: list[Credential],
    resources: dict[tuple[str, str], CloudResource],
    *,
    kind: str,
    ready: bool,
) -> PersonFacts:
    row = resources.get((kind, str(grant.pk)))
    return PersonFacts(
        grant=str(grant.pk),
        right=right,
        state=grant.state,
        ready=ready,
        until=min(grant.expires_at, grant.permit.expires_at),
        addresses=tuple(grant.source_addresses),
        identity=row.external_id if row is not None and row.status == READY else "",
        identity_row=row is not None and row.status != REMOVED,
        keys=tuple(
            KeyFacts(
                id=str(key.pk),
                use=cast(Use, key.use),
                made=bool(key.access_key),
                withdrawn=key.withdrawn_at is not None or _is_spent(key),
                deleted=key.deleted_at is not None,
                reason=key.withdrawn_reason,
            )
            for key in keys
        ),
        proven=grant.proof_at is not None,
    )


def _is_spent(key: Credential) -> bool:
    """A probe key about to end must go: the refusals of an expired key would prove nothing. So must
    a person's at its end, which not every provider sees to."""
    if key.expires_at is None or key.deleted_at is not None:
        return False
    margin = PROBE_MARGIN if key.use == Credential.Use.PROBE else timedelta()
    return key.expires_at - timezone.now() <= margin


def _has(resources: dict[tuple[str, str], CloudResource], kind: str) -> bool:
    row = resources.get((kind, ""))
    return row is not None and row.status == READY


def _left(resources: dict[tuple[str, str], CloudResource], kind: str) -> bool:
    row = resources.get((kind, ""))
    return row is not None and row.status != REMOVED


def _known_portal(resources: dict[tuple[str, str], CloudResource]) -> str:
    row = resources.get((PORTAL, ""))
    return row.external_id if row is not None else ""


def _ready(resources: dict[tuple[str, str], CloudResource], kind: str) -> frozenset[str]:
    return frozenset(
        r.logical_key for r in resources.values() if r.kind == kind and r.status == READY
    )
