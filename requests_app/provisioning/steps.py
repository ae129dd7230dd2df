"""One idempotent step each: intent row committed, look by marker, call, record. Fenced throughout.

Nothing here decides what comes next: `plan.next_action` does, from the rows these steps write.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import CloudResource, Grant, Workspace
from requests_app.provisioning import extract, gates, plan
from requests_app.provisioning.backends.base import (
    AlreadyExists,
    Backend,
    BucketGone,
    Found,
    NotFound,
    Transient,
)
from requests_app.provisioning.extract_sources import ExtractError, ExtractRefused
from requests_app.provisioning.facts import READY, VANISHED, Snapshot
from requests_app.provisioning.fences import PERMISSION_SETS, fingerprint, same_policy
from requests_app.provisioning.hints import announce
from requests_app.provisioning.lease import Lease
from requests_app.provisioning.plan import Action


INTENDED, REMOVED = "intended", "removed"
EMPTY = "empty"  # in place of a policy's hash: its list of rules was last answered empty


class Wait(Exception):
    """Nothing to do for `seconds`; not a failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


@dataclass(slots=True)
class Pass:
    """What a step works with: one lease, one provider, one reading of the rows."""

    lease: Lease
    backend: Backend
    snap: Snapshot

    @property
    def workspace(self) -> Workspace:
        return self.snap.workspace

    def grant(self, action: Action) -> Grant:
        return self.snap.grants[action.grant]

    @property
    def project(self) -> str:
        return self.snap.external_id("project")

    @property
    def tag(self) -> str:
        """Marker of everything made for a study; no colon, which tags refuse."""
        return f"guichet-req={self.workspace.request_id}"


def intend(work: Pass, kind: str, key: str = "", *, external_id: str = "") -> CloudResource:
    """The intent, committed before any call. A removed resource is intended anew."""
    row = work.snap.resource(kind, key)
    if row is not None and row.status != REMOVED:
        return row
    with work.lease.write():
        row, _made = CloudResource.objects.update_or_create(
            workspace=work.workspace,
            kind=kind,
            logical_key=key,
            defaults={
                "status": INTENDED,
                "external_id": external_id,
                "attempted_at": None,
                "spec_hash": "",
                "last_error": "",
            },
        )
    return row


def settle(
    work: Pass, row: CloudResource, *, external_id: str | None = None, spec_hash: str = ""
) -> None:
    """What the call answered, stored as soon as it did."""
    with work.lease.write():
        row.status, row.spec_hash, row.last_error, row.tries = READY, spec_hash, "", 0
        if external_id is not None:
            row.external_id = external_id
        row.save()
        note(work, row.kind, row.logical_key, external_id or "")


def note(work: Pass, kind: str, key: str = "", external_id: str = "") -> None:
    record(
        "workspace.step",
        by=None,
        on=work.workspace,
        about=work.workspace.request_id,
        data={"kind": kind, "key": key, "id": external_id[:128]},
    )


def tell(work: Pass, finding: str, *, narrows: bool) -> None:
    """A difference with the provider, for the log and for operators; inside a fenced write."""
    record(
        "workspace.drift",
        by=None,
        on=work.workspace,
        about=work.workspace.request_id,
        outcome="narrowed" if narrows else "repaired",
        data={"finding": finding},
    )
    announce("drift_found", work.workspace.pk, finding=finding, narrowed=narrows)


def attempt(work: Pass, row: CloudResource) -> None:
    """Committed before a create: if its answer is lost, the next try knows one was on its way."""
    with work.lease.write():
        row.attempted_at = timezone.now()
        row.tries += 1
        row.save(update_fields=["attempted_at", "tries", "updated_at"])


def wait_out_lag(attempted_at: datetime | None) -> None:
    """After a lost create, a list may lag: do not create again before it had time to show."""
    if attempted_at is None:
        return
    lag = timedelta(seconds=settings.PROVISIONING["list_lag"])
    left = (attempted_at + lag - timezone.now()).total_seconds()
    if left > 0:
        raise Wait(left)


