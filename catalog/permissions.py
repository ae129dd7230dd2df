"""Who sees what in the catalogue: one rule, as a filter for sets and as an answer for one object.

Published descriptions are public. A description in preparation is seen by the representatives of
its holder, by the secretariat, the administrators and the auditors.
"""

from typing import Any, Protocol

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import Role, User
from portal.accounts.roles import has_role, scopes


SEES_DRAFTS = (Role.SECRETARIAT, Role.ADMINISTRATOR, Role.AUDITOR)
EDITS = (Role.SECRETARIAT, Role.ADMINISTRATOR)


class Described(Protocol):
    """What is read here of a `models.Dataset`, whose query sets ask this module."""

    holder: Any

    @property
    def is_published(self) -> bool: ...


def dataset_filter(user: User | AnonymousUser, prefix: str = "") -> Q:
    """The condition on a dataset, `prefix` leading to it from the queried model."""
    if has_role(user, *SEES_DRAFTS):
        return Q()
    public = Q(**{f"{prefix}published_at__isnull": False}) & Q(
        **{f"{prefix}published_at__lte": timezone.now()}
    )
    held = scopes(user, Role.HOLDER_REPRESENTATIVE)
    if held:
        public |= Q(**{f"{prefix}holder__organisation_id__in": held})
    return public


def may_see_dataset(user: User | AnonymousUser, dataset: Described) -> bool:
    return (
        dataset.is_published
        or has_role(user, *SEES_DRAFTS)
        or dataset.holder.organisation_id in scopes(user, Role.HOLDER_REPRESENTATIVE)
    )


def may_publish(user: User | AnonymousUser, dataset: Described) -> bool:
    """Secretariat and administrators; a holder's representative for the holder's own databases."""
    return has_role(user, *EDITS) or dataset.holder.organisation_id in scopes(
        user, Role.HOLDER_REPRESENTATIVE
    )
