"""Housekeeping of the applicant's side."""

from celery import shared_task

from requests_app.selection import basket


@shared_task
def forget_old_baskets() -> int:
    """Delete visitors' selections that nobody came back to; how many."""
    return basket.forget_old()
