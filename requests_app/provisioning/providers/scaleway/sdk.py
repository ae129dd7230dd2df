"""Scaleway, through its own SDK and boto3. Reached by URL only: it knows of no test double.

Everything lives in `fr-par`: health data hosting (HDS) covers Paris only, so any other region is
refused (H7).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from scaleway import Client
from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.iam.v1alpha1 import IamV1Alpha1API, RuleSpecs

from requests_app.provisioning.providers.errors import NotFound, Permanent
from requests_app.provisioning.providers.scaleway.paging import PAGE, oldest_first, pages
from requests_app.provisioning.providers.scaleway.shape import TAKEN
from requests_app.provisioning.providers.scaleway.storage import BotoKeyHolder, Buckets
from requests_app.provisioning.providers.scaleway.transport import Transport
from requests_app.provisioning.providers.values import (
    BucketState,
    Delivered,
    Found,
    KeyFound,
    NewKey,
    Quota,
)


REGION = "fr-par"
DEFAULT_API = "https://api.scaleway.com"

# The SDK's debug output prints bodies, secrets included (H8).
logging.getLogger("scaleway").setLevel(logging.WARNING)


class _Projects(Transport, AccountV3ProjectAPI):  # type: ignore[misc]
    pass


class _Iam(Transport, IamV1Alpha1API):  # type: ignore[misc]
    pass


@dataclass(frozen=True, slots=True)
class ScalewayConfig:
    """Where and as whom; secrets are left out of `repr`."""

    access_key: str
    secret_key: str = field(repr=False)
    organization_id: str
    region: str = REGION
    api_url: str = ""
    s3_endpoint: str = ""
    portal_application_id: str = ""


class Sdk:
    """`Wire` by the SDK. Raises Permanent at once on a wrong configuration or region."""

    def __init__(
        self,
        config: ScalewayConfig,
        *,
        before_call: Callable[[], None] = lambda: None,
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        if config.region != REGION:
            raise Permanent(f"region {config.region!r} refused: health data stay in {REGION}")
        if not (config.access_key and config.secret_key and config.organization_id):
            raise Permanent(
                "SCW_ACCESS_KEY, SCW_SECRET_KEY, SCW_DEFAULT_ORGANIZATION_ID are needed"
            )
        self.region = config.region
        self.endpoint = config.s3_endpoint or f"https://s3.{config.region}.scw.cloud"
        self.before_call, self.hurried = before_call, hurried
        self._config = config
        self._principal = (
            f"application_id:{config.portal_application_id}" if config.portal_application_id else ""
        )
        # No default project: a call without an id would fall back to it, a deletion too.
        client = Client(
            access_key=config.access_key,
            secret_key=config.secret_key,
            api_url=(config.api_url or DEFAULT_API).rstrip("/"),
            default_organization_id=config.organization_id,
            default_region=config.region,
        )
        try:
            self._projects, self._iam = _Projects(client), _Iam(client)
        except ValueError as error:
            raise Permanent(f"SCW_*: {error}") from error
        session = requests.Session()
        for api in (self._projects, self._iam):
            api.session = session
            api.before_call = self._hook
            api.hurried = self._hurried
        self._buckets = Buckets(
            endpoint=self.endpoint,
            region=config.region,
            access_key=config.access_key,
            secret_key=config.secret_key,
            before_call=self._hook,
            hurried=self._hurried,
        )

    def _hook(self) -> None:
        self.before_call()

    def _hurried(self) -> bool:
        return self.hurried()

    @property
    def _organization(self) -> str:
        return self._config.organization_id

    def portal_principal(self) -> str:
        if not self._principal:
            key = self._iam.get_api_key(access_key=self._config.access_key)
            bearer = "application_id" if key.application_id else "user_id"
            self._principal = f"{bearer}:{key.application_id or key.user_id}"
        return self._principal

    def quotas(self) -> Sequence[Quota]:
        """Limits of the organisation with what is used of those that can be counted by a list."""
        org = self._organization
        counts: dict[str, Callable[[], Any]] = {
            "project": lambda: self._projects.list_projects(organization_id=org, page_size=1),
            "application": lambda: self._iam.list_applications(organization_id=org, page_size=1),
            "group": lambda: self._iam.list_groups(organization_id=org, page_size=1),
            "polic": lambda: self._iam.list_policies(organization_id=org, page_size=1),
            "api_key": lambda: self._iam.list_api_keys(organization_id=org, page_size=1),
            "bucket": lambda: None,
        }
        found: list[Quota] = []
        for quotum in pages(lambda p: self._iam.list_quota(page=p, page_size=PAGE), "quota"):
            kind = next((word for word in counts if word in quotum.name), None)
            if kind is None:
                continue
            answer = counts[kind]()
            used = int(answer.total_count or 0) if answer is not None else None
            limit = None if quotum.unlimited else quotum.limit
            found.append(Quota(quotum.name, limit, used, *TAKEN[kind]))
        return found

    # --- Projects ---------------------------------------------------------------------------

    def find_projects(self, *, name: str, marker: str) -> Sequence[Found]:
        listed = pages(
            lambda p: self._projects.list_projects(
                organization_id=self._organization, name=name, page=p, page_size=PAGE
            ),
            "projects",
        )
        return oldest_first(p for p in listed if p.name == name and marker in p.description)

    def create_project(self, *, name: str, marker: str) -> str:
        made = self._projects.create_project(
            name=name, description=marker, organization_id=self._organization
        )
        return str(made.id)

    def delete_project(self, project: str) -> None:
        if not project or project == self._organization:
            raise ValueError("the organisation's default project is never deleted")
        with suppress(NotFound):
            self._projects.delete_project(project_id=project)

    # --- Identities -------------------------------------------------------------------------

    def find_applications(self, *, tag: str) -> Sequence[Found]:
        listed = pages(
            lambda p: self._iam.list_applications(
                organization_id=self._organization, tag=tag, page=p, page_size=PAGE
            ),
            "applications",
        )
        return oldest_first(a for a in listed if tag in (a.tags or []))

    def create_application(self, *, name: str, tags: Sequence[str]) -> str:
        made = self._iam.create_application(
            name=name, description="", organization_id=self._organization, tags=list(tags)
        )
        return str(made.id)

    def application_exists(self, application: str) -> bool:
        try:
            self._iam.get_application(application_id=_need(application))
        except NotFound:
            return False
        return True

    def delete_application(self, application: str) -> None:
        _need(application)
        with suppress(NotFound):
            self._iam.delete_application(application_id=application)

    def find_groups(self, *, tag: str) -> Sequence[Found]:
        listed = pages(
            lambda p: self._iam.list_groups(
                organization_id=self._organization, tag=tag, page=p, page_size=PAGE
            ),
            "groups",
        )
        return oldest_first(g for g in listed if tag in (g.tags or []))

    def create_group(self, *, name: str, tags: Sequence[str]) -> str:
        made = self._iam.create_group(
            name=name, description="", organization_id=self._organization, tags=list(tags)
        )
        return str(made.id)

    def group_members(self, group: str) -> frozenset[str]:
        _need(group)
        found = self._iam.get_group(group_id=group)
        return frozenset([*(found.application_ids or []), *(found.user_ids or [])])

    def set_group_members(self, group: str, applications: Sequence[str]) -> None:
        _need(group)
        self._iam.set_group_members(group_id=group, user_ids=[], application_ids=list(applications))

    def delete_group(self, group: str) -> None:
        _need(group)
        with suppress(NotFound):
            self._iam.delete_group(group_id=group)

    def find_policies(self, *, tag: str) -> Sequence[Found]:
        # Some filters of this list are silently ignored: what it answers is filtered again.
        listed = pages(
            lambda p: self._iam.list_policies(
                organization_id=self._organization, tag=tag, page=p, page_size=PAGE
            ),
            "policies",
        )
        return oldest_first(p for p in listed if tag in (p.tags or []))

    def create_policy(
        self,
        *,
        name: str,
        tags: Sequence[str],
        group: str,
        project: str,
        permission_sets: Sequence[str],
    ) -> str:
        made = self._iam.create_policy(
            name=name,
            description="",
            organization_id=self._organization,
            tags=list(tags),
            group_id=_need(group),
            rules=[_rule(project, permission_sets)],
        )
        return str(made.id)

    def policy_principal(self, policy: str) -> str:
        found = self._iam.get_policy(policy_id=_need(policy))
        return str(found.group_id or found.application_id or found.user_id or "")

    def bind_policy(self, policy: str, *, group: str) -> None:
        self._iam.update_policy(policy_id=_need(policy), group_id=_need(group))

    def policy_rules(self, policy: str) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
        _need(policy)
        rules = pages(
            lambda p: self._iam.list_rules(policy_id=policy, page=p, page_size=PAGE), "rules"
        )
        return frozenset(
            (frozenset(r.permission_set_names or []), frozenset(r.project_ids or [])) for r in rules
        )

    def set_policy_rules(
        self, policy: str, *, project: str, permission_sets: Sequence[str]
    ) -> None:
        self._iam.set_rules(policy_id=_need(policy), rules=[_rule(project, permission_sets)])

    def delete_policy(self, policy: str) -> None:
        _need(policy)
        with suppress(NotFound):
            self._iam.delete_policy(policy_id=policy)

    # --- Keys -------------------------------------------------------------------------------

    def find_keys(self, *, application: str) -> Sequence[KeyFound]:
        _need(application)
        keys = pages(
            lambda p: self._iam.list_api_keys(
                organization_id=self._organization,
                application_id=application,
                page=p,
                page_size=PAGE,
            ),
            "api_keys",
        )
        return [
            KeyFound(key.access_key, key.description or "", key.expires_at)
            for key in keys
            if key.application_id == application
        ]

    def create_key(
        self, *, application: str, marker: str, project: str, expires_at: datetime
    ) -> NewKey:
        made = self._iam.create_api_key(
            application_id=_need(application),
            description=marker,
            default_project_id=_need(project),
            expires_at=expires_at.astimezone(UTC),
        )
        return NewKey(made.access_key, str(made.secret_key))

    def key_exists(self, access_key: str) -> bool:
        return self.key_bearer(access_key) is not None

    def key_bearer(self, access_key: str) -> str | None:
        try:
            key = self._iam.get_api_key(access_key=_need(access_key))
        except NotFound:
            return None
        return str(key.application_id or key.user_id or "")

    def delete_key(self, access_key: str) -> None:
        if _need(access_key) == self._config.access_key:
            raise ValueError("the portal's own key is never deleted")
        with suppress(NotFound):
            self._iam.delete_api_key(access_key=access_key)

    # --- Buckets ----------------------------------------------------------------------------

    def bucket_state(self, bucket: str, *, project: str) -> BucketState | None:
        return self._buckets.state(bucket, project=project)

    def bucket_owner(self, bucket: str, *, project: str) -> str | None:
        return self._buckets.owner(bucket, project=project)

    def bucket_policy(self, bucket: str, *, project: str) -> Mapping[str, Any] | None:
        return self._buckets.policy(bucket, project=project)

    def create_bucket(self, bucket: str, *, project: str) -> None:
        self._buckets.create(bucket, project=project)

    def encrypt_bucket(self, bucket: str, *, project: str) -> None:
        self._buckets.encrypt(bucket, project=project)

    def put_bucket_policy(self, bucket: str, policy: Mapping[str, Any], *, project: str) -> None:
        self._buckets.put_policy(bucket, policy, project=project)

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
        self._buckets.upload(
            bucket, key, source, project=project, sha256=sha256, encrypted=encrypted
        )

    def object_state(self, bucket: str, key: str, *, project: str) -> Delivered | None:
        return self._buckets.object_state(bucket, key, project=project)

    def key_holder(self, access_key: str, secret_key: str) -> BotoKeyHolder:
        return BotoKeyHolder(
            endpoint=self.endpoint,
            region=self.region,
            access_key=access_key,
            secret_key=secret_key,
            before_call=self._hook,
        )


def _need(value: str) -> str:
    if not value:
        raise ValueError("an id is needed: an empty one would address something else")
    return value


def _rule(project: str, permission_sets: Sequence[str]) -> RuleSpecs:
    return RuleSpecs(
        condition="", permission_set_names=list(permission_sets), project_ids=[_need(project)]
    )
