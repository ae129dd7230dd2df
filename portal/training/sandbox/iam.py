"""`/iam/v1alpha1`: applications and groups."""

from typing import Any

from pydantic import BaseModel

from portal.training.sandbox import permissions
from portal.training.sandbox.errors import already_exists, invalid, not_found, transient
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.resources import Application, Group, Policy
from portal.training.sandbox.web import (
    Call,
    Route,
    check_tags,
    check_text,
    new_id,
    page_of,
    rfc3339,
    route,
)


BASE = "/iam/v1alpha1"
# A membership edit right after another answers 409 transient_state (recorded); the time it takes
# to settle is not known, only that a client's next retry passed.
GROUP_SETTLES_SECONDS = 0.2


class NamedBody(BaseModel):
    name: str
    organization_id: str | None = None
    description: str | None = ""
    tags: list[str] | None = None


class NamedPatch(BaseModel):
    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None


class MembersBody(BaseModel):
    user_ids: list[str] | None = None
    application_ids: list[str] | None = None


class MemberBody(BaseModel):
    user_id: str | None = None
    application_id: str | None = None


def changes_of(body: NamedPatch) -> dict[str, Any]:
    """PATCH replaces whole fields (tags too); what is omitted stays."""
    changes: dict[str, Any] = {}
    if body.name is not None:
        changes["name"] = check_text("name", body.name, limit=64)
    if body.description is not None:
        changes["description"] = check_text(
            "description", body.description, limit=200, required=False
        )
    if body.tags is not None:
        changes["tags"] = check_tags(body.tags)
    return changes


class Applications:
    def __init__(self, organization: Organization) -> None:
        self.organization, self.state = organization, organization.state

    def routes(self) -> list[Route]:
        read, write = permissions.APPLICATION_READ, permissions.APPLICATION_WRITE
        base, one = f"{BASE}/applications", f"{BASE}/applications/{{id}}"
        return [
            route("POST", base, write, self.create),
            route("GET", base, read, self.search),
            route("GET", one, read, self.get),
            route("PATCH", one, write, self.update),
            route("DELETE", one, write, self.delete),
        ]

    def show(self, application: Application) -> dict[str, Any]:
        return {
            "id": application.id,
            "name": application.name,
            "description": application.description,
            "created_at": rfc3339(application.created_at),
            "updated_at": rfc3339(application.updated_at),
            "organization_id": application.organization_id,
            "editable": True,
            "deletable": True,
            "managed": False,
            "nb_api_keys": len(self.state.keys_of(application.id)),
            "tags": list(application.tags),
        }

    def find(self, application_id: str) -> Application:
        application = self.state.find(Application, application_id)
        if application is None:
            raise not_found("application", application_id)
        return application

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.payload(NamedBody)
        self.organization.check(body.organization_id)
        self.organization.check_quota("iam_applications", len(self.state.all(Application)))
        now = self.state.clock.now()
        application = Application(
            id=new_id(),
            name=check_text("name", body.name, limit=64),
            description=check_text("description", body.description or "", limit=200,
                                   required=False),
            created_at=now,
            updated_at=now,
            organization_id=self.organization.id,
            tags=check_tags(body.tags),
        )  # fmt: skip
        self.state.put(application)
        self.organization.record(call, "created", "application", application.id)
        return 200, self.show(application)

    def search(self, call: Call) -> tuple[int, Any]:
        self.organization.check(call.query("organization_id"))
        name, tag, ids = call.query("name"), call.query("tag"), call.many("application_ids")
        found = [
            a
            for a in self.state.all(Application)
            if (name is None or name in a.name)
            and (tag is None or tag in a.tags)
            and (not ids or a.id in ids)
            and call.flag("editable") is not False
        ]
        return 200, page_of(call, found, self.show, "applications")

    def get(self, call: Call) -> tuple[int, Any]:
        return 200, self.show(self.find(call.path["id"]))

    def update(self, call: Call) -> tuple[int, Any]:
        application = self.find(call.path["id"])
        changes = changes_of(call.payload(NamedPatch))
        changes["updated_at"] = self.state.clock.now()
        application = application.model_copy(update=changes)
        self.state.put(application)
        self.organization.record(call, "updated", "application", application.id)
        return 200, self.show(application)

    def delete(self, call: Call) -> tuple[int, Any]:
        """Policies are detached, not deleted; keys and memberships go with it."""
        application = self.find(call.path["id"])
        for key in self.state.keys_of(application.id):
            self.state.remove(key)
        for policy in self.state.all(Policy):
            if policy.application_id == application.id:
                self.state.put(policy.model_copy(update={"application_id": None}))
        for group in self.state.all(Group):
            if application.id in group.application_ids:
                rest = tuple(a for a in group.application_ids if a != application.id)
                self.state.put(group.model_copy(update={"application_ids": rest}))
        self.state.remove(application)
        self.organization.record(call, "deleted", "application", application.id)
        return 204, None


