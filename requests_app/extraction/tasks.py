"""Beat's sweep over the extracts that operators asked for."""

from celery import shared_task

from requests_app.models import Workspace

from .ask import prepare


@shared_task
def prepare_asked() -> None:
    """Prepare every extract asked for and not done; a killed run is taken up at the next sweep."""
    asked = Workspace.objects.filter(extract_asked_at__isnull=False)
    for workspace in asked.select_related("request", "extract_asked_by").order_by(
        "extract_asked_at"
    ):
        prepare(workspace)
