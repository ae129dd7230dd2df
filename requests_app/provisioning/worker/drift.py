"""Comparison with the provider: what somebody else changed. Narrow at once, widen back, tell both.

A reading that fails or shows nothing changes nothing: an empty answer is no proof that everything
is gone (elsewhere a pruner deleted live identities so).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import CloudResource, Grant, Workspace
from requests_app.provisioning import plan
from requests_app.provisioning.extract import delivery
from requests_app.provisioning.facts import READY, VANISHED
from requests_app.provisioning.fences import BUCKETS, MANIFEST
from requests_app.provisioning.plan import Action, Facts
from requests_app.provisioning.providers.errors import BucketGone, ProviderError, RightsGone
from requests_app.provisioning.providers.values import FenceHeld, Finding
from requests_app.provisioning.worker import passes, persons, study
from requests_app.provisioning.worker.buckets import Vanished, is_back
from requests_app.provisioning.worker.keys import forget_missing
from requests_app.provisioning.worker.passes import INTENDED, Pass, Wait


Reader = Callable[[Pass], Iterable[Finding]]


def inspect(work: Pass, action: Action) -> None:
    """Read everything back. Rows that no longer hold are marked, and the next steps repair them.

    What cannot be read hides nothing of the rest: its error is raised once all was read.
    """
    buckets: list[Reader] = [partial(_bucket, kind=kind) for kind in BUCKETS]
    findings, errors = _read(work, [*buckets, _members, _rights, _keys])
    if work.snap.facts.delivered:  # a worker killed just after the delivery left its copies
        delivery.forget_staged(work.workspace)
    now = timezone.now()
    facts = work.snap.facts
    unwritten = plan.is_unwritten(facts) or (facts.held and bool(findings))
    with work.lease.write():
        if not errors:
            Workspace.objects.filter(pk=work.workspace.pk).update(observed_at=now)
            if unwritten or not any(narrows for _finding, narrows in findings):
                seen = "waiting" if unwritten else "drift" if findings else "as_wanted"
                Grant.objects.filter(workspace=work.workspace, state="open").update(
                    observed=seen, observed_at=now
                )
        if any(isinstance(error, Vanished) for error in errors):
            study.say_vanished(work)
        for finding, narrows in findings:
            passes.tell(work, finding, narrows=narrows)
    if errors:
        raise errors[0]


def hold_shut(work: Pass) -> bool:
    """What keeps out whoever leaves, read now and written again at once where it differs; whether
    anything did. Every side is tried; then the first error is raised."""
    fences: list[Reader] = [partial(_fence_again, kind=kind) for kind in BUCKETS]
    findings, errors = _read(work, [*fences, _members_again, _rights, _keys])
    if findings:
        with work.lease.write():
            for finding, narrows in findings:
                passes.tell(work, finding, narrows=narrows)
    errors = [error for error in errors if not isinstance(error, Wait)]  # no rules: nothing open
    if errors:
        raise errors[0]
    return bool(findings)


def _read(work: Pass, readers: Sequence[Reader]) -> tuple[list[Finding], list[Exception]]:
    findings: list[Finding] = []
    errors: list[Exception] = []
    for reader in readers:
        try:
            for finding in reader(work):
                findings.append(finding)  # noqa: PERF402 (what was found before an error counts)
        except (ProviderError, Wait) as error:
            errors.append(error)
    return findings, sorted(errors, key=lambda error: isinstance(error, Wait))


def _fence_again(work: Pass, *, kind: str) -> Iterable[Finding]:
    row = work.snap.resource("bucket", kind)
    if row is not None and row.status == VANISHED and is_back(work, kind):
        yield "bucket_back", True
        study.put_fence(work, Action("put_fence", kind))
    bucket = work.snap.external_id("bucket", kind)
    if not bucket:
        return
    try:
        held = work.backend.read_fence(plan.wanted_fence(work.snap.facts, kind), work.study)
    except BucketGone:
        study.bucket_is_gone(work, kind)
        yield "bucket_gone", False
        return
    if held != "as_wanted":
        yield "fence_changed" if held == "other" else "no_fence", True
        study.put_fence(work, Action("put_fence", kind))


def _members_again(work: Pass) -> Iterable[Finding]:
    try:
        members = work.backend.admitted(work.study, work.book)
    except RightsGone:  # nobody is a member
        return
    wanted = frozenset(one.person for one in plan.wanted_members(work.snap.facts))
    if members is not None and members != wanted:
        yield "members_changed", bool(members - wanted)
        persons.set_members(work, Action("set_members"))


def _bucket(work: Pass, *, kind: str) -> Iterable[Finding]:
    row = work.snap.resource("bucket", kind)
    if row is None or row.status not in {READY, VANISHED}:
        return
    if row.status == VANISHED:
        if not is_back(work, kind):
            raise Vanished.bucket()
        yield "bucket_back", True
    fence = work.snap.resource("fence", kind)
    spec_hash = fence.spec_hash if fence is not None else ""
    facts = work.snap.facts  # while held, what is wanted now may wait: what was written counts
    written = spec_hash == plan.fence_hash(facts, kind) or bool(facts.held and spec_hash)
    try:
        # First, as it may hang on less than the rest: a fence that forgot the portal refuses it.
        held = _fence_held(work, kind, spec_hash)
        if written and held == "other":
            _forget(work, fence, keep_status=True)
            yield "fence_changed", True
            return
        state = work.backend.look_at(row.external_id, work.study)
    except BucketGone:
        state = None
    if state is None:
        raise Vanished.bucket()
    if state.owner != work.study.ref:
        raise Vanished(_("un espace de stockage est passé à un autre projet"))
    if written and held == "none":
        _forget(work, fence, keep_status=True)
        yield "no_fence", True
        if kind == "in" and _is_empty(work, row.external_id):  # made again by another hand
            yield "extract_gone", False
    encryption = work.snap.resource("encryption", kind)
    if encryption is not None and encryption.status == READY and state.encrypted is False:
        _forget(work, encryption)
        yield "not_encrypted", False
    if state.has_lifecycle:  # excluded from health data hosting; a person decides
        yield "lifecycle_rule", False


def _fence_held(work: Pass, kind: str, spec_hash: str) -> FenceHeld:
    """What the provider holds beside what we wrote. Where that is not what is wanted now (a hold
    keeps it from being written, or a new version writes fences otherwise) only its hash is left:
    it is ours if it is what we may have written."""
    facts = work.snap.facts
    mine: Sequence[Facts] = [facts]
    if facts.held and spec_hash:
        mine = _written_from(facts, lambda one: plan.fence_hash(one, kind) == spec_hash)
    held: FenceHeld = "none"
    for one in mine:
        held = work.backend.read_fence(plan.wanted_fence(one, kind), work.study)
        if held != "other":
            break
    return held


def _written_from(facts: Facts, matches: Callable[[Facts], bool]) -> Sequence[Facts]:
    """What a hash was made of: all that it may be, where a new version makes it otherwise."""
    several = plan.perhaps_inside(facts)
    return [one for one in several if matches(one)] or several


def _is_empty(work: Pass, bucket: str) -> bool:
    if not work.snap.facts.delivered:
        return False
    return work.backend.delivered(bucket, MANIFEST, work.study) is None


def _members(work: Pass) -> Iterable[Finding]:
    try:
        members = work.backend.admitted(work.study, work.book)
    except RightsGone:
        yield "rights_gone", False
        return
    if members is None:
        return
    facts = work.snap.facts
    mine = _written_from(facts, lambda one: plan.members_hash(one) == facts.members)
    wanted = [frozenset(one.person for one in plan.wanted_members(some)) for some in mine]
    if facts.members and members not in wanted:  # no hash: known not to hold, and told
        _forget(work, work.snap.resource("members"), keep_status=True)
        yield "members_changed", bool(members - frozenset().union(*wanted))


def _rights(work: Pass) -> Iterable[Finding]:
    return work.backend.check_rights(work.study, work.book)


def _keys(work: Pass) -> Iterable[Finding]:
    """Keys of our persons are exactly the ones we know: another's is deleted at once."""
    for person in work.snap.facts.persons:
        if not person.identity:
            continue
        known = {
            c.access_key: c
            for c in work.snap.credentials.values()
            if str(c.grant_id) == person.grant and c.access_key and c.deleted_at is None
        }
        listed = {k.access_key for k in work.backend.keys_of(person.identity)}
        for stranger in sorted(listed - set(known)):
            deleted = any(c.access_key == stranger for c in work.snap.credentials.values())
            if deleted and work.backend.bearer_of(stranger) is None:
                continue  # ours, gone, and still listed
            work.backend.delete_key(stranger)
            yield "unknown_key", True
        for access_key in sorted(set(known) - listed):
            bearer = work.backend.bearer_of(access_key)  # asked by name: lists may lag
            if bearer == person.identity:
                continue
            if bearer is not None:
                yield "key_moved", True
                work.backend.delete_key(access_key)
            else:
                yield "key_gone", False
            with work.lease.write():
                forget_missing(known[access_key])


def _forget(work: Pass, row: CloudResource | None, *, keep_status: bool = False) -> None:
    if row is None:
        return
    with work.lease.write():
        row.spec_hash = ""
        if not keep_status:  # known until now: lists get their time before it is made again
            row.status, row.attempted_at = INTENDED, timezone.now()
        row.save(update_fields=["spec_hash", "status", "attempted_at", "updated_at"])
