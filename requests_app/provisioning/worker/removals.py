"""Removing what a study had at the provider: whatever carries its mark, known or not."""

from collections.abc import Callable, Sequence
from functools import partial

from requests_app.provisioning.facts import READY
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.port import Found
from requests_app.provisioning.worker.passes import REMOVED, Pass, note, wait_out_lag


def _remove(work: Pass, kind: str, key: str, delete: Callable[[str], None]) -> None:
    row = work.snap.resource(kind, key)
    if row is None:
        return
    if row.external_id:
        delete(row.external_id)
    with work.lease.write():
        row.status, row.spec_hash, row.attempted_at = REMOVED, "", None
        row.save()
        note(work, f"removed_{kind}", key, row.external_id)


def _remove_tagged(
    work: Pass,
    kind: str,
    *,
    find: Callable[[], Sequence[Found]],
    delete: Callable[[str], None],
) -> None:
    """All that carry the study's tag: one whose create was lost would outlive it, unknown."""
    row, found = work.snap.resource(kind), find()
    for one in found:
        delete(one.id)
    if not found and row is not None and row.status != READY:
        wait_out_lag(row.attempted_at)  # it may show up later
    _remove(work, kind, "", delete)


def delete_application(work: Pass, action: Action) -> None:
    """Keys are gone before; one whose create was lost is found by its tag and deleted too."""
    row = work.snap.resource("application", action.grant)
    found = work.backend.find_applications(tag=f"guichet-grant={action.grant}")
    for one in found:
        for key in work.backend.find_keys(application=one.id):
            work.backend.delete_key(key.access_key)
        work.backend.delete_application(one.id)
    if not found and row is not None and row.status != READY:
        wait_out_lag(row.attempted_at)  # it may show up later
    _remove(work, "application", action.grant, work.backend.delete_application)


def delete_iam_policy(work: Pass, action: Action) -> None:
    """Policies outlive their principal and eat the quota: deleted explicitly."""
    find = partial(work.backend.find_policies, tag=work.tag)
    _remove_tagged(work, "policy", find=find, delete=work.backend.delete_policy)


def delete_group(work: Pass, action: Action) -> None:
    find = partial(work.backend.find_groups, tag=work.tag)
    _remove_tagged(work, "group", find=find, delete=work.backend.delete_group)
