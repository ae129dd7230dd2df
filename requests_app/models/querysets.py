"""Vocabulary of queries on requests; rights are in `requests_app.rights.permissions`."""

from typing import TYPE_CHECKING

from django.db import models


if TYPE_CHECKING:
    from .request import AccessRequest  # noqa: F401 - named in a string that mypy reads


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def submitted(self) -> "AccessRequestQuerySet":
        """Deposited at least once."""
        return self.filter(number__isnull=False)

    def for_holder(self, organisation_ids: frozenset) -> "AccessRequestQuerySet":
        """Requests whose specification holds a dataset of one of the holders."""
        return self.filter(datasets__dataset__holder__organisation__in=organisation_ids).distinct()
