"""Making a study's buckets: names are global, and a refusal does not say why it refuses."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import CloudResource, Workspace
from requests_app.provisioning.facts import READY, VANISHED
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.errors import AlreadyExists, Denied, Permanent, Transient
from requests_app.provisioning.worker.passes import (
    INTENDED,
    Pass,
    attempt,
    intend,
    note,
    settle,
    tell,
)


RENAMES = 2  # names tried after the first; more refusals than that are not about the name


class Vanished(Permanent):
    """A study's place or bucket is gone: data may be lost, a person must look."""

    code = "vanished"

    @classmethod
    def bucket(cls) -> "Vanished":
        return cls(
            _(
                "un espace de stockage a disparu chez l’hébergeur ; rétablissez-le sous son nom,"
                " dans le projet de l’étude, ou fermez l’étude"
            )
        )


def ensure_bucket(work: Pass, action: Action) -> None:
    """The bucket, under the first of its names that is free or ours.

    A refusal is somebody else's bucket, or ours with rights that have not arrived: only one that
    outlived the propagation window changes the name, and the new name is tried in the same step, so
    that a change of name is never taken for progress. Raises Denied, Permanent, Transient.
    """
    kind = action.target
    row = intend(work, "bucket", kind, external_id=names_of(work.workspace, kind)[0])
    if row.status == VANISHED:  # made again empty, it would pass for the study's data
        if not is_back(work, kind):
            raise Vanished.bucket()
        with work.lease.write():
            tell(work, "bucket_back", narrows=True)
        return
    renamed = False
    while True:
        refusal: Denied | None = None
        owner = ""
        try:
            owner = work.backend.owner_of(row.external_id, work.study) or ""
        except Denied as error:
            # Two unguessable names refused one after the other: it is the portal that is refused.
            if renamed or timezone.now() < _rights_arrived_by(work, row):
                raise
            refusal = error
        if refusal is None and owner in {"", work.study.ref}:
            break
        following = _name_after(work.workspace, kind, row.external_id)
        if following is None:
            raise refusal or Permanent(_("tous les noms de l’espace de stockage sont pris"))
        _rename(work, row, following)
        renamed = True
    if not owner:
        attempt(work, row)
        try:
            work.backend.make_bucket(row.external_id, work.study)
        except AlreadyExists as error:  # by us with the answer lost, or by another: look again
            raise Transient(_("nom déjà pris, à vérifier par qui")) from error
    settle(work, row)


def is_back(work: Pass, kind: str) -> bool:
    """Whether a bucket that had vanished is there again, the study's own: its encryption and its
    fence are then written anew. Under somebody else's hand it is not back."""
    row = work.snap.resources["bucket", kind]
    try:
        owner = work.backend.owner_of(row.external_id, work.study)
    except Denied:
        return False
    if owner != work.study.ref:
        return False
    with work.lease.write():
        row.status = READY
        row.save(update_fields=["status", "updated_at"])
        for other in ("encryption", "fence"):
            of_it = work.snap.resource(other, kind)
            if of_it is not None:
                of_it.status, of_it.spec_hash = INTENDED, ""
                of_it.save(update_fields=["status", "spec_hash", "updated_at"])
        note(work, "bucket_back", kind, row.external_id)
    return True


def study_made_at(work: Pass) -> datetime | None:
    """When the study's place at the provider was made, None without one."""
    row = work.snap.resource(work.snap.rows.study)
    if row is None:
        return None
    return row.attempted_at or row.created_at


def propagation() -> timedelta:
    """How long rights may take to arrive at the provider."""
    return timedelta(seconds=settings.PROVISIONING["propagation"])


def names_of(workspace: Workspace, kind: str) -> list[str]:
    """The names a bucket may take, always the same: a worker killed in between tries no other."""
    seeds = [f"{workspace.pk} {kind} {number}" for number in range(RENAMES)]
    others = [hashlib.sha256(seed.encode()).hexdigest()[:8] for seed in seeds]
    return [
        f"{workspace.slug}-{kind}",
        *(f"{workspace.slug[:40]}-{other}-{kind}" for other in others),
    ]


def _name_after(workspace: Workspace, kind: str, name: str) -> str | None:
    others = names_of(workspace, kind)[1:]
    if name in others:
        others = others[others.index(name) + 1 :]
    return others[0] if others else None


def _rights_arrived_by(work: Pass, row: CloudResource) -> datetime:
    """When a refusal ceases to be explained by rights on their way: to the study, or to a bucket
    that we asked for and whose answer was lost."""
    began = [when for when in (study_made_at(work), row.attempted_at) if when is not None]
    return max(began, default=timezone.now()) + propagation()


def _rename(work: Pass, row: CloudResource, name: str) -> None:
    with work.lease.write():
        note(work, "renamed_bucket", row.logical_key, row.external_id)
        row.external_id, row.attempted_at = name, None
        row.tries += 1
        row.save(update_fields=["external_id", "attempted_at", "tries", "updated_at"])
