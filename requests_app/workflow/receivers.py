"""What the workflow hears from provisioning: a right that opened or closed."""

from typing import Any

from django.db import transaction
from django.dispatch import receiver

from requests_app.models import Grant, GrantState
from requests_app.provisioning.signals import grant_changed

from . import clock


@receiver(grant_changed)
def on_grant(*, grant: Grant, old: str, new: str, **_kwargs: Any) -> None:
    """After the commit: `apply()` owns its transaction. A lost signal is found by the sweep."""
    if new in {GrantState.OPEN, GrantState.CLOSED}:
        transaction.on_commit(clock.run_grants)
