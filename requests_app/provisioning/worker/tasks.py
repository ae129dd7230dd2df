"""Celery tasks: fetch by id, call one function. A task is a hint; losing one loses 5 seconds."""

from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from portal.common import sweeps
from portal.common.background import task
from requests_app.models import Workspace
from requests_app.provisioning import quotas
from requests_app.provisioning.providers import configured
from requests_app.provisioning.worker import sweeping, turn


# Every call has its own timeout; only the upload of a large extract takes longer than minutes.
@task(
    name="requests_app.provisioning.tasks.reconcile",
    soft_time_limit=6 * 3600,
    time_limit=6 * 3600 + 60,
)
def reconcile(workspace_id: str) -> None:
    """Work on one workspace, if it is due and nobody holds it."""
    due = Workspace.objects.filter(pk=workspace_id, next_reconcile_at__lte=timezone.now())
    if due.exists():
        turn.advance(UUID(workspace_id))


@task(name="requests_app.provisioning.tasks.sweep")
def sweep() -> None:
    """Every 5 s: take up what nobody holds, and what time has brought."""
    sweeps.all_of(sweeping.sweep, _take_up, _read_quotas)


def _take_up() -> None:
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    due = Workspace.objects.filter(free, next_reconcile_at__lte=now).order_by("next_reconcile_at")
    for workspace_id in list(due.values_list("pk", flat=True)[:50]):
        reconcile.apply_async((str(workspace_id),), retry=False, expires=30)


def _read_quotas() -> None:
    if configured.is_configured() and quotas.is_old():
        read_quotas.apply_async(retry=False, expires=30)


@task(name="requests_app.provisioning.tasks.read_quotas")
def read_quotas() -> None:
    """Store the provider's limits, for pages."""
    quotas.read()
