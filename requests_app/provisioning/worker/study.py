"""Steps on what a study has once: its project, its fences, its extract. Each can be done again."""

from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import Grant, Workspace
from requests_app.provisioning import gates, plan
from requests_app.provisioning.extract import confirming, delivery
from requests_app.provisioning.extract.sources import ExtractError, ExtractRefused
from requests_app.provisioning.facts import VANISHED
from requests_app.provisioning.fences import fingerprint, same_policy
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.port import BucketGone, Transient
from requests_app.provisioning.worker.passes import (
    Pass,
    adopt_or_create,
    intend,
    note,
    settle,
    tell,
)


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
        if not confirming.matches(workspace, permit):
            raise ExtractRefused(gates.label("extract_differs"))
        files = delivery.files_to_deliver(workspace, alive=work.lease.renew)
    except ExtractError as error:
        with work.lease.write():
            delivery.send_back(workspace, reason=str(error))
        return
    bucket = work.snap.external_id("bucket", "in")
    for key, path, sha256 in [*files, delivery.write_manifest(workspace, permit)]:
        if work.backend.object_sha256(bucket, key, project=work.project) == sha256:
            continue
        work.lease.renew()
        work.backend.upload(bucket, key, path, project=work.project, sha256=sha256)
    with work.lease.write():
        delivery.mark_delivered(workspace, permit)
    delivery.forget_staged(workspace)
