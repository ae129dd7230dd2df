"""What is asked of Scaleway, in its own words: one exchange a call, or the pages of one list.

Every `create_*` may be applied although its answer is lost; every `find_*` is how one learns it.
`delete_*` treat "not there" as done. Names and tags are at most 64 and 200 characters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from requests_app.provisioning.providers.port import KeyHolder
from requests_app.provisioning.providers.values import (
    BucketState,
    Delivered,
    Found,
    KeyFound,
    NewKey,
    Quota,
)


Rules = frozenset[tuple[frozenset[str], frozenset[str]]]


class Wire(Protocol):
    """Any call may raise ProviderError."""

    @property
    def region(self) -> str: ...

    @property
    def endpoint(self) -> str: ...

    def portal_principal(self) -> str:
        """The portal as bucket policies name it: `application_id:…` or `user_id:…`."""
        ...

    def quotas(self) -> Sequence[Quota]: ...

    # Projects
    def find_projects(self, *, name: str, marker: str) -> Sequence[Found]:
        """Projects of exactly this name whose description carries the marker, oldest first."""
        ...

    def create_project(self, *, name: str, marker: str) -> str: ...

    def delete_project(self, project: str) -> None:
        """Raises Busy while something is inside."""
        ...

    # Identities
    def find_applications(self, *, tag: str) -> Sequence[Found]:
        """Applications that carry exactly this tag, oldest first."""
        ...

    def create_application(self, *, name: str, tags: Sequence[str]) -> str: ...

    def application_exists(self, application: str) -> bool: ...

    def delete_application(self, application: str) -> None: ...

    def find_groups(self, *, tag: str) -> Sequence[Found]: ...

    def create_group(self, *, name: str, tags: Sequence[str]) -> str: ...

    def group_members(self, group: str) -> frozenset[str]:
        """Ids of all members, applications or not. Raises NotFound."""
        ...

    def set_group_members(self, group: str, applications: Sequence[str]) -> None: ...

    def delete_group(self, group: str) -> None: ...

    def find_policies(self, *, tag: str) -> Sequence[Found]: ...

    def create_policy(
        self,
        *,
        name: str,
        tags: Sequence[str],
        group: str,
        project: str,
        permission_sets: Sequence[str],
    ) -> str: ...

    def policy_principal(self, policy: str) -> str:
        """Id of the one whom the policy's rules are for, empty: nobody. Raises NotFound."""
        ...

    def bind_policy(self, policy: str, *, group: str) -> None:
        """Give the policy's rules to this group, and to nobody else."""
        ...

    def policy_rules(self, policy: str) -> Rules:
        """(permission sets, project ids) of each rule; ids of rules change and are not kept."""
        ...

    def set_policy_rules(
        self, policy: str, *, project: str, permission_sets: Sequence[str]
    ) -> None: ...

    def delete_policy(self, policy: str) -> None: ...

    # Keys
    def find_keys(self, *, application: str) -> Sequence[KeyFound]: ...

    def create_key(
        self, *, application: str, marker: str, project: str, expires_at: datetime
    ) -> NewKey: ...

    def key_exists(self, access_key: str) -> bool: ...

    def key_bearer(self, access_key: str) -> str | None: ...

    def delete_key(self, access_key: str) -> None: ...

    # Buckets; `project` is the one they belong to. Where no bucket has the name, whatever reads or
    # writes something of it raises BucketGone.
    def bucket_state(self, bucket: str, *, project: str) -> BucketState | None: ...

    def bucket_owner(self, bucket: str, *, project: str) -> str | None: ...

    def bucket_policy(self, bucket: str, *, project: str) -> Mapping[str, Any] | None: ...

    def create_bucket(self, bucket: str, *, project: str) -> None: ...

    def encrypt_bucket(self, bucket: str, *, project: str) -> None: ...

    def put_bucket_policy(
        self, bucket: str, policy: Mapping[str, Any], *, project: str
    ) -> None: ...

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
        """Send a file; on return the object has its size and carries `sha256` as metadata."""
        ...

    def object_state(self, bucket: str, key: str, *, project: str) -> Delivered | None: ...

    # Use
    def key_holder(self, access_key: str, secret_key: str) -> KeyHolder: ...
