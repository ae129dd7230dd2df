"""The terms of use: one text per version, in `templates/accounts/terms/<version>.html`.

A changed text is a new version; the old files stay, so that what a person accepted can be read.
"""

from django.db import transaction

from . import signals
from .models import TermsAcceptance, User


CURRENT_TERMS = "2026-1"


def accepted(user: User, version: str = CURRENT_TERMS) -> TermsAcceptance | None:
    """The person's acceptance of a version, if any."""
    return TermsAcceptance.objects.filter(user=user, version=version).first()


def accept(*, by: User, version: str = CURRENT_TERMS) -> bool:
    """Record the acceptance; False when it was recorded already."""
    with transaction.atomic():
        row, created = TermsAcceptance.objects.get_or_create(user=by, version=version)
        if created:
            signals.event("account.terms_accept", by=by, on=row, data={"version": version})
            signals.conditions_changed.send(sender=None, user=by)
    return created
