"""The verbs that make a description public, or take it back."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record

from .completeness import completeness
from .models import Dataset
from .permissions import may_publish


if TYPE_CHECKING:
    from portal.accounts.models import User


def publish(dataset: Dataset, *, by: "User | None") -> bool:
    """Make the description public; False when it already is. `by=None` is the system (an import).

    Raises PermissionDenied, and ValidationError naming what is missing.
    """
    if by is not None and not may_publish(by, dataset):
        raise PermissionDenied
    with transaction.atomic():
        current = Dataset.objects.select_for_update().get(pk=dataset.pk)
        if current.is_published:
            return False
        if blocking := completeness(current).blocking:
            missing = ", ".join(str(item.label) for item in blocking)
            raise ValidationError(
                _("« %(title)s » ne peut pas être publié : il manque %(missing)s.")
                % {"title": current.title_fr, "missing": missing}
            )
        current.published_at = timezone.now()
        current.save(update_fields=["published_at", "updated_at"])
        record("catalog.publish", by=by, on=current, data={"code": current.code})
    dataset.published_at = current.published_at
    return True


def unpublish(dataset: Dataset, *, by: "User | None", reason: str) -> bool:
    """Take the description back; False when it was not public. Requests already made keep it.

    Raises PermissionDenied, and ValidationError without a reason.
    """
    if by is not None and not may_publish(by, dataset):
        raise PermissionDenied
    if not reason.strip():
        raise ValidationError(_("Donnez le motif du retrait."))
    with transaction.atomic():
        current = Dataset.objects.select_for_update().get(pk=dataset.pk)
        if not current.is_published:
            return False
        current.published_at = None
        current.save(update_fields=["published_at", "updated_at"])
        record("catalog.unpublish", by=by, on=current, text=reason, data={"code": current.code})
    dataset.published_at = None
    return True
