"""A study ready to be opened: request, signed version, act, permit, persons, staged extract."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from catalog.models import DataHolder, Dataset, Table, Variable
from portal.accounts.models import Organisation, TermsAcceptance, Training, User
from portal.accounts.terms import CURRENT_TERMS
from portal.common.calendar import legal_now, legal_today
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    Permit,
    RequestMember,
    RequestVersion,
    Workspace,
)
from requests_app.provisioning import waking, workspaces
from requests_app.provisioning.extract import confirming, staging
from requests_app.provisioning.extract.sources import SyntheticSource


LOOPBACK = ["127.0.0.1/32"]


def person(name: str = "", *, ready: bool = True) -> User:
    """A person with (or without) training, accepted terms and a second factor."""
    user = User.objects.create(username=name or f"p-{uuid.uuid4().hex[:8]}", email="p@example.org")
    if ready:
        make_ready(user)
    return user


def make_ready(user: User) -> None:
    today = legal_today()
    Training.objects.create(
        user=user,
        title="RGPD",
        followed_on=today - timedelta(days=10),
        valid_until=today + timedelta(days=365),
    )
    TermsAcceptance.objects.create(user=user, version=CURRENT_TERMS)
    TOTPDevice.objects.create(user=user, name="test", confirmed=True)


def dataset(code: str = "", *, table: str = "SOINS") -> Dataset:
    code = code or f"base-{uuid.uuid4().hex[:8]}"
    organisation = Organisation.objects.create(code=f"h-{code}", name="Centre", kind="holder")
    holder = DataHolder.objects.create(organisation=organisation)
    made = Dataset.objects.create(
        code=code,
        kind="catalogue",
        title_fr="Base",
        holder=holder,
        published_at=timezone.now(),
    )
    rows = Table.objects.create(dataset=made, name=table, valid_from=2015, valid_until=2020)
    types = {"ID": "string", "DATE_SOIN": "date", "AGE": "integer", "SECRET": "string"}
    for position, (name, kind) in enumerate(types.items()):
        Variable.objects.create(table=rows, name=name, data_type=kind, position=position)
    return made


def scope_of(base: Dataset) -> list[dict[str, Any]]:
    return [
        {
            "dataset": base.code,
            "table": "SOINS",
            "variables": ["ID", "DATE_SOIN", "AGE"],
            "years": [2018, 2020],
        }
    ]


def make_request(number: str = "") -> AccessRequest:
    organisation = Organisation.objects.create(
        code=f"a-{uuid.uuid4().hex[:8]}", name="Université", kind="applicant"
    )
    author = person(ready=False)
    now = legal_now()
    return AccessRequest.objects.create(
        number=number or f"D-{uuid.uuid4().hex[:8]}",
        title="Étude",
        state="processing",
        procedure_code="fr-cnil-standard",
        procedure_version=1,
        organisation=organisation,
        created_by=author,
        submitted_at=now,
        completed_at=now,
    )


def study(
    persons: Sequence[User] | None = None,
    *,
    scope: list[dict[str, Any]] | None = None,
    expires_at: datetime | None = None,
    delivery_mode: str = "daughter_system",
    addresses: Sequence[str] = (),
    staged: bool = True,
) -> Workspace:
    """A request whose convention has just been signed; nothing at the provider yet."""
    request = make_request()
    author, now = request.created_by, legal_now()
    version = RequestVersion.objects.create(
        request=request,
        number=1,
        content={},
        sha256="0" * 64,
        status="signed",
        signed_at=now,
        frozen_by=author,
        frozen_at=now,
    )
    act = Act.objects.create(
        request=request, code="record_convention", effective_at=now, entered_at=now
    )
    scope = scope if scope is not None else scope_of(dataset())
    permit = Permit.objects.create(
        request=request,
        number=1,
        act=act,
        request_version=version,
        scope=scope,
        delivery_mode=delivery_mode,
        starts_at=now,
        expires_at=expires_at or now + timedelta(days=300),
    )
    workspace = workspaces.workspace_for(request)
    for user in [person()] if persons is None else persons:
        add_person(workspace, permit, user, addresses=list(addresses) or LOOPBACK)
    if staged:
        stage(workspace, scope)
    waking.wake(workspace.pk)
    workspace.refresh_from_db()
    return workspace


def add_person(
    workspace: Workspace, permit: Permit, user: User, *, addresses: list[str] | None = None
) -> Grant:
    RequestMember.objects.create(
        request=workspace.request,
        user=user,
        kind="named",
        has_data_access=True,
        added_by=workspace.request.created_by,
    )
    return Grant.objects.create(
        permit=permit,
        workspace=workspace,
        person=user,
        source_addresses=LOOPBACK if addresses is None else addresses,
        expires_at=permit.expires_at,
    )


def stage(workspace: Workspace, scope: list[dict[str, Any]]) -> None:
    """Stage synthetic rows and have a second person confirm them."""
    stager, checker = person(ready=False), person(ready=False)
    staging.stage(workspace, scope=scope, by=stager, origin=SyntheticSource(rows=20))
    confirming.confirm_extract(workspace, by=checker, seen=confirming.manifest_sha256(workspace))


def close(grant: Grant, *, wanted: str = "closed", reason: str = "essai") -> None:
    """What `permits.revoke` and `permits.suspend` write."""
    Grant.objects.filter(pk=grant.pk).update(
        wanted=wanted, reason=reason, closing_requested_at=timezone.now()
    )
    waking.wake(grant.workspace_id)


def reopen(grant: Grant) -> None:
    Grant.objects.filter(pk=grant.pk).update(wanted="open", reason="")
    waking.wake(grant.workspace_id)


def staging_folder() -> Path:
    from django.conf import settings

    return Path(settings.PROVISIONING["staging_dir"])
