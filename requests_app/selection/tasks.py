"""Housekeeping of selections."""

from celery import shared_task

from . import basket


@shared_task(name="requests_app.tasks.forget_old_baskets")  # type: ignore[untyped-decorator]
def forget_old_baskets() -> int:
    """Delete visitors' selections that nobody came back to; how many."""
    return basket.forget_old()
