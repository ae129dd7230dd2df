"""Vocabulary of queries on requests; rights are in `requests_app.rights.permissions`."""

from typing import Any

from django.db import models


class AccessRequestQuerySet(models.QuerySet[Any]):
    def submitted(self) -> "AccessRequestQuerySet":
        """Deposited at least once."""
        return self.filter(number__isnull=False)

    def for_holder(self, organisation_ids: frozenset) -> "AccessRequestQuerySet":
        """Requests whose specification holds a dataset of one of the holders."""
        return self.filter(datasets__dataset__holder__organisation__in=organisation_ids).distinct()
