"""Scaleway behind the port: our verbs over its exchanges.

A study is a project; a person an application; the study's rights a group with a policy; a fence a
bucket policy. Ids and tags are opaque, never a name or an e-mail.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from requests_app.provisioning.fences import Admission, Fence
from requests_app.provisioning.providers.adopting import adopt_or_create
from requests_app.provisioning.providers.errors import NotAsWritten
from requests_app.provisioning.providers.port import (
    NOT_BUILT,
    OPTIONAL,
    Book,
    Capabilities,
    KeyHolder,
    Provider,
)
from requests_app.provisioning.providers.scaleway import rights
from requests_app.provisioning.providers.scaleway.policies import render_policy, same_policy
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.providers.scaleway.shape import SCALEWAY
from requests_app.provisioning.providers.scaleway.wire import Wire
from requests_app.provisioning.providers.values import (
    BucketState,
    Delivered,
    FenceHeld,
    Finding,
    KeyFound,
    NewKey,
    Quota,
    Study,
)


class Scaleway(Provider):
    """Our verbs on a `Wire`: the SDK's, or the tests' own."""

    capabilities = Capabilities(lacks=dict.fromkeys(OPTIONAL, NOT_BUILT))
    shape = SCALEWAY

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.region, self.endpoint = wire.region, wire.endpoint
        self.before_call = lambda: None
        self.hurry = False

    def portal_name(self) -> str:
        return self.wire.portal_principal()

    def quotas(self) -> Sequence[Quota]:
        return self.wire.quotas()

    # --- Study, buckets ---------------------------------------------------------------------------

    def ensure_study(self, study: Study, book: Book) -> str:
        name, marker = rights.name_of(study), f"guichet;req={study.id};ws={study.workspace}"
        return adopt_or_create(
            book,
            "project",
            find=lambda: self.wire.find_projects(name=name, marker=marker),
            create=lambda: self.wire.create_project(name=name, marker=marker),
            delete=self.wire.delete_project,
        )

    def owner_of(self, bucket: str, study: Study) -> str | None:
        return self.wire.bucket_owner(bucket, project=study.ref)

    def make_bucket(self, bucket: str, study: Study) -> None:
        self.wire.create_bucket(bucket, project=study.ref)

    def encrypt(self, bucket: str, study: Study) -> None:
        self.wire.encrypt_bucket(bucket, project=study.ref)

    def look_at(self, bucket: str, study: Study) -> BucketState | None:
        return self.wire.bucket_state(bucket, project=study.ref)

    # --- Fences -----------------------------------------------------------------------------------

    def read_fence(self, fence: Fence, study: Study) -> FenceHeld:
        held = self.wire.bucket_policy(fence.bucket, project=study.ref)
        if held is None:
            return "none"
        return "as_wanted" if same_policy(held, render_policy(fence)) else "other"

    def write_fence(self, fence: Fence, study: Study) -> None:
        self.wire.put_bucket_policy(fence.bucket, render_policy(fence), project=study.ref)
        if self.read_fence(fence, study) != "as_wanted":
            raise NotAsWritten("fence")

    # --- Persons, rights --------------------------------------------------------------------------

    def ensure_person(self, study: Study, grant: str, book: Book) -> str:
        tag = _tag_of(grant)
        return adopt_or_create(
            book,
            "application",
            grant,
            find=lambda: self.wire.find_applications(tag=tag),
            create=lambda: self.wire.create_application(
                name=f"hds-{grant[:8]}-{study.slug}"[:64], tags=[rights.tag_of(study), tag]
            ),
            delete=self.wire.delete_application,
        )

    def person_exists(self, person: str) -> bool:
        return self.wire.application_exists(person)

    def remove_person(self, study: Study, grant: str, book: Book) -> None:
        """Keys are gone before; one whose create was lost is found by its tag and deleted too."""
        entry = book.entry("application", grant)
        found = self.wire.find_applications(tag=_tag_of(grant))
        for one in found:
            for key in self.wire.find_keys(application=one.id):
                self.wire.delete_key(key.access_key)
            self.wire.delete_application(one.id)
        if entry is None:
            return
        if not found and not entry.ready:
            book.wait_out_lag(entry.attempted_at)  # it may show up later
        if entry.id:
            self.wire.delete_application(entry.id)
        book.remove("application", grant)

    def ensure_rights(self, study: Study, book: Book) -> None:
        rights.ensure(self.wire, study, book)

    def check_rights(self, study: Study, book: Book) -> Iterable[Finding]:
        return rights.check(self.wire, study, book)

    def remove_rights(self, study: Study, book: Book) -> None:
        rights.remove(self.wire, study, book)

    def admit(self, study: Study, admissions: Sequence[Admission], book: Book) -> bool:
        return rights.admit(self.wire, study, admissions, book)

    def admitted(self, study: Study, book: Book) -> frozenset[str] | None:
        return rights.admitted(self.wire, book)

    # --- Keys -------------------------------------------------------------------------------------

    def make_key(self, person: str, *, marker: str, study: Study, expires_at: datetime) -> NewKey:
        return self.wire.create_key(
            application=person, marker=marker, project=study.ref, expires_at=expires_at
        )

    def keys_of(self, person: str) -> Sequence[KeyFound]:
        return self.wire.find_keys(application=person)

    def key_exists(self, access_key: str) -> bool:
        return self.wire.key_exists(access_key)

    def bearer_of(self, access_key: str) -> str | None:
        return self.wire.key_bearer(access_key)

    def delete_key(self, access_key: str) -> None:
        self.wire.delete_key(access_key)

    def key_holder(self, access_key: str, secret_key: str) -> KeyHolder:
        return self.wire.key_holder(access_key, secret_key)

    # --- Data -------------------------------------------------------------------------------------

    def deliver(
        self, bucket: str, key: str, source: Path, *, study: Study, sha256: str, encrypted: bool
    ) -> None:
        self.wire.upload(bucket, key, source, project=study.ref, sha256=sha256, encrypted=encrypted)

    def delivered(self, bucket: str, key: str, study: Study) -> Delivered | None:
        return self.wire.object_state(bucket, key, project=study.ref)


def _tag_of(grant: str) -> str:
    return f"guichet-grant={grant}"


def connect(config: ScalewayConfig) -> Scaleway:
    """Scaleway through its SDK. Raises Permanent at once on a wrong configuration or region."""
    sdk = Sdk(config)
    provider = Scaleway(sdk)
    sdk.before_call = lambda: provider.before_call()
    sdk.hurried = lambda: provider.hurry
    return provider
