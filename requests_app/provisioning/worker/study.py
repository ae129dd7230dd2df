"""Steps on what a study has once: its project, its fences, its extract. Each can be done again."""

from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import Grant, Workspace
from requests_app.provisioning import gates, plan
from requests_app.provisioning.extract import confirming, delivery
from requests_app.provisioning.extract.sources import ExtractError, ExtractRefused
from requests_app.provisioning.facts import VANISHED
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.errors import BucketGone, NotAsWritten, Transient
from requests_app.provisioning.worker.passes import Pass, intend, note, settle, tell


def ensure_study(work: Pass, action: Action) -> None:
    ref = work.backend.ensure_study(work.study, work.book)
    with work.lease.write():  # together: a worker killed in between would leave pages without it
        # Pages cannot ask the provider: the web has no key there.
        Workspace.objects.filter(pk=work.workspace.pk).update(
            endpoint=work.backend.endpoint, region=work.backend.region
        )
        settle(work, intend(work, work.snap.rows.study), external_id=ref)


def ensure_encryption(work: Pass, action: Action) -> None:
    """Where buckets encrypt nothing by themselves, each object is delivered encrypted instead."""
    kind = action.target
    row = intend(work, "encryption", kind)
    if work.backend.capabilities.default_encryption:
        work.backend.encrypt(work.snap.external_id("bucket", kind), work.study)
    settle(work, row)


def put_fence(work: Pass, action: Action) -> None:
    """Write a bucket's fence; the provider reads it back: what counts is what it holds."""
    kind = action.target
    row = intend(work, "fence", kind)
    try:
        work.backend.write_fence(plan.wanted_fence(work.snap.facts, kind), work.study)
    except BucketGone:
        bucket_is_gone(work, kind)
        with work.lease.write():
            tell(work, "bucket_gone", narrows=False)
        return
    settle(work, row, spec_hash=plan.fence_hash(work.snap.facts, kind))


def bucket_is_gone(work: Pass, kind: str) -> None:
    """Nobody reads in a bucket that is gone: no closing waits for it, and no opening goes on
    without it. Raises Transient where the provider, asked again, has it."""
    row = work.snap.resources["bucket", kind]
    if work.backend.owner_of(row.external_id, work.study) is not None:
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
        if not confirming.matches(workspace, permit):
            raise ExtractRefused(gates.label("extract_differs"))
        files = delivery.files_to_deliver(workspace, alive=work.lease.renew)
    except ExtractError as error:
        with work.lease.write():
            delivery.send_back(workspace, reason=str(error))
        return
    bucket = work.snap.external_id("bucket", "in")
    for key, path, sha256 in [*files, delivery.write_manifest(workspace, permit)]:
        _deliver(work, bucket, key, path, sha256=sha256)
    with work.lease.write():
        delivery.mark_delivered(workspace, permit)
    delivery.forget_staged(workspace)


def _deliver(work: Pass, bucket: str, key: str, path: Path, *, sha256: str) -> None:
    """One file, unless it is there; encrypted by itself, and seen to be, where its bucket does not
    see to it."""
    by_itself = not work.backend.capabilities.default_encryption

    def there() -> bool:
        seen = work.backend.delivered(bucket, key, work.study)
        return seen is not None and seen.sha256 == sha256 and (seen.encrypted or not by_itself)

    if there():
        return
    work.lease.renew()
    work.backend.deliver(bucket, key, path, study=work.study, sha256=sha256, encrypted=by_itself)
    if by_itself and not there():
        raise NotAsWritten("data")
