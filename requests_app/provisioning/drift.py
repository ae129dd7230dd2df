"""Comparison with the provider: what somebody else changed. Narrow at once, widen back, tell both.

A reading that fails or shows nothing changes nothing: an empty answer is no proof that everything
is gone (peers.md: the pruner that deleted live identities).
"""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import CloudResource, Grant, Workspace
from requests_app.provisioning import extract, plan
from requests_app.provisioning.backends.base import NotFound, Permanent
from requests_app.provisioning.facts import READY
from requests_app.provisioning.fences import BUCKETS, PERMISSION_SETS, fingerprint, same_policy
from requests_app.provisioning.hints import announce
from requests_app.provisioning.keys import forget_missing
from requests_app.provisioning.plan import Action
from requests_app.provisioning.steps import INTENDED, Pass


class Vanished(Permanent):
    """A project or bucket is gone: data may be lost, a person must look."""

    code = "vanished"


def inspect(work: Pass, action: Action) -> None:
    """Read everything back. Rows that no longer hold are marked, and the next steps repair them."""
    findings = [
        *_buckets(work),
        *_group(work),
        *_policy(work),
        *_keys(work),
    ]
    if work.snap.facts.delivered:  # a worker killed just after the delivery left its copies
        extract.forget_staged(work.workspace)
    now = timezone.now()
    with work.lease.write():
        Workspace.objects.filter(pk=work.workspace.pk).update(observed_at=now)
        if not any(narrows for _finding, narrows in findings):
            Grant.objects.filter(workspace=work.workspace, state="open").update(
                observed="as_wanted" if not findings else "drift", observed_at=now
            )
        for finding, narrows in findings:
            record(
                "workspace.drift",
                by=None,
                on=work.workspace,
                about=work.workspace.request_id,
                outcome="narrowed" if narrows else "repaired",
                data={"finding": finding},
            )
            announce("drift_found", work.workspace.pk, finding=finding, narrowed=narrows)


def _buckets(work: Pass) -> Iterable[tuple[str, bool]]:
    for kind in BUCKETS:
        row = work.snap.resource("bucket", kind)
        if row is None or row.status != READY:
            continue
        fence = work.snap.resource("fence", kind)
        wanted = plan.wanted_fence(work.snap.facts, kind)
        written = fence is not None and fence.spec_hash == fingerprint(wanted)
        # First, as it hangs on IAM alone: a policy that forgot the portal refuses it all the rest.
        policy = work.backend.bucket_policy(row.external_id, project=work.project)
        if written and policy is not None and not same_policy(policy, wanted):
            _forget(work, fence, keep_status=True)
            yield "policy_changed", True
            continue
        state = work.backend.bucket_state(row.external_id, project=work.project)
        if state is None:
            raise Vanished(_("un espace de stockage a disparu"))
        if state.owner != work.project:
            raise Vanished(_("un espace de stockage est passé à un autre projet"))
        if written and policy is None:
            _forget(work, fence, keep_status=True)
            yield "no_policy", True
        encryption = work.snap.resource("encryption", kind)
        if encryption is not None and encryption.status == READY and not state.encrypted:
            _forget(work, encryption)
            yield "not_encrypted", False
        if state.has_lifecycle:  # excluded from health data hosting; a person decides
            yield "lifecycle_rule", False


def _group(work: Pass) -> Iterable[tuple[str, bool]]:
    row = work.snap.resource("group")
    if row is None or row.status != READY:
        return
    try:
        members = work.backend.group_members(row.external_id)
    except NotFound:
        _forget(work, row)
        yield "group_gone", False
        return
    wanted = frozenset(plan.wanted_members(work.snap.facts))
    if work.snap.facts.members == fingerprint(sorted(wanted)) and members != wanted:
        _forget(work, work.snap.resource("members"), keep_status=True)
        yield "group_changed", bool(members - wanted)


def _policy(work: Pass) -> Iterable[tuple[str, bool]]:
    row = work.snap.resource("policy")
    if row is None or row.status != READY:
        return
    wanted = frozenset({(frozenset(PERMISSION_SETS), frozenset({work.project}))})
    try:
        rules = work.backend.policy_rules(row.external_id)
    except NotFound:
        rules = frozenset()
    if rules != wanted:
        _forget(work, row)  # ensure_iam_policy finds it by its tag and sets its rules
        yield "rules_changed", bool(rules)


def _keys(work: Pass) -> Iterable[tuple[str, bool]]:
    """Keys of our applications are exactly the ones we know: another's is deleted at once."""
    for person in work.snap.facts.persons:
        if not person.application:
            continue
        known = {
            c.access_key: c
            for c in work.snap.credentials.values()
            if str(c.grant_id) == person.grant and c.access_key and c.deleted_at is None
        }
        listed = {k.access_key for k in work.backend.find_keys(application=person.application)}
        for stranger in sorted(listed - set(known)):
            work.backend.delete_key(stranger)
            yield "unknown_key", True
        for access_key in sorted(set(known) - listed):
            if not work.backend.key_exists(access_key):  # asked by name: lists may lag
                with work.lease.write():
                    forget_missing(known[access_key])
                yield "key_gone", False


def _forget(work: Pass, row: CloudResource | None, *, keep_status: bool = False) -> None:
    if row is None:
        return
    with work.lease.write():
        row.spec_hash = ""
        if not keep_status:
            row.status, row.attempted_at = INTENDED, None
        row.save(update_fields=["spec_hash", "status", "attempted_at", "updated_at"])
