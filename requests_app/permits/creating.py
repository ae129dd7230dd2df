"""The version of a permit that an act creates.

Its rows are written in one transaction, with no cloud call: the reconciler reads them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    Permit,
    RequestMember,
    RequestVersion,
    Workspace,
)
from requests_app.provisioning.waking import wake
from requests_app.provisioning.workspaces import workspace_for


def approved_scope(request: AccessRequest) -> list[dict[str, Any]]:
    """Rows of the counting version's specification: `{dataset, table, variables, years}`.

    What the holders and the committee were consulted on; what an extract may hold, and a permit
    says.
    """
    version = RequestVersion.objects.filter(request=request).signed().newest()
    return scope_of(version) if version is not None else []


def scope_of(version: RequestVersion) -> list[dict[str, Any]]:
    """Of a form that asks for no rows, the whole of the databases that were asked for."""
    whole = [{"dataset": code} for code in version.content.get("datasets", ())]
    return [
        {
            "dataset": row["dataset"],
            "table": row.get("table") or "",
            "variables": row.get("variables") or [],
            "years": [row.get("year_from"), row.get("year_until")],
        }
        for row in version.request.form.rows(version.content) or whole
    ]


def create_version(
    request: AccessRequest,
    act: Act,
    *,
    version: RequestVersion,
    delivery_mode: str,
    starts_at: datetime,
    expires_at: datetime,
    persons: Iterable[User],
    addresses: Mapping[str, list[str]],
) -> Permit:
    """Write the permit that `act` creates, a grant per person, and wake the reconciler, in the
    caller's transaction.

    Only the engine calls it, from the act that the procedure names (`grants_on`).
    """
    last = Permit.objects.filter(request=request).aggregate(last=Max("number"))["last"] or 0
    permit = Permit.objects.create(
        request=request,
        number=last + 1,
        act=act,
        request_version=version,
        scope=scope_of(version),
        delivery_mode=delivery_mode,
        starts_at=starts_at,
        expires_at=expires_at,
    )
    workspace = workspace_for(request)
    people = list(persons)
    for person in people:
        sources = addresses.get(str(person.pk), [])
        RequestMember.objects.current().filter(request=request, user=person).update(
            has_data_access=True, source_addresses=sources
        )
        live = Grant.objects.live().filter(workspace=workspace, person=person)
        if not live.update(permit=permit, expires_at=expires_at, source_addresses=sources):
            grant = Grant.objects.create(
                permit=permit,
                workspace=workspace,
                person=person,
                expires_at=expires_at,
                source_addresses=sources,
            )
            record("grant.want", by=act.entered_by, on=grant, about=request.pk)
    record(
        "permit.create",
        by=act.entered_by,
        on=permit,
        about=request.pk,
        data={"version": permit.number, "persons": [str(person.pk) for person in people]},
    )
    Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
    return permit


def hint(request_id: UUID) -> None:
    """After the commit: have the study taken up now. Beat would find it within 5 s."""
    wake(request_id)
