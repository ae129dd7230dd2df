"""Showing a key to its person, once; asking for another when it is lost.

The rights to call these are checked by the page (own grant, fresh second factor, POST with CSRF,
`Cache-Control: no-store`); that the person is the grant's own is checked here again.
"""

from dataclasses import dataclass, field
from typing import Literal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record, record_refusal
from requests_app.models import CloudResource, Credential, Grant
from requests_app.provisioning import custody, gates
from requests_app.provisioning.facts import READY
from requests_app.provisioning.fences import MANIFEST
from requests_app.provisioning.locks import lock_study
from requests_app.provisioning.providers import configured
from requests_app.provisioning.storage_settings import Settings
from requests_app.provisioning.waking import wake
from requests_app.provisioning.worker.keys import new_intent


# `ready` to be shown, `preparing`, `shown`; without a key: `unrevealed` in time, `expired`, or
# `gone`, deleted at the provider by another hand.
KeyState = Literal["ready", "preparing", "shown", "unrevealed", "expired", "gone"]


class RevealRefused(Exception):
    """Why the key is not shown; the message is French, for its person."""

    code = "refused"


class NotYours(RevealRefused):
    code = "not_yours"


class NotOpen(RevealRefused):
    code = "not_open"


class AlreadyRevealed(RevealRefused):
    code = "already_revealed"


class NoKey(RevealRefused):
    code = "no_key"


class NotReady(RevealRefused):
    """A condition that was met at the opening is not any more."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class RevealedKey:
    """The only time the secret leaves custody. Never stored, never logged, not in `repr`."""

    access_key: str
    secret_key: str = field(repr=False)
    settings: Settings


def current_key(grant: Grant) -> Credential | None:
    """The person's live key: made, not withdrawn."""
    return (
        Credential.objects.filter(
            grant=grant,
            use=Credential.Use.PERSON,
            withdrawn_at__isnull=True,
            deleted_at__isnull=True,
        )
        .exclude(access_key="")
        .order_by("-generation")
        .first()
    )


def can_reveal(grant: Grant) -> bool:
    """Whether a key waits to be shown."""
    key = current_key(grant)
    return grant.state == "open" and key is not None and key.ciphertext is not None


def key_state(grant: Grant) -> KeyState:
    """Where the person's key of an open access stands."""
    last = (
        Credential.objects.filter(grant=grant, use=Credential.Use.PERSON)
        .order_by("-generation")
        .first()
    )
    if last is None or (last.withdrawn_at is None and not last.access_key):
        return "preparing"
    if last.withdrawn_at is not None:
        reasons: dict[str, KeyState] = {"unrevealed": "unrevealed", "expired": "expired"}
        return reasons.get(last.withdrawn_reason, "gone")
    return "ready" if last.ciphertext is not None else "shown"


def settings_of(grant: Grant) -> Settings | None:
    """What to paste in one's tools, without any secret; None until the buckets exist."""
    workspace = grant.workspace
    buckets = {
        row.logical_key: row.external_id
        for row in CloudResource.objects.filter(workspace=workspace, kind="bucket", status=READY)
    }
    if not {"in", "ws"} <= set(buckets) or not workspace.endpoint:
        return None
    key, shape = current_key(grant), configured.shape()
    return Settings(
        endpoint=workspace.endpoint,
        region=workspace.region,
        bucket_in=buckets["in"],
        bucket_ws=buckets["ws"],
        access_key=key.access_key if key is not None else "",
        test_object=MANIFEST,
        tool=shape.tool,
        max_parts=shape.max_parts,
    )


def reveal(grant: Grant, *, by: User) -> RevealedKey:
    """The person's key, shown once and wiped in the same statement.

    Raises NotYours, NotOpen, NoKey, AlreadyRevealed (all RevealRefused, recorded), CustodyError.
    Not to be called inside a transaction: a refusal is recorded in its own.
    """
    try:
        return _reveal(grant, by=by)
    except RevealRefused as error:
        record_refusal(
            "key.reveal",
            by=by,
            on=grant,
            about=grant.permit.request_id,
            outcome=error.code,
        )
        raise


def _reveal(grant: Grant, *, by: User) -> RevealedKey:
    if grant.person_id != by.pk:
        raise NotYours(_("Cette clé appartient à une autre personne."))
    if Grant.objects.values_list("state", flat=True).get(pk=grant.pk) != "open":
        raise NotOpen(_("L’accès n’est pas ouvert : la clé ne peut pas être affichée."))
    shown = settings_of(grant)
    with transaction.atomic():
        key = current_key(grant)
        if key is None or shown is None:
            raise NoKey(_("Aucune clé n’est prête : demandez une nouvelle clé."))
        if key.revealed_at is not None or key.ciphertext is None:
            raise AlreadyRevealed(
                _("Cette clé a déjà été affichée une fois. Perdue ? Demandez une nouvelle clé.")
            )
        secret = custody.unseal(key.ciphertext, ring="person", credential=key.pk)
        # Atomically once: of two simultaneous demands, one finds no row to change.
        taken = Credential.objects.filter(
            pk=key.pk,
            revealed_at__isnull=True,
            ciphertext__isnull=False,
            withdrawn_at__isnull=True,
        ).update(revealed_at=timezone.now(), ciphertext=None)
        if not taken:
            raise AlreadyRevealed(
                _("Cette clé a déjà été affichée une fois. Perdue ? Demandez une nouvelle clé.")
            )
        record(
            "key.reveal",
            by=by,
            on=grant,
            about=grant.permit.request_id,
            data={"access_key": key.access_key, "generation": key.generation},
        )
    return RevealedKey(key.access_key, secret, shown)


def rotate(grant: Grant, *, by: User) -> Credential:
    """Ask for another key: the old one is deleted first (the person lost it: no overlap).

    Returns the wanted credential; it is made by the provisioning worker within seconds. Raises
    NotYours, NotOpen, NotReady: the conditions before a first key hold before any other.
    """
    if grant.person_id != by.pk:
        raise NotYours(_("Cette clé appartient à une autre personne."))
    if lacking := gates.missing(by):
        raise NotReady(
            _("Une nouvelle clé demande d’abord : %(what)s.")
            % {"what": ", ".join(gates.labels(lacking))}
        )
    with transaction.atomic():
        lock_study(grant.workspace_id)
        locked = Grant.objects.get(pk=grant.pk)
        if locked.state != "open":
            raise NotOpen(_("L’accès n’est pas ouvert : aucune clé ne peut être demandée."))
        live = Credential.objects.filter(
            grant=locked, use=Credential.Use.PERSON, withdrawn_at__isnull=True
        ).first()
        if live is not None and not live.access_key:
            return live  # asked already: a second click waits for the same key
        if live is not None:
            Credential.objects.filter(pk=live.pk).update(
                withdrawn_at=timezone.now(), withdrawn_reason="rotated", ciphertext=None
            )
        wanted = new_intent(locked, Credential.Use.PERSON)
        record(
            "key.rotate",
            by=by,
            on=locked,
            about=locked.permit.request_id,
            data={"generation": wanted.generation},
        )
        wake(locked.workspace_id)
    return wanted
