"""Rows whose every change is heard: an `update()`, which Django tells nobody of, announces too."""

from typing import Any, TypeVar

from django.db import models
from django.dispatch import Signal


M = TypeVar("M", bound=models.Model)

# sender: the model; rows (list): as they were before; in the transaction of the update
rows_updated = Signal()


class AnnouncedQuerySet(models.QuerySet[M]):
    """For rows that decide what is expected of somebody; `save()` has Django's own signals."""

    def update(self, **changes: Any) -> int:
        rows = list(self)
        changed = super().update(**changes)
        if rows:
            rows_updated.send(sender=self.model, rows=rows)
        return changed
