"""Permission sets, what each contains, and whether a bearer's rules allow an operation.

Only the sets over what the sandbox serves (projects, IAM, Object Storage) contain permissions. The
others are known by name, as a policy may carry them, and allow nothing here.
Source: the mapping in Scaleway's Object Storage and IAM documentation (permission sets).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.training.sandbox.conditions import Facts, holds
from portal.training.sandbox.resources import Policy, Rule
from portal.training.sandbox.state import View


ORGANIZATION, PROJECTS = "organization", "projects"

PROJECT_READ, PROJECT_WRITE = "project:read", "project:write"
APPLICATION_READ, APPLICATION_WRITE = "application:read", "application:write"
API_KEY_READ, API_KEY_WRITE = "api_key:read", "api_key:write"
GROUP_READ, GROUP_WRITE = "group:read", "group:write"
POLICY_READ, POLICY_WRITE = "policy:read", "policy:write"
ORGANIZATION_READ, ORGANIZATION_WRITE = "organization:read", "organization:write"
LOG_READ = "log:read"

OBJECTS_READ, OBJECTS_WRITE, OBJECTS_DELETE = "objects:read", "objects:write", "objects:delete"
BUCKETS_READ, BUCKETS_WRITE, BUCKETS_DELETE = "buckets:read", "buckets:write", "buckets:delete"
BUCKET_POLICY_READ, BUCKET_POLICY_WRITE = "bucket_policy:read", "bucket_policy:write"

_PROJECT = {PROJECT_READ, PROJECT_WRITE}
_IAM_READ = {APPLICATION_READ, API_KEY_READ, GROUP_READ, POLICY_READ, ORGANIZATION_READ, LOG_READ}
_IAM = _IAM_READ | {APPLICATION_WRITE, API_KEY_WRITE, GROUP_WRITE, POLICY_WRITE, ORGANIZATION_WRITE}
_STORAGE_READ = {OBJECTS_READ, BUCKETS_READ, BUCKET_POLICY_READ}
_STORAGE = _STORAGE_READ | {
    OBJECTS_WRITE, OBJECTS_DELETE, BUCKETS_WRITE, BUCKETS_DELETE, BUCKET_POLICY_WRITE,
}  # fmt: skip

STORAGE = frozenset(_STORAGE)

_SERVED: dict[str, tuple[str, set[str]]] = {
    "ProjectManager": (ORGANIZATION, _PROJECT),
    "ProjectReadOnly": (ORGANIZATION, {PROJECT_READ}),
    "OrganizationManager": (ORGANIZATION, _PROJECT | _IAM),
    "OrganizationReadOnly": (ORGANIZATION, {PROJECT_READ, ORGANIZATION_READ}),
    "IAMManager": (ORGANIZATION, _PROJECT | _IAM),
    "IAMReadOnly": (ORGANIZATION, _IAM_READ),
    "IAMApplicationManager": (
        ORGANIZATION,
        {APPLICATION_READ, APPLICATION_WRITE, API_KEY_READ, API_KEY_WRITE},
    ),
    "IAMGroupManager": (ORGANIZATION, {GROUP_READ, GROUP_WRITE}),
    "IAMPolicyManager": (ORGANIZATION, {POLICY_READ, POLICY_WRITE}),
    "IAMUserManager": (ORGANIZATION, set()),
    "AuditTrailReadOnly": (ORGANIZATION, set()),
    "AuditTrailFullAccess": (ORGANIZATION, set()),
    "BillingReadOnly": (ORGANIZATION, set()),
    "BillingManager": (ORGANIZATION, set()),
    "ObjectStorageFullAccess": (PROJECTS, _STORAGE),
    "ObjectStorageReadOnly": (PROJECTS, _STORAGE_READ),
    "ObjectStorageObjectsRead": (PROJECTS, {OBJECTS_READ}),
    "ObjectStorageObjectsWrite": (PROJECTS, {OBJECTS_WRITE}),
    "ObjectStorageObjectsDelete": (PROJECTS, {OBJECTS_DELETE}),
    "ObjectStorageBucketsRead": (PROJECTS, {BUCKETS_READ}),
    "ObjectStorageBucketsWrite": (PROJECTS, {BUCKETS_WRITE}),
    "ObjectStorageBucketsDelete": (PROJECTS, {BUCKETS_DELETE}),
    "ObjectStorageBucketPolicyFullAccess": (PROJECTS, {BUCKET_POLICY_READ, BUCKET_POLICY_WRITE}),
    "AllProductsFullAccess": (PROJECTS, _STORAGE),
    "AllProductsReadOnly": (PROJECTS, _STORAGE_READ),
}
_OTHER_PRODUCTS = (
    "BlockStorage", "ContainerRegistry", "Containers", "DataLab", "DomainsDNS", "Functions",
    "IPAM", "Instances", "KeyManager", "Kubernetes", "LoadBalancers", "Observability",
    "PrivateNetworks", "RelationalDatabases", "SSHKeys", "SecretManager", "VPC", "VPCGateway",
)  # fmt: skip


@dataclass(frozen=True)
class PermissionSet:
    name: str
    scope_type: str
    permissions: frozenset[str]


_UNSERVED = {
    f"{product}{level}": (PROJECTS, set[str]())
    for product in _OTHER_PRODUCTS
    for level in ("FullAccess", "ReadOnly")
}
PERMISSION_SETS: dict[str, PermissionSet] = {
    name: PermissionSet(name, scope_type, frozenset(permissions))
    for name, (scope_type, permissions) in sorted((_SERVED | _UNSERVED).items())
}


def policies_of(view: View, application_id: str) -> Iterator[Policy]:
    """The policies of an application, its own and those of its groups (rights only add up)."""
    groups = {g.id for g in view.groups.values() if application_id in g.application_ids}
    for policy in view.policies.values():
        if policy.application_id == application_id or policy.group_id in groups:
            yield policy


def covers(rule: Rule, project_id: str | None) -> bool:
    """Whether the rule's scope covers the project; `None` asks for the organization itself."""
    if project_id is None:
        return rule.organization_id is not None
    # an organization scope with project-type sets means all present and future projects
    return rule.organization_id is not None or project_id in (rule.project_ids or ())


def permissions_in(rule: Rule) -> frozenset[str]:
    sets = (PERMISSION_SETS.get(name) for name in rule.permission_set_names)
    return frozenset().union(*(s.permissions for s in sets if s is not None))


def allowed(
    view: View, application_id: str, permission: str, *, project_id: str | None, facts: Facts
) -> bool:
    """Whether some rule of the application grants `permission` (there is no deny in IAM)."""
    return any(
        covers(rule, project_id)
        and permission in permissions_in(rule)
        and holds(rule.condition, facts)
        for policy in policies_of(view, application_id)
        for rule in policy.rules
    )
