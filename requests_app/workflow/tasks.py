"""Celery tasks of the workflow: hints and sweeps; the truth is in the rows."""

from celery import shared_task

from . import clock


@shared_task(ignore_result=True)
def fire_due() -> None:
    """Every 5 s: clocks that have ended, openings and uses that end, documents to make."""
    clock.run_due()
