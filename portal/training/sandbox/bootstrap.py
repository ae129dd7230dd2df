"""First start: an organization, its default project, the portal's application and key."""

import os
import secrets
import uuid
from pathlib import Path

from portal.training.sandbox.credentials import new_access_key
from portal.training.sandbox.resources import ApiKey, Application, Policy, Project, Rule
from portal.training.sandbox.state import State


# The least that the portal's application needs on a real account (docs/operations).
ORGANIZATION_SETS = (
    "ProjectManager", "IAMApplicationManager", "IAMGroupManager", "IAMPolicyManager",
    "IAMReadOnly", "AuditTrailReadOnly",
)  # fmt: skip
STORAGE_SETS = ("ObjectStorageFullAccess",)


def bootstrap(state: State) -> None:
    """Make what an account has on its first day; nothing when it is there already."""
    if state.meta("organization"):
        return
    now = state.clock.now()
    # the default project has the organization's id
    organization_id = str(uuid.uuid4())
    project = Project(
        id=organization_id,
        name="default",
        organization_id=organization_id,
        description="",
        created_at=now,
        updated_at=now,
    )
    with state.changing():
        state.set_meta("organization", {"id": organization_id})
        state.put(project)
        portal(state, organization_id)


def portal(state: State, organization_id: str) -> None:
    """The portal's application with its policy and key."""
    now = state.clock.now()
    application = Application(
        id=str(uuid.uuid4()),
        name="guichet-portal",
        description="The portal's own identity",
        created_at=now,
        updated_at=now,
        organization_id=organization_id,
    )
    policy = Policy(
        id=str(uuid.uuid4()),
        name="guichet-portal",
        description="",
        organization_id=organization_id,
        created_at=now,
        updated_at=now,
        application_id=application.id,
        rules=(
            Rule(
                id=str(uuid.uuid4()),
                permission_set_names=ORGANIZATION_SETS,
                permission_sets_scope_type="organization",
                organization_id=organization_id,
            ),
            Rule(
                id=str(uuid.uuid4()),
                permission_set_names=STORAGE_SETS,
                permission_sets_scope_type="projects",
                organization_id=organization_id,  # all present and future projects
            ),
        ),
    )
    key = ApiKey(
        access_key=new_access_key(),
        secret_key=str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        application_id=application.id,
        description="made by the sandbox on its first start",
        created_at=now,
        updated_at=now,
        default_project_id=organization_id,
        creation_ip="127.0.0.1",
    )
    for record in (application, policy, key):
        state.put(record)
    state.set_meta("portal", {"application_id": application.id, "access_key": key.access_key})


def write_env(path: Path, values: dict[str, str]) -> None:
    """`KEY=VALUE` lines, readable by their owner only, replaced atomically."""
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
    temporary.replace(path)
