"""`/iam/v1alpha1/api-keys`: keys of applications. The secret is in the create answer only."""

import secrets
import string
import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from portal.training.sandbox import permissions
from portal.training.sandbox.errors import invalid, not_found
from portal.training.sandbox.iam import BASE, Applications
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.resources import ApiKey, Project
from portal.training.sandbox.web import Call, Route, check_text, page_of, rfc3339, route


ALPHABET = string.ascii_uppercase + string.digits


class KeyBody(BaseModel):
    description: str | None = ""
    application_id: str | None = None
    user_id: str | None = None
    expires_at: datetime | None = None
    default_project_id: str | None = None


class KeyPatch(BaseModel):
    description: str | None = None
    expires_at: datetime | None = None
    default_project_id: str | None = None


def new_access_key() -> str:
    """`SCW` and 17 characters: the shape that the SDK validates."""
    return "SCW" + "".join(secrets.choice(ALPHABET) for _ in range(17))


def utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class ApiKeys:
    def __init__(self, organization: Organization, applications: Applications) -> None:
        self.organization, self.state = organization, organization.state
        self.applications = applications

    def routes(self) -> list[Route]:
        read, write = permissions.API_KEY_READ, permissions.API_KEY_WRITE
        base, one = f"{BASE}/api-keys", f"{BASE}/api-keys/{{id}}"
        return [
            route("POST", base, write, self.create),
            route("GET", base, read, self.search),
            route("GET", one, read, self.get),
            route("PATCH", one, write, self.update),
            route("DELETE", one, write, self.delete),
        ]

    def show(self, key: ApiKey, *, secret: bool = False) -> dict[str, Any]:
        return {
            "access_key": key.access_key,
            "secret_key": key.secret_key if secret else None,
            "description": key.description,
            "created_at": rfc3339(key.created_at),
            "updated_at": rfc3339(key.updated_at),
            "expires_at": rfc3339(key.expires_at),
            "default_project_id": key.default_project_id,
            "editable": True,
            "deletable": True,
            "managed": False,
            "creation_ip": key.creation_ip,
            "application_id": key.application_id,
        }

    def find(self, call: Call) -> ApiKey:
        key = self.state.find(ApiKey, call.path["id"])
        if key is None:
            raise not_found("access_key", call.path["id"])
        return key

    def check_expiry(self, expires_at: datetime | None) -> datetime | None:
        """The end of a key in UTC, inside the organization's longest life for keys."""
        now, longest = self.state.clock.now(), self.organization.max_key_seconds()
        if expires_at is None:
            if longest:
                raise invalid("expires_at", "an expiration date is mandatory", "required")
            return None
        expires_at = utc(expires_at)
        if expires_at <= now:
            raise invalid("expires_at", "must be in the future")
        if longest and (expires_at - now).total_seconds() > longest:
            raise invalid("expires_at", "is beyond the maximum duration of an API key")
        return expires_at

    def check_project(self, project_id: str | None) -> str:
        """None means the organization's default project, whose id is the organization's."""
        if project_id is None:
            return self.organization.id
        if self.state.find(Project, project_id) is None:
            raise not_found("project_id", project_id)
        return project_id

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.payload(KeyBody)
        if (body.application_id is None) == (body.user_id is None):
            raise invalid("application_id", "one of application_id and user_id is expected")
        if body.application_id is None:  # a sandbox has no users
            raise not_found("user", body.user_id or "")
        application = self.applications.find(body.application_id)
        self.organization.check_quota("iam_api_keys", len(self.state.all(ApiKey)))
        now = self.state.clock.now()
        key = ApiKey(
            access_key=new_access_key(),
            secret_key=str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
            application_id=application.id,
            description=check_text("description", body.description or "", limit=200,
                                   required=False),
            created_at=now,
            updated_at=now,
            expires_at=self.check_expiry(body.expires_at),
            default_project_id=self.check_project(body.default_project_id),
            creation_ip=call.ip,
        )  # fmt: skip
        self.state.put(key)
        self.organization.record(call, "created", "api_key", key.access_key)
        return 200, self.show(key, secret=True)

    def search(self, call: Call) -> tuple[int, Any]:
        self.organization.check(call.query("organization_id"))
        bearers = {v for v in (call.query("application_id"), call.query("bearer_id")) if v}
        names = call.many("access_keys") | {v for v in [call.query("access_key")] if v}
        description, expired = call.query("description"), call.flag("expired")
        if call.query("user_id") or call.query("bearer_type") == "user":
            return 200, page_of(call, list[ApiKey](), self.show, "api_keys")
        now = self.state.clock.now()
        found = [
            k
            for k in self.state.all(ApiKey)
            if (not bearers or bearers == {k.application_id})
            and (not names or k.access_key in names)
            and (description is None or description in k.description)
            and (expired is None or expired == (k.expires_at is not None and k.expires_at <= now))
            and call.flag("editable") is not False
        ]
        return 200, page_of(call, found, self.show, "api_keys")

    def get(self, call: Call) -> tuple[int, Any]:
        return 200, self.show(self.find(call))

    def update(self, call: Call) -> tuple[int, Any]:
        key, body = self.find(call), call.payload(KeyPatch)
        changes: dict[str, Any] = {"updated_at": self.state.clock.now()}
        if body.description is not None:
            changes["description"] = check_text(
                "description", body.description, limit=200, required=False
            )
        if body.default_project_id is not None:
            changes["default_project_id"] = self.check_project(body.default_project_id)
        if body.expires_at is not None:
            # the API's reference has this field, its documentation says it cannot be changed
            # once set: the stricter reading
            if key.expires_at is not None and utc(body.expires_at) != key.expires_at:
                raise invalid("expires_at", "cannot be changed once set")
            changes["expires_at"] = self.check_expiry(body.expires_at)
        key = key.model_copy(update=changes)
        self.state.put(key)
        self.organization.record(call, "updated", "api_key", key.access_key)
        return 200, self.show(key)

    def delete(self, call: Call) -> tuple[int, Any]:
        key = self.find(call)
        self.state.remove(key)
        self.organization.record(call, "deleted", "api_key", key.access_key)
        return 204, None
