"""What follows here when an administrator suspends a person or an organisation (A30)."""

from typing import Any

from django.dispatch import receiver

from portal.accounts.models import Organisation, User
from portal.accounts.signals import access_suspended
from requests_app import permits


@receiver(access_suspended, dispatch_uid="requests-sanction")
def on_access_suspended(
    *, user: User | None, organisation: Organisation | None, by: User, reason: str, **_kwargs: Any
) -> None:
    """Their accesses are suspended in the same transaction; the reconciler closes the door."""
    target = user or organisation
    if target is not None:
        permits.follow_sanction(target, by=by, reason=reason)
