"""`/iam/v1alpha1`: policies, their rules, and the list of permission sets."""

from typing import Any, Literal

from pydantic import BaseModel

from portal.training.sandbox import permissions
from portal.training.sandbox.conditions import ConditionSyntaxError, parse
from portal.training.sandbox.errors import ApiError, invalid, not_found
from portal.training.sandbox.iam import BASE, NamedBody, NamedPatch, changes_of
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.permissions import PERMISSION_SETS
from portal.training.sandbox.resources import Application, Group, Policy, Project, Resource, Rule
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


PRINCIPALS: dict[str, type[Resource]] = {"application_id": Application, "group_id": Group}


class RuleBody(BaseModel):
    permission_set_names: list[str] | None = None
    condition: str | None = ""
    project_ids: list[str] | None = None
    organization_id: str | None = None


class PrincipalBody(BaseModel):
    application_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    no_principal: bool | None = None


class PolicyBody(NamedBody, PrincipalBody):
    rules: list[RuleBody] | None = None


class PolicyPatch(NamedPatch, PrincipalBody):
    pass


class RulesBody(BaseModel):
    policy_id: str
    rules: list[RuleBody] | None = None


class Policies:
    def __init__(self, organization: Organization) -> None:
        self.organization, self.state = organization, organization.state

    def routes(self) -> list[Route]:
        read, write = permissions.POLICY_READ, permissions.POLICY_WRITE
        base, one = f"{BASE}/policies", f"{BASE}/policies/{{id}}"
        return [
            route("POST", base, write, self.create),
            route("GET", base, read, self.search),
            route("GET", one, read, self.get),
            route("PATCH", one, write, self.update),
            route("DELETE", one, write, self.delete),
            route("POST", f"{one}/clone", write, self.clone),
            route("GET", f"{BASE}/rules", read, self.list_rules),
            route("PUT", f"{BASE}/rules", write, self.set_rules),
            route("GET", f"{BASE}/permission-sets", read, self.list_permission_sets),
        ]

    # Shapes

    def show(self, policy: Policy, *, fresh: bool = False) -> dict[str, Any]:
        """`fresh`: a create answers zero counts although the rules took (recorded)."""
        scopes = {s for r in policy.rules for s in (r.project_ids or (r.organization_id,))}
        sets = {name for rule in policy.rules for name in rule.permission_set_names}
        shown = {
            "id": policy.id,
            "name": policy.name,
            "description": policy.description,
            "organization_id": policy.organization_id,
            "created_at": rfc3339(policy.created_at),
            "updated_at": rfc3339(policy.updated_at),
            "editable": True,
            "deletable": True,
            "managed": False,
            "nb_rules": 0 if fresh else len(policy.rules),
            "nb_scopes": 0 if fresh else len(scopes),
            "nb_permission_sets": 0 if fresh else len(sets),
            "tags": list(policy.tags),
        }
        return shown | principal_of(policy)

    def show_rule(self, rule: Rule) -> dict[str, Any]:
        scope: dict[str, Any] = (
            {"organization_id": rule.organization_id}
            if rule.organization_id is not None
            else {"project_ids": list(rule.project_ids or ())}
        )
        return {
            "id": rule.id,
            "permission_set_names": list(rule.permission_set_names),
            "permission_sets_scope_type": rule.permission_sets_scope_type,
            "condition": rule.condition,
        } | scope

    # Checks

    def check_principal(self, body: PrincipalBody, *, required: bool) -> dict[str, Any] | None:
        """The new principal as fields of Policy; None when the body names none."""
        given = {n: v for n, v in body.model_dump(include=set(PrincipalBody.model_fields)).items()
                 if v}  # fmt: skip
        if not given and not required:
            return None
        if len(given) != 1:
            raise invalid(
                "principal",
                "exactly one of application_id, user_id, group_id, no_principal is expected",
            )
        [(name, value)] = given.items()
        if name == "user_id":  # a sandbox has no users
            raise not_found("user", value)
        if name in PRINCIPALS and self.state.find(PRINCIPALS[name], value) is None:
            raise not_found(name.removesuffix("_id"), value)
        nobody = dict.fromkeys(("application_id", "user_id", "group_id"))
        return nobody if name == "no_principal" else nobody | {name: value}

    def check_rule(self, body: RuleBody) -> Rule:
        names = body.permission_set_names or []
        if not names:
            raise invalid("rules.permission_set_names", "cannot be empty", "required")
        unknown = [name for name in names if name not in PERMISSION_SETS]
        if unknown:
            raise invalid("rules.permission_set_names", f"unknown permission set {unknown[0]}")
        kinds = {PERMISSION_SETS[name].scope_type for name in names}
        if len(kinds) != 1 or (body.project_ids and body.organization_id):
            raise _mixed_scopes()
        kind: Literal["projects", "organization"] = (
            "organization" if kinds == {"organization"} else "projects"
        )
        if body.organization_id is not None:
            self.organization.check(body.organization_id)
        elif not body.project_ids:
            raise invalid("rules.project_ids", "a scope is expected", "required")
        elif kind == "organization":
            raise _mixed_scopes()
        for project_id in body.project_ids or ():
            if self.state.find(Project, project_id) is None:
                raise not_found("project_id", project_id)
        try:
            parse(body.condition) if body.condition else None
        except ConditionSyntaxError as error:
            raise invalid("rules.condition", str(error), "format") from error
        return Rule(
            id=new_id(),
            permission_set_names=tuple(names),
            permission_sets_scope_type=kind,
            condition=body.condition or "",
            project_ids=tuple(body.project_ids) if body.project_ids else None,
            organization_id=body.organization_id,
        )

    def find(self, policy_id: str) -> Policy:
        policy = self.state.find(Policy, policy_id)
        if policy is None:
            raise not_found("policy", policy_id)
        return policy

    # Policies

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.payload(PolicyBody)
        self.organization.check(body.organization_id)
        self.organization.check_quota("iam_policies", len(self.state.all(Policy)))
        now = self.state.clock.now()
        policy = Policy(
            id=new_id(),
            name=check_text("name", body.name, limit=64),
            description=check_text("description", body.description or "", limit=200,
                                   required=False),
            organization_id=self.organization.id,
            created_at=now,
            updated_at=now,
            tags=check_tags(body.tags),
            rules=tuple(self.check_rule(rule) for rule in body.rules or ()),
            **self.check_principal(body, required=True) or {},
        )  # fmt: skip
        self.state.put(policy)
        self.organization.record(call, "created", "policy", policy.id)
        return 200, self.show(policy, fresh=True)

    def search(self, call: Call) -> tuple[int, Any]:
        # a bare `application_id=` is silently ignored by the real service: so it is here
        self.organization.check(call.query("organization_id"))
        name, tag, ids = call.query("policy_name"), call.query("tag"), call.many("policy_ids")
        applications, groups = call.many("application_ids"), call.many("group_ids")
        nobody = call.flag("no_principal")
        found = [
            p
            for p in self.state.all(Policy)
            if (name is None or name in p.name)
            and (tag is None or tag in p.tags)
            and (not ids or p.id in ids)
            and (not applications or p.application_id in applications)
            and (not groups or p.group_id in groups)
            and (nobody is None or nobody == ("no_principal" in principal_of(p)))
            and call.flag("editable") is not False
            and not call.many("user_ids")
        ]
        return 200, page_of(call, found, self.show, "policies")

    def get(self, call: Call) -> tuple[int, Any]:
        return 200, self.show(self.find(call.path["id"]))

    def update(self, call: Call) -> tuple[int, Any]:
        policy, body = self.find(call.path["id"]), call.payload(PolicyPatch)
        changes = changes_of(body) | (self.check_principal(body, required=False) or {})
        policy = policy.model_copy(update=changes | {"updated_at": self.state.clock.now()})
        self.state.put(policy)
        self.organization.record(call, "updated", "policy", policy.id)
        return 200, self.show(policy)

    def delete(self, call: Call) -> tuple[int, Any]:
        policy = self.find(call.path["id"])
        self.state.remove(policy)
        self.organization.record(call, "deleted", "policy", policy.id)
        return 204, None

    def clone(self, call: Call) -> tuple[int, Any]:
        """An unattached copy; the body is ignored, as on a live account."""
        source, now = self.find(call.path["id"]), self.state.clock.now()
        self.organization.check_quota("iam_policies", len(self.state.all(Policy)))
        policy = source.model_copy(
            update={
                "id": new_id(),
                "created_at": now,
                "updated_at": now,
                "application_id": None,
                "group_id": None,
                "rules": tuple(r.model_copy(update={"id": new_id()}) for r in source.rules),
            }
        )
        self.state.put(policy)
        self.organization.record(call, "created", "policy", policy.id)
        return 200, self.show(policy)

    # Rules

    def list_rules(self, call: Call) -> tuple[int, Any]:
        policy_id = call.query("policy_id")
        if policy_id is None:
            raise invalid("policy_id", "is required", "required")
        rules = [self.show_rule(rule) for rule in self.find(policy_id).rules]
        return 200, {"rules": rules, "total_count": len(rules)}

    def set_rules(self, call: Call) -> tuple[int, Any]:
        """Replaces all rules; every rule gets a new id (recorded)."""
        body = call.payload(RulesBody)
        policy = self.find(body.policy_id)
        rules = tuple(self.check_rule(rule) for rule in body.rules or ())
        now = self.state.clock.now()
        self.state.put(policy.model_copy(update={"rules": rules, "updated_at": now}))
        self.organization.record(call, "updated", "policy", policy.id)
        return 200, {"rules": [self.show_rule(rule) for rule in rules]}

    def list_permission_sets(self, call: Call) -> tuple[int, Any]:
        self.organization.check(call.query("organization_id"))
        shown = [
            {
                "id": name,
                "name": name,
                "scope_type": permission_set.scope_type,
                "description": "",
                "categories": [],
            }
            for name, permission_set in PERMISSION_SETS.items()
        ]
        # the SDK asks page after page until an empty one
        size, page = int(call.query("page_size") or 50), int(call.query("page") or 1)
        start = (page - 1) * size
        body = {"permission_sets": shown[start : start + size], "total_count": len(shown)}
        return 200, body


def principal_of(policy: Policy) -> dict[str, Any]:
    if policy.application_id is not None:
        return {"application_id": policy.application_id}
    if policy.group_id is not None:
        return {"group_id": policy.group_id}
    return {"no_principal": True}


def _mixed_scopes() -> ApiError:
    return invalid("rules", "permission sets must be of the same scope type")
