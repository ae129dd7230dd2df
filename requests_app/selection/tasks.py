"""Housekeeping of selections."""

from portal.common.background import task

from . import basket


@task(name="requests_app.tasks.forget_old_baskets")
def forget_old_baskets() -> int:
    """Delete visitors' selections that nobody came back to; how many."""
    return basket.forget_old()
