"""`/account/v3/projects`. A project is deleted only when empty (412 otherwise, recorded)."""

from typing import Any

from pydantic import BaseModel

from portal.training.sandbox import permissions
from portal.training.sandbox.errors import forbidden, not_found, precondition_failed
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.resources import Project
from portal.training.sandbox.web import Call, Route, check_text, new_id, page_of, rfc3339, route


class ProjectBody(BaseModel):
    name: str
    organization_id: str | None = None
    description: str | None = ""


class ProjectPatch(BaseModel):
    name: str | None = None
    description: str | None = None


class Projects:
    def __init__(self, organization: Organization) -> None:
        self.organization, self.state = organization, organization.state

    def routes(self) -> list[Route]:
        base, one = "/account/v3/projects", "/account/v3/projects/{id}"
        read, write = permissions.PROJECT_READ, permissions.PROJECT_WRITE
        return [
            route("POST", base, write, self.create),
            route("GET", base, read, self.search),
            route("GET", one, read, self.get),
            route("PATCH", one, write, self.update),
            route("DELETE", one, write, self.delete),
        ]

    def show(self, project: Project, *, detailed: bool) -> dict[str, Any]:
        return {
            "id": project.id,
            "name": project.name,
            "organization_id": project.organization_id,
            "created_at": rfc3339(project.created_at),
            "updated_at": rfc3339(project.updated_at),
            "description": project.description,
            # POST and PATCH answer null, GET answers this (recorded)
            "qualification": {"architecture_type": "unknown_architecture_type"}
            if detailed
            else None,
        }

    def find(self, call: Call) -> Project:
        project = self.state.find(Project, call.path["id"])
        if project is None:
            raise not_found("project_id", call.path["id"])
        return project

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.payload(ProjectBody)
        self.organization.check(body.organization_id)
        self.organization.check_quota("projects", len(self.state.all(Project)))
        now = self.state.clock.now()
        project = Project(
            id=new_id(),
            name=check_text("name", body.name, limit=64),
            organization_id=self.organization.id,
            description=check_text("description", body.description or "", limit=200,
                                   required=False),
            created_at=now,
            updated_at=now,
        )  # fmt: skip
        self.state.put(project)
        return 200, self.show(project, detailed=False)

    def search(self, call: Call) -> tuple[int, Any]:
        self.organization.check(call.query("organization_id"))
        name, ids = call.query("name"), call.many("project_ids")
        found = [
            p
            for p in self.state.all(Project)
            if (name is None or p.name == name) and (not ids or p.id in ids)
        ]
        return 200, page_of(call, found, lambda p: self.show(p, detailed=True), "projects")

    def get(self, call: Call) -> tuple[int, Any]:
        return 200, self.show(self.find(call), detailed=True)

    def update(self, call: Call) -> tuple[int, Any]:
        project, body = self.find(call), call.payload(ProjectPatch)
        changes: dict[str, Any] = {"updated_at": self.state.clock.now()}
        if body.name is not None:
            changes["name"] = check_text("name", body.name, limit=64)
        if body.description is not None:
            changes["description"] = check_text(
                "description", body.description, limit=200, required=False
            )
        project = project.model_copy(update=changes)
        self.state.put(project)
        return 200, self.show(project, detailed=False)

    def delete(self, call: Call) -> tuple[int, Any]:
        project = self.find(call)
        if project.id == self.organization.id:
            raise forbidden("delete", "project")
        if self.state.buckets_of(project.id):
            raise precondition_failed(
                "resource_still_in_use", "the project still contains resources"
            )
        self.state.remove(project)
        return 204, None
