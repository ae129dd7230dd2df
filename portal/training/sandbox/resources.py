"""What the sandbox's control plane holds: one frozen record per resource, stored as one JSON row.

Field names are those of the cloud's own answers, so that a body is mostly `record.model_dump()`.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class Resource(BaseModel):
    """A record of the control plane; `key` is its id inside its `kind`."""

    model_config = ConfigDict(frozen=True)

    kind: ClassVar[str]

    @property
    def key(self) -> str:
        raise NotImplementedError


class Project(Resource):
    kind: ClassVar[str] = "project"

    id: str
    name: str
    organization_id: str
    description: str
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        return self.id


class Application(Resource):
    kind: ClassVar[str] = "application"

    id: str
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    organization_id: str
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id


class Group(Resource):
    kind: ClassVar[str] = "group"

    id: str
    created_at: datetime
    updated_at: datetime
    organization_id: str
    name: str
    description: str
    user_ids: tuple[str, ...] = ()
    application_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id


class Rule(BaseModel):
    """One rule of a policy: permission sets over one kind of scope (projects or organization)."""

    model_config = ConfigDict(frozen=True)

    id: str
    permission_set_names: tuple[str, ...]
    permission_sets_scope_type: Literal["projects", "organization"]
    condition: str = ""
    project_ids: tuple[str, ...] | None = None
    organization_id: str | None = None


class Policy(Resource):
    kind: ClassVar[str] = "policy"

    id: str
    name: str
    description: str
    organization_id: str
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...] = ()
    application_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def key(self) -> str:
        return self.id


class ApiKey(Resource):
    kind: ClassVar[str] = "api_key"

    access_key: str
    secret_key: str  # needed in clear: S3 signatures are computed from it
    application_id: str
    description: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    default_project_id: str
    creation_ip: str

    @property
    def key(self) -> str:
        return self.access_key


class Bucket(Resource):
    """A bucket's owner and configuration; its objects are in the object store."""

    kind: ClassVar[str] = "bucket"

    name: str
    project_id: str
    region: str
    created_at: datetime
    policy: str | None = None  # the JSON text as it is answered (actions sorted)
    acl: str = "private"  # canned ACL
    documents: dict[str, str] = {}  # tagging, cors, lifecycle, encryption, website: inner XML

    @property
    def key(self) -> str:
        return self.name


class LogEntry(Resource):
    kind: ClassVar[str] = "log"

    id: str
    created_at: datetime
    ip: str
    user_agent: str
    action: Literal["created", "updated", "deleted"]
    bearer_id: str
    organization_id: str
    resource_type: str
    resource_id: str

    @property
    def key(self) -> str:
        return self.id


KINDS: dict[str, type[Resource]] = {
    model.kind: model for model in (Project, Application, Group, Policy, ApiKey, Bucket, LogEntry)
}
