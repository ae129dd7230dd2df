"""Vocabulary of queries on requests; rights are in `requests_app.rights.permissions`."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from requests_app.procedures.cases import CaseType

from .announced import AnnouncedQuerySet


class RequestQuerySet(models.QuerySet[Any]):
    def of_type(self, *types: CaseType) -> "RequestQuerySet":
        """Cases of these types; without it a list holds files of every type."""
        return self.filter(type__in=[str(one) for one in types])


class MemberQuerySet(AnnouncedQuerySet[Any]):
    def current(self) -> "MemberQuerySet":
        """In the file now."""
        return self.filter(removed_at__isnull=True)

    def there_since(self, at: datetime) -> "MemberQuerySet":
        """In the file now, or until an instant that is not before `at`."""
        return self.filter(Q(removed_at=None) | Q(removed_at__gte=at))


class VersionQuerySet(models.QuerySet[Any]):
    def signed(self) -> "VersionQuerySet":
        """Those that count: signed, or frozen where nothing needed a signature again."""
        return self.filter(status="signed")

    def unsigned(self) -> "VersionQuerySet":
        """Frozen, and not signed yet as far as the counter knows: one or none of a request."""
        return self.filter(status__in=self.model.UNSIGNED)

    def newest_first(self) -> "VersionQuerySet":
        return self.order_by("-number")

    def newest(self) -> Any | None:
        """The one of the highest number; None where there is none."""
        return self.newest_first().first()


class GrantQuerySet(models.QuerySet[Any]):
    def live(self) -> "GrantQuerySet":
        """Not closed: opened, on its way, stopped or failed."""
        return self.exclude(state="closed")

    def giving_access(self, at: datetime) -> "GrantQuerySet":
        """Open as proven and wanted so, at a legal instant: who has access to what."""
        return self.filter(
            state="open",
            wanted="open",
            permit__starts_at__lte=at,
            permit__revoked_at__isnull=True,
            permit__suspended_at__isnull=True,
            permit__expires_at__gte=at,
            expires_at__gte=at,
            person__is_active=True,
        )


class ActQuerySet(models.QuerySet[Any]):
    def in_force(self) -> "ActQuerySet":
        """Not corrected by a later one."""
        return self.filter(corrected_by__isnull=True)
