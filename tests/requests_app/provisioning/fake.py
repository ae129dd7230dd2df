"""Scaleway in memory, for the tests that need hundreds of runs: the product's own verbs over it.

`tests/contracts/test_provisioning_backend.py` holds it and the real one to the same contract.
`crash_at` ends a run at its n-th exchange, before or after the exchange was applied.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from requests_app.provisioning.providers.errors import (
    AlreadyExists,
    BucketGone,
    Busy,
    Denied,
    NotFound,
)
from requests_app.provisioning.providers.scaleway.provider import Scaleway
from requests_app.provisioning.providers.values import (
    Answer,
    BucketState,
    Delivered,
    Found,
    KeyFound,
    NewKey,
    Quota,
)


class Killed(BaseException):
    """The worker is gone: nothing of ours may catch this."""


@dataclass
class Thing:
    id: str
    name: str
    tags: list[str] = field(default_factory=list)
    marker: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    members: set[str] = field(default_factory=set)
    group: str = ""
    rules: set[tuple[frozenset[str], frozenset[str]]] = field(default_factory=set)


@dataclass
class Key:
    access_key: str
    secret_key: str
    application: str
    project: str
    description: str
    expires_at: datetime


@dataclass
class Bucket:
    project: str
    policy: dict[str, Any] | None = None
    encrypted: bool = False
    lifecycle: bool = False
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)


class FakeBackend(Scaleway):
    """A `Wire` in dictionaries; authorisation as H9 says, in short."""

    region, endpoint = "fr-par", "https://s3.fake.example"

    def __init__(self) -> None:
        super().__init__(self)
        self.projects: dict[str, Thing] = {}
        self.applications: dict[str, Thing] = {}
        self.groups: dict[str, Thing] = {}
        self.policies: dict[str, Thing] = {}
        self.keys: dict[str, Key] = {}
        self.buckets: dict[str, Bucket] = {}
        self.calls: list[str] = []
        self.crash_at: tuple[int, str] | None = None
        # What a provider may do to one exchange: raise before it is applied, or instead of saying
        # that it was.
        self.weather: Callable[[str], None] = lambda _name: None
        self.lost: Callable[[str], None] = lambda _name: None
        self.looked_at: list[str] = []  # bucket names

    # --- One exchange -----------------------------------------------------------------------

    def _call(self, name: str, apply: Callable[[], Any]) -> Any:
        self.before_call()
        number = len(self.calls)
        self.calls.append(name)
        if self.crash_at == (number, "before"):
            raise Killed(name)
        self.weather(name)
        answer = apply()
        self.lost(name)
        if self.crash_at == (number, "after"):
            raise Killed(name)
        return answer

    def portal_principal(self) -> str:
        return "application_id:portal"

    def quotas(self) -> Sequence[Quota]:
        return [Quota("projects", 25, len(self.projects), per_study=1)]

    def _new(self, where: dict[str, Thing], **fields: Any) -> str:
        thing = Thing(str(uuid.uuid4()), **fields)
        where[thing.id] = thing
        return thing.id

    @staticmethod
    def _tagged(where: dict[str, Thing], tag: str) -> list[Found]:
        found = [t for t in where.values() if tag in t.tags]
        return [Found(t.id, t.name, t.created_at) for t in found]

    # --- Projects, identities -----------------------------------------------------------------

    def find_projects(self, *, name: str, marker: str) -> Sequence[Found]:
        return self._call(
            "find_projects",
            lambda: [
                Found(p.id, p.name, p.created_at)
                for p in self.projects.values()
                if p.name == name and marker in p.marker
            ],
        )

    def create_project(self, *, name: str, marker: str) -> str:
        return str(
            self._call("create_project", lambda: self._new(self.projects, name=name, marker=marker))
        )

    def delete_project(self, project: str) -> None:
        def apply() -> None:
            if any(b.project == project for b in self.buckets.values()):
                raise Busy("resource_still_in_use")
            self.projects.pop(project, None)

        self._call("delete_project", apply)

    def find_applications(self, *, tag: str) -> Sequence[Found]:
        return self._call("find_applications", lambda: self._tagged(self.applications, tag))

    def create_application(self, *, name: str, tags: Sequence[str]) -> str:
        return str(
            self._call(
                "create_application",
                lambda: self._new(self.applications, name=name, tags=list(tags)),
            )
        )

    def application_exists(self, application: str) -> bool:
        return bool(self._call("application_exists", lambda: application in self.applications))

    def delete_application(self, application: str) -> None:
        def apply() -> None:
            self.applications.pop(application, None)
            for group in self.groups.values():
                group.members.discard(application)

        self._call("delete_application", apply)

    def find_groups(self, *, tag: str) -> Sequence[Found]:
        return self._call("find_groups", lambda: self._tagged(self.groups, tag))

    def create_group(self, *, name: str, tags: Sequence[str]) -> str:
        return str(
            self._call("create_group", lambda: self._new(self.groups, name=name, tags=list(tags)))
        )

    def _group(self, group: str) -> Thing:
        if group not in self.groups:
            raise NotFound("group", status=404)
        return self.groups[group]

    def group_members(self, group: str) -> frozenset[str]:
        return self._call("group_members", lambda: frozenset(self._group(group).members))

    def set_group_members(self, group: str, applications: Sequence[str]) -> None:
        def apply() -> None:
            self._group(group).members = set(applications)

        self._call("set_group_members", apply)

    def delete_group(self, group: str) -> None:
        self._call("delete_group", lambda: self.groups.pop(group, None))

    def find_policies(self, *, tag: str) -> Sequence[Found]:
        return self._call("find_policies", lambda: self._tagged(self.policies, tag))

    def create_policy(
        self,
        *,
        name: str,
        tags: Sequence[str],
        group: str,
        project: str,
        permission_sets: Sequence[str],
    ) -> str:
        rule = (frozenset(permission_sets), frozenset({project}))
        return str(
            self._call(
                "create_policy",
                lambda: self._new(
                    self.policies, name=name, tags=list(tags), group=group, rules={rule}
                ),
            )
        )

    def policy_principal(self, policy: str) -> str:
        def apply() -> str:
            if policy not in self.policies:
                raise NotFound("policy", status=404)
            group = self.policies[policy].group
            return group if group in self.groups else ""  # its group deleted, a policy has nobody

        return str(self._call("policy_principal", apply))

    def bind_policy(self, policy: str, *, group: str) -> None:
        def apply() -> None:
            if policy not in self.policies or group not in self.groups:
                raise NotFound("policy or group", status=404)
            self.policies[policy].group = group

        self._call("bind_policy", apply)

    def policy_rules(self, policy: str) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
        def apply() -> frozenset[tuple[frozenset[str], frozenset[str]]]:
            if policy not in self.policies:
                raise NotFound("policy", status=404)
            return frozenset(self.policies[policy].rules)

        return self._call("policy_rules", apply)

    def set_policy_rules(
        self, policy: str, *, project: str, permission_sets: Sequence[str]
    ) -> None:
        def apply() -> None:
            self.policies[policy].rules = {(frozenset(permission_sets), frozenset({project}))}

        self._call("set_policy_rules", apply)

    def delete_policy(self, policy: str) -> None:
        self._call("delete_policy", lambda: self.policies.pop(policy, None))

    # --- Keys -----------------------------------------------------------------------------------

    def find_keys(self, *, application: str) -> Sequence[KeyFound]:
        return self._call(
            "find_keys",
            lambda: [
                KeyFound(k.access_key, k.description, k.expires_at)
                for k in self.keys.values()
                if k.application == application
            ],
        )

    def create_key(
        self, *, application: str, marker: str, project: str, expires_at: datetime
    ) -> NewKey:
        def apply() -> NewKey:
            if application not in self.applications:
                raise NotFound("application", status=404)
            made = Key(
                f"SCW{uuid.uuid4().hex[:17].upper()}",
                str(uuid.uuid4()),
                application,
                project,
                marker,
                expires_at,
            )
            self.keys[made.access_key] = made
            return NewKey(made.access_key, made.secret_key)

        made: NewKey = self._call("create_key", apply)
        return made

    def key_exists(self, access_key: str) -> bool:
        return bool(self._call("key_exists", lambda: access_key in self.keys))

    def key_bearer(self, access_key: str) -> str | None:
        def apply() -> str | None:
            return self.keys[access_key].application if access_key in self.keys else None

        bearer: str | None = self._call("key_bearer", apply)
        return bearer

    def delete_key(self, access_key: str) -> None:
        self._call("delete_key", lambda: self.keys.pop(access_key, None))

    # --- Buckets ----------------------------------------------------------------------------------

    def _own(self, bucket: str, project: str) -> Bucket | None:
        found = self.buckets.get(bucket)
        if found is not None and found.project != project:
            raise Denied("AccessDenied", status=403)
        return found

    def _there(self, bucket: str, project: str) -> Bucket:
        found = self._own(bucket, project)
        if found is None:
            raise BucketGone("NoSuchBucket", status=404)
        return found

    def bucket_state(self, bucket: str, *, project: str) -> BucketState | None:
        def apply() -> BucketState | None:
            found = self._own(bucket, project)
            if found is None:
                return None
            return BucketState(found.project, found.encrypted, found.lifecycle)

        state: BucketState | None = self._call("bucket_state", apply)
        return state

    def bucket_owner(self, bucket: str, *, project: str) -> str | None:
        def apply() -> str | None:
            found = self._own(bucket, project)
            return found.project if found else None

        if bucket not in self.looked_at:
            self.looked_at.append(bucket)
        owner: str | None = self._call("bucket_owner", apply)
        return owner

    def bucket_policy(self, bucket: str, *, project: str) -> Mapping[str, Any] | None:
        def apply() -> Mapping[str, Any] | None:
            return self._there(bucket, project).policy

        policy: Mapping[str, Any] | None = self._call("bucket_policy", apply)
        return policy

    def create_bucket(self, bucket: str, *, project: str) -> None:
        def apply() -> None:
            if bucket in self.buckets:
                raise AlreadyExists
            self.buckets[bucket] = Bucket(project)

        self._call("create_bucket", apply)

    def encrypt_bucket(self, bucket: str, *, project: str) -> None:
        def apply() -> None:
            self._there(bucket, project).encrypted = True

        self._call("encrypt_bucket", apply)

    def put_bucket_policy(self, bucket: str, policy: Mapping[str, Any], *, project: str) -> None:
        def apply() -> None:
            self._there(bucket, project).policy = json.loads(json.dumps(policy))

        self._call("put_bucket_policy", apply)

    def upload(
        self,
        bucket: str,
        key: str,
        source: Path,
        *,
        project: str,
        sha256: str,
        encrypted: bool = False,
    ) -> None:
        def apply() -> None:
            found = self._there(bucket, project)
            assert found.policy is not None, "data before the fence"
            assert found.encrypted or encrypted, "data before encryption"
            found.objects[key] = (source.read_bytes(), sha256)

        self._call("upload", apply)

    def object_state(self, bucket: str, key: str, *, project: str) -> Delivered | None:
        def apply() -> Delivered | None:
            found = self._own(bucket, project)
            if found is None or key not in found.objects:
                return None
            return Delivered(found.objects[key][1], encrypted=True)

        state: Delivered | None = self._call("object_state", apply)
        return state

    def key_holder(self, access_key: str, secret_key: str) -> "FakeHolder":
        return FakeHolder(self, access_key, secret_key)


class FakeHolder:
    """A key at work: IAM by group and project, and the bucket's policy."""

    def __init__(self, backend: FakeBackend, access_key: str, secret_key: str) -> None:
        self._backend, self._access_key, self._secret_key = backend, access_key, secret_key

    def _may(self, bucket: str, action: str) -> bool:
        key = self._backend.keys.get(self._access_key)
        found = self._backend.buckets[bucket]
        if key is None or key.secret_key != self._secret_key or key.project != found.project:
            return False
        groups = {g.id for g in self._backend.groups.values() if key.application in g.members}
        iam = any(
            p.group in groups and any(found.project in projects for _sets, projects in p.rules)
            for p in self._backend.policies.values()
        )
        if found.policy is None:
            return iam
        named = f"application_id:{key.application}"
        return iam and any(
            named in json.dumps(s["Principal"]) and (s["Action"] == "*" or action in s["Action"])
            for s in found.policy["Statement"]
        )

    def _try(self, bucket: str, action: str, apply: Callable[[], int]) -> Answer:
        def run() -> Answer:
            if bucket not in self._backend.buckets:
                return Answer(404, "fake", "NoSuchBucket")
            return Answer(apply() if self._may(bucket, action) else 403, "fake")

        answer: Answer = self._backend._call(f"probe {action}", run)
        return answer

    def list(self, bucket: str, *, prefix: str = "") -> Answer:
        return self._try(bucket, "s3:ListBucket", lambda: 200)

    def get(self, bucket: str, key: str) -> Answer:
        objects = self._backend.buckets[bucket].objects if bucket in self._backend.buckets else {}
        return self._try(bucket, "s3:GetObject", lambda: 200 if key in objects else 404)

    def put(self, bucket: str, key: str, body: bytes) -> Answer:
        def apply() -> int:
            self._backend.buckets[bucket].objects[key] = (body, "")
            return 200

        return self._try(bucket, "s3:PutObject", apply)

    def delete(self, bucket: str, key: str) -> Answer:
        def apply() -> int:
            self._backend.buckets[bucket].objects.pop(key, None)
            return 204

        return self._try(bucket, "s3:DeleteObject", apply)
