"""Beat's sweep over the extracts that operators asked for."""

import time

from django.conf import settings

from portal.common import sweeps
from portal.common.background import task
from requests_app.models import Extract, Workspace

from .ask import prepare


BUDGET = 60.0  # seconds; then the next sweep goes on, so that each study has its own hours
SECONDS = int(settings.PROVISIONING["extract_hours"] * 3600)


@task(
    name="requests_app.extraction.tasks.prepare_asked",
    soft_time_limit=SECONDS,
    time_limit=SECONDS + 60,
)
def prepare_asked() -> None:
    """Prepare every extract asked for and not done; a killed run is taken up after its lease."""
    started = time.monotonic()

    def one(workspace: Workspace) -> bool:
        return time.monotonic() - started < BUDGET and prepare(workspace)

    asked = Workspace.objects.filter(extract__in=Extract.objects.asked())
    rows = asked.select_related("request", "extract").order_by("extract__asked_at")
    sweeps.each(rows, one, what="extracts")
