"""What the workflow hears from provisioning, and whom it tells.

Signals come at least once: a message about one event carries a key, so that it is written once.
"""

from datetime import timedelta
from math import ceil
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Role
from portal.common.calendar import legal_now, legal_today
from requests_app.dossier import notices
from requests_app.models import Credential, Grant, GrantState, Permit, Workspace
from requests_app.provisioning import labels, signals
from requests_app.provisioning.providers.errors import Unreachable
from requests_app.rights import permissions, recipients

from . import clock


def _key(grant: Grant) -> str:
    """Identifies the person's present key, without showing anything of it."""
    latest = (
        Credential.objects.filter(grant=grant, use=Credential.Use.PERSON)
        .order_by("-generation")
        .first()
    )
    return str(latest.pk if latest is not None else grant.pk)


def _my_access() -> str:
    return reverse("requests_app:my_access")


@receiver(signals.grant_changed, dispatch_uid="workflow-grant")
def on_grant(*, grant: Grant, new: str, **_kwargs: Any) -> None:
    """After the commit: `apply()` owns its transaction. A lost signal is found by the sweep."""
    if new in {GrantState.OPEN, GrantState.CLOSED}:
        transaction.on_commit(clock.run_ripe)
    if new == GrantState.CLOSED:
        notices.of_access(
            notices.AccessClosed,
            grant,
            message=grant.reason,
            unopened=grant.closed_unopened,
            once=f"closed-{grant.pk}",
        )


@receiver(signals.key_ready, dispatch_uid="workflow-key-ready")
def on_key_ready(*, grant: Grant, **_kwargs: Any) -> None:
    """The person may come and read their key."""
    notices.KeyReady.tell(
        [grant.person],
        grant.permit.request,
        due=grant.expires_at,
        page=_my_access(),
        once=f"ready-{_key(grant)}",
    )


@receiver(signals.key_unrevealed, dispatch_uid="workflow-key-unrevealed")
def on_key_unrevealed(*, grant: Grant, **_kwargs: Any) -> None:
    """A key waits that nobody has read."""
    notices.KeyUnrevealed.tell(
        [grant.person], grant.permit.request, page=_my_access(), once=f"unrevealed-{_key(grant)}"
    )


@receiver(signals.key_expiring, dispatch_uid="workflow-key-expiring")
def on_key_expiring(*, grant: Grant, days: int, **_kwargs: Any) -> None:
    """A key ends in so many days."""
    notices.KeyExpiring.tell(
        [grant.person],
        grant.permit.request,
        days=days,
        page=_my_access(),
        once=f"expiring-{_key(grant)}",
    )


@receiver(signals.permit_expiring, dispatch_uid="workflow-permit-expiring")
def on_permit_expiring(*, permit: Permit, days: int, **_kwargs: Any) -> None:
    """At 90, 30 and 7 days: the persons, the investigators and the holders.

    A convention shorter than 90 days is told at once, with the days that are really left.
    """
    request = permit.request
    left = ceil((permit.expires_at - legal_now()) / timedelta(days=1))
    persons = [grant.person for grant in permit.grants.live().select_related("person")]
    notices.AccessExpiring.tell_apart(
        [*persons, *recipients.investigators(request)],
        recipients.data_holders(request),
        request,
        otherwise=reverse("requests_app:holder_accesses"),
        days=max(1, min(days, left)),
        due=permit.expires_at,
        once=f"permit-{permit.pk}-{days}d",
    )


@receiver(signals.extract_staged, dispatch_uid="workflow-extract-staged")
def on_extract_staged(*, workspace: Workspace, **_kwargs: Any) -> None:
    """Whoever may confirm, but not who staged: it takes a second person."""
    request = workspace.request
    staged = workspace.deposits.select_related("staged_by").exclude(staged_by=None).last()
    author = staged.staged_by if staged is not None else None
    at = staged.staged_at if staged is not None else ""  # prepared again: to confirm again
    people = [*recipients.office(request, Role.OPERATOR), *recipients.data_holders(request)]
    notices.ExtractStaged.tell(
        [
            one
            for one in people
            if permissions.can(one, "confirm_extract", request) and one != author
        ],
        request,
        person=str(author or ""),
        page=reverse("requests_app:extraction", args=[request.pk]),
        once=f"staged-{workspace.pk}-{at}",
    )


def _to_operators(
    notice: type[notices.RequestNotice], workspace: Workspace, once: str, **more: Any
) -> None:
    notice.tell(
        recipients.office(workspace.request, Role.OPERATOR),
        workspace.request,
        workspace=workspace.slug,
        once=once,
        **more,
    )


@receiver(signals.workspace_failed, dispatch_uid="workflow-workspace-failed")
def on_failed(*, workspace: Workspace, code: str, closing: bool = False, **_kwargs: Any) -> None:
    """When the provider does not answer, every study fails at once: told once an hour. A closing
    that fails is told for each study, beside whatever failed before it: what is open differs."""
    since = workspace.failing_since or workspace.observed_at
    told = f"{'closing' if closing else 'failed'}-{workspace.pk}-{code}-{since}"
    if code == Unreachable.code and not closing:
        told = f"provider-{timezone.now():%Y%m%d%H}"
    message = workspace.last_error or code
    if closing:
        message = _("Un retrait n’est pas achevé ; il est repris chaque minute. %(why)s") % {
            "why": message
        }
    _to_operators(notices.WorkspaceFailed, workspace, told, message=message)


@receiver(signals.drift_found, dispatch_uid="workflow-drift")
def on_drift(*, workspace: Workspace, finding: str, narrowed: bool, **_kwargs: Any) -> None:
    """Somebody changed rights at the provider: operators hear of each finding once a day."""
    _to_operators(
        notices.DriftFound,
        workspace,
        f"drift-{workspace.pk}-{finding}-{legal_today()}",
        message=labels.finding(finding),
        narrowed=narrowed,
    )