def adopt_or_create(
    work: Pass,
    row: CloudResource,
    *,
    find: Callable[[], Sequence[Found]],
    create: Callable[[], str],
    delete: Callable[[str], None],
    ask: Callable[[str], object] | None = None,
) -> str:
    """Id of the one thing that carries the marker, made if there is none (10.3).

    Several can only come from lost answers: one stays, the others are deleted. The one that stays
    is the one whose id is known, if `ask` (which raises NotFound) finds it there: lists may lag.
    """
    found = [one.id for one in find()]
    kept = _known(row, ask) or next(iter(found), "")
    for extra in found:
        if extra != kept:
            delete(extra)
    if kept:
        return kept
    wait_out_lag(row.attempted_at)
    attempt(work, row)
    try:
        return create()
    except AlreadyExists as error:
        if error.existing_id:
            return error.existing_id
        raise Transient(_("existe déjà, pas encore dans la liste")) from error


def _known(row: CloudResource, ask: Callable[[str], object] | None) -> str:
    if ask is None or not row.external_id:
        return ""
    try:
        ask(row.external_id)
    except NotFound:
        return ""
    return row.external_id


# --- Base ---------------------------------------------------------------------------------------


def ensure_project(work: Pass, action: Action) -> None:
    row = intend(work, "project")
    name = f"hds-{work.workspace.slug}"[:64]
    marker = f"guichet;req={work.workspace.request_id};ws={work.workspace.pk}"
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_projects(name=name, marker=marker),
        create=lambda: work.backend.create_project(name=name, marker=marker),
        delete=work.backend.delete_project,
    )
    with work.lease.write():  # together: a worker killed in between would leave pages without it
        # Pages cannot ask the provider: the web has no key there.
        Workspace.objects.filter(pk=work.workspace.pk).update(
            endpoint=work.backend.endpoint, region=work.backend.region
        )
        settle(work, row, external_id=external_id)


def ensure_encryption(work: Pass, action: Action) -> None:
    kind = action.target
    row = intend(work, "encryption", kind)
    work.backend.encrypt_bucket(work.snap.external_id("bucket", kind), project=work.project)
    settle(work, row)


def put_fence(work: Pass, action: Action) -> None:
    """Write a bucket's policy and read it back: what counts is what the provider holds."""
    kind = action.target
    row = intend(work, "fence", kind)
    bucket = work.snap.external_id("bucket", kind)
    wanted = plan.wanted_fence(work.snap.facts, kind)
    try:
        work.backend.put_bucket_policy(bucket, wanted, project=work.project)
        held = work.backend.bucket_policy(bucket, project=work.project)
    except BucketGone:
        bucket_is_gone(work, kind)
        with work.lease.write():
            tell(work, "bucket_gone", narrows=False)
        return
    if not same_policy(held, wanted):
        raise Transient(_("les règles relues ne sont pas celles qui sont écrites"))
    settle(work, row, spec_hash=fingerprint(wanted))


def bucket_is_gone(work: Pass, kind: str) -> None:
    """Nobody reads in a bucket that is gone: no closing waits for it, and no opening goes on
    without it. Raises Transient where the provider, asked again, has it."""
    row = work.snap.resources["bucket", kind]
    if work.backend.bucket_owner(row.external_id, project=work.project) is not None:
        raise Transient(_("un espace de stockage est dit absent, puis présent"))
    with work.lease.write():
        row.status = VANISHED
        row.save(update_fields=["status", "updated_at"])
        note(work, "bucket_gone", kind, row.external_id)
        say_vanished(work)


def say_vanished(work: Pass) -> None:
    """Whoever is inside is not told that all is well; inside a fenced write."""
    inside = Grant.objects.filter(workspace=work.workspace, state="open")
    inside.update(observed="vanished", observed_at=timezone.now())


def deliver_extract(work: Pass, action: Action) -> None:
    """Copy the confirmed files, the manifest last: it is there when everything is."""
    permit = next(
        g.permit
        for p in work.snap.facts.persons
        if p.right == "open" and p.ready and (g := work.snap.grants[p.grant])
    )
    workspace = work.workspace
    try:
        if not extract.matches(workspace, permit):
            raise ExtractRefused(gates.label("extract_differs"))
        files = extract.files_to_deliver(workspace, alive=work.lease.renew)
    except ExtractError as error:
        with work.lease.write():
            extract.send_back(workspace, reason=str(error))
        return
    bucket = work.snap.external_id("bucket", "in")
    for key, path, sha256 in [*files, extract.write_manifest(workspace, permit)]:
        if work.backend.object_sha256(bucket, key, project=work.project) == sha256:
            continue
        work.lease.renew()
        work.backend.upload(bucket, key, path, project=work.project, sha256=sha256)
    with work.lease.write():
        extract.mark_delivered(workspace, permit)
    extract.forget_staged(workspace)