class Groups:
    def __init__(self, organization: Organization, applications: Applications) -> None:
        self.organization, self.state = organization, organization.state
        self.applications = applications
        self._settled_at: dict[str, float] = {}

    def routes(self) -> list[Route]:
        read, write = permissions.GROUP_READ, permissions.GROUP_WRITE
        base, one = f"{BASE}/groups", f"{BASE}/groups/{{id}}"
        return [
            route("POST", base, write, self.create),
            route("GET", base, read, self.search),
            route("GET", one, read, self.get),
            route("PATCH", one, write, self.update),
            route("DELETE", one, write, self.delete),
            route("PUT", f"{one}/members", write, self.set_members),
            route("POST", f"{one}/add-member", write, self.add_member),
            route("POST", f"{one}/add-members", write, self.add_members),
            route("POST", f"{one}/remove-member", write, self.remove_member),
        ]

    def show(self, group: Group) -> dict[str, Any]:
        return {
            "id": group.id,
            "created_at": rfc3339(group.created_at),
            "updated_at": rfc3339(group.updated_at),
            "organization_id": group.organization_id,
            "name": group.name,
            "description": group.description,
            "user_ids": list(group.user_ids),
            "application_ids": list(group.application_ids),
            "tags": list(group.tags),
            "editable": True,
            "deletable": True,
            "managed": False,
        }

    def find(self, call: Call) -> Group:
        group = self.state.find(Group, call.path["id"])
        if group is None:
            raise not_found("group", call.path["id"])
        return group

    def check_name(self, name: str, *, except_id: str = "") -> str:
        check_text("name", name, limit=64)
        for group in self.state.all(Group):
            if group.name == name and group.id != except_id:
                raise already_exists("group", group.id, "group name must be unique")
        return name

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.payload(NamedBody)
        self.organization.check(body.organization_id)
        self.organization.check_quota("iam_groups", len(self.state.all(Group)))
        now = self.state.clock.now()
        group = Group(
            id=new_id(),
            created_at=now,
            updated_at=now,
            organization_id=self.organization.id,
            name=self.check_name(body.name),
            description=check_text("description", body.description or "", limit=200,
                                   required=False),
            tags=check_tags(body.tags),
        )  # fmt: skip
        self.state.put(group)
        self.organization.record(call, "created", "group", group.id)
        return 200, self.show(group)

    def search(self, call: Call) -> tuple[int, Any]:
        self.organization.check(call.query("organization_id"))
        name, tag, ids = call.query("name"), call.query("tag"), call.many("group_ids")
        members = call.many("application_ids")
        found = [
            g
            for g in self.state.all(Group)
            if (name is None or name in g.name)
            and (tag is None or tag in g.tags)
            and (not ids or g.id in ids)
            and (not members or members & set(g.application_ids))
        ]
        return 200, page_of(call, found, self.show, "groups")

    def get(self, call: Call) -> tuple[int, Any]:
        return 200, self.show(self.find(call))

    def update(self, call: Call) -> tuple[int, Any]:
        group, body = self.find(call), call.payload(NamedPatch)
        if body.name is not None:
            self.check_name(body.name, except_id=group.id)
        return self._save(call, group, changes_of(body))

    def delete(self, call: Call) -> tuple[int, Any]:
        group = self.find(call)
        for policy in self.state.all(Policy):
            if policy.group_id == group.id:
                self.state.put(policy.model_copy(update={"group_id": None}))
        self.state.remove(group)
        self.organization.record(call, "deleted", "group", group.id)
        return 204, None

    def _save(self, call: Call, group: Group, changes: dict[str, Any]) -> tuple[int, Any]:
        changes["updated_at"] = self.state.clock.now()
        group = group.model_copy(update=changes)
        self.state.put(group)
        self.organization.record(call, "updated", "group", group.id)
        return 200, self.show(group)

    # Members

    def _check_members(self, user_ids: list[str], application_ids: list[str]) -> None:
        for application_id in application_ids:
            self.applications.find(application_id)
        if user_ids:  # a sandbox has no users
            raise not_found("user", user_ids[0])

    def _check_settled(self, group: Group) -> None:
        if self.state.clock.monotonic() < self._settled_at.get(group.id, 0.0):
            raise transient("group", group.id)

    def _set_members(self, call: Call, group: Group, members: tuple[str, ...]) -> tuple[int, Any]:
        self._settled_at[group.id] = self.state.clock.monotonic() + GROUP_SETTLES_SECONDS
        return self._save(call, group, {"application_ids": members})

    def set_members(self, call: Call) -> tuple[int, Any]:
        group, body = self.find(call), call.payload(MembersBody)
        members = body.application_ids or []
        self._check_members(body.user_ids or [], members)
        self._check_settled(group)
        return self._set_members(call, group, tuple(dict.fromkeys(members)))

    def add_members(self, call: Call) -> tuple[int, Any]:
        group, body = self.find(call), call.payload(MembersBody)
        return self._add(call, group, body.user_ids or [], body.application_ids or [])

    def add_member(self, call: Call) -> tuple[int, Any]:
        group, body = self.find(call), call.payload(MemberBody)
        users, applications = _listed(body)
        return self._add(call, group, users, applications)

    def _add(
        self, call: Call, group: Group, users: list[str], applications: list[str]
    ) -> tuple[int, Any]:
        self._check_members(users, applications)
        self._check_settled(group)
        members = tuple(dict.fromkeys([*group.application_ids, *applications]))
        return self._set_members(call, group, members)

    def remove_member(self, call: Call) -> tuple[int, Any]:
        group, (users, applications) = self.find(call), _listed(call.payload(MemberBody))
        for member in (*users, *applications):
            if member not in group.application_ids:
                raise not_found("", member)  # recorded: an empty resource name
        self._check_settled(group)
        rest = tuple(a for a in group.application_ids if a not in applications)
        return self._set_members(call, group, rest)


def _listed(body: MemberBody) -> tuple[list[str], list[str]]:
    if (body.user_id is None) == (body.application_id is None):
        raise invalid("application_id", "one of user_id and application_id is expected")
    return (
        [body.user_id] if body.user_id else [],
        [body.application_id] if body.application_id else [],
    )
