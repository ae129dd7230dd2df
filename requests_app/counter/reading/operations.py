"""Rights and resources as the operator's pages show them: wanted beside observed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from requests_app.models import CloudResource, Credential, Grant, GrantState, Workspace
from requests_app.permits import operations
from requests_app.provisioning import gates, labels
from requests_app.provisioning.providers.errors import Unreachable

from . import operations_words as words
from .shown import TONES


@dataclass(frozen=True, slots=True)
class ShownRight:
    """One right, in a list or on its study's page; states in words."""

    pk: UUID
    number: str
    workspace_id: UUID
    person: str
    source_addresses: Sequence[str]
    wanted: str
    state: str
    tone: str
    missing: Sequence[str]
    reason: str
    said_by_banner: bool  # once for all: the provider does not answer
    step: str  # under way or failed; empty where nothing is tried
    tries: int
    observed: str
    observed_at: datetime | None
    expires_at: datetime
    revocation_seconds: float | None
    closed_unopened: bool


@dataclass(frozen=True, slots=True)
class ShownKey:
    access_key: str
    use: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class StudyRight:
    """A right on its study's page, with what proves it and what may be done."""

    right: ShownRight
    met: Sequence[str]  # conditions that hold, in words
    proof: operations.Proof | None
    keys: Sequence[ShownKey]
    buttons: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ShownResource:
    kind: str
    name: str
    external_id: str
    status: str
    last_error: str
    tries: int


def right(grant: Grant) -> ShownRight:
    """`grant` comes with its request, person and workspace read."""
    work: Workspace = grant.workspace
    tried = work.tries and grant.state not in {GrantState.CLOSED, GrantState.WANTED}
    return ShownRight(
        pk=grant.pk,
        number=grant.permit.request.number or "",
        workspace_id=grant.workspace_id,
        person=str(grant.person),
        source_addresses=grant.source_addresses,
        wanted=grant.get_wanted_display(),
        state=grant.get_state_display(),
        tone=TONES.get(grant.state, "info"),
        missing=gates.labels(grant.missing),
        reason=grant.reason,
        said_by_banner=work.failure_code == Unreachable.code,
        step=labels.step(work.last_step) if tried else "",
        tries=work.tries,
        observed=labels.observed(grant.observed),
        observed_at=grant.observed_at,
        expires_at=grant.expires_at,
        revocation_seconds=grant.revocation_seconds,
        closed_unopened=grant.closed_unopened,
    )


def key(credential: Credential) -> ShownKey:
    return ShownKey(
        access_key=credential.access_key,
        use=credential.get_use_display(),
        deleted=credential.deleted_at is not None,
    )


def resource(row: CloudResource, owners: dict[str, str]) -> ShownResource:
    """`owners`: names of persons by the id of their right."""
    return ShownResource(
        kind=words.resource(row.kind),
        name=words.place(row.logical_key, owners),
        external_id=row.external_id,
        status=words.status(row.status),
        last_error=row.last_error,
        tries=row.tries,
    )