# --- Identities ---------------------------------------------------------------------------------


def ensure_application(work: Pass, action: Action) -> None:
    """One application per person; its name and tags are opaque ids, never a name or an e-mail."""
    grant = work.grant(action)
    row = intend(work, "application", action.grant)
    tag = f"guichet-grant={grant.pk}"
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_applications(tag=tag),
        create=lambda: work.backend.create_application(
            name=f"hds-{str(grant.pk)[:8]}-{work.workspace.slug}"[:64], tags=[work.tag, tag]
        ),
        delete=work.backend.delete_application,
    )
    settle(work, row, external_id=external_id)


def ensure_group(work: Pass, action: Action) -> None:
    row = intend(work, "group")
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_groups(tag=work.tag),
        create=lambda: work.backend.create_group(
            name=f"hds-{work.workspace.slug}"[:64], tags=[work.tag]
        ),
        delete=work.backend.delete_group,
        ask=work.backend.group_members,
    )
    members, policy = intend(work, "members"), work.snap.resource("policy")
    with work.lease.write():  # a new group is empty and has no rights, whatever the last one held
        members.spec_hash = ""
        members.save(update_fields=["spec_hash", "updated_at"])
        if policy is not None and policy.status == READY:
            policy.status = INTENDED
            policy.save(update_fields=["status", "updated_at"])
        settle(work, row, external_id=external_id)


def ensure_iam_policy(work: Pass, action: Action) -> None:
    """One policy for the study's group, on the study's project only (saves the quota of 50)."""
    row = intend(work, "policy")
    group = work.snap.external_id("group")
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_policies(tag=work.tag),
        create=lambda: work.backend.create_policy(
            name=f"hds-{work.workspace.slug}"[:64],
            tags=[work.tag],
            group=group,
            project=work.project,
            permission_sets=PERMISSION_SETS,
        ),
        delete=work.backend.delete_policy,
        ask=work.backend.policy_principal,
    )
    if work.backend.policy_principal(external_id) != group:  # it may be an earlier group's
        bind_policy(work, external_id, group)
    if work.backend.policy_rules(external_id) != wanted_rules(work):  # the create does not say
        work.backend.set_policy_rules(
            external_id, project=work.project, permission_sets=PERMISSION_SETS
        )
    settle(work, row, external_id=external_id)


def wanted_rules(work: Pass) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
    return frozenset({(frozenset(PERMISSION_SETS), frozenset({work.project}))})


def bind_policy(work: Pass, policy: str, group: str) -> None:
    """Give the study's rules to its group, and read it back."""
    work.backend.bind_policy(policy, group=group)
    if work.backend.policy_principal(policy) != group:
        raise Transient(_("les droits relus ne sont pas ceux du groupe de l’étude"))


def believe_rules(work: Pass, row: CloudResource, rules: Collection[object]) -> None:
    """An empty list of rules is believed once it has lasted: lists lag. Raises Wait before."""
    seen_empty = row.spec_hash == EMPTY
    if bool(rules) == seen_empty:
        with work.lease.write():
            row.spec_hash, row.attempted_at = ("", None) if rules else (EMPTY, timezone.now())
            row.save(update_fields=["spec_hash", "attempted_at", "updated_at"])
    if not rules:
        wait_out_lag(row.attempted_at)


def set_members(work: Pass, action: Action) -> None:
    wanted = plan.wanted_members(work.snap.facts)
    group = work.snap.external_id("group")
    row = intend(work, "members")
    try:
        work.backend.set_group_members(group, wanted)
    except NotFound:
        if _known(work.snap.resources["group", ""], work.backend.group_members):
            raise  # it is an application that is not there
        _group_is_gone(work)
        return
    if work.backend.group_members(group) != frozenset(wanted):
        raise Transient(_("le groupe relu n’est pas celui qui est écrit"))
    settle(work, row, spec_hash=fingerprint(wanted))


def _group_is_gone(work: Pass) -> None:
    """Nobody is a member of a group that is gone: no closing waits for it, an opening makes it
    again."""
    row = work.snap.resources["group", ""]
    with work.lease.write():
        row.status, row.attempted_at = INTENDED, timezone.now()
        row.save(update_fields=["status", "attempted_at", "updated_at"])
        note(work, "group_gone", "", row.external_id)
