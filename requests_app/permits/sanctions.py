"""What follows here when an administrator suspends a person or an organisation (A30)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.dispatch import receiver

from portal.accounts.models import Organisation, User
from portal.accounts.signals import access_suspended
from requests_app.permits import stopping


@receiver(access_suspended, dispatch_uid="requests-sanction")
def on_access_suspended(
    *, user: User | None, organisation: Organisation | None, by: User, reason: str, **_kwargs: Any
) -> None:
    """Their accesses are suspended in the same transaction; the reconciler closes the door.

    Raises ValidationError, and nothing is suspended, when one of them is of a file in which the
    administrator has a part: another administrator decides that sanction.
    """
    target = user or organisation
    if target is None:
        return
    try:
        stopping.follow_sanction(target, by=by, reason=reason)
    except stopping.PermitRefused as refused:
        raise ValidationError(str(refused)) from refused
