"""Celery tasks of the workflow: hints and sweeps; the truth is in the rows."""

from portal.common import sweeps
from portal.common.background import task
from requests_app.committee import opinion_document

from . import clock, reminders


@task(name="requests_app.workflow.tasks.fire_due", ignore_result=True)
def fire_due() -> None:
    """Every 5 s: clocks that have ended, openings and uses that end, documents to make."""
    sweeps.all_of(clock.run_due, make_documents)


@task(name="requests_app.workflow.tasks.remind", ignore_result=True)
def remind() -> None:
    """Every minute: what the clocks say before and after their last day."""
    sweeps.all_of(reminders.run)


def make_documents() -> int:
    """PDF of the opinions that have none yet; one that fails does not keep the others waiting."""
    opinions = opinion_document.opinions_without_document()
    return sweeps.each(
        opinions, opinion_document.write_opinion_document, what="documents of opinions"
    )
