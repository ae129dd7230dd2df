"""The vocabulary of the catalogue's queries."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User

from .names import key_of
from .permissions import dataset_filter


class DatasetQuerySet(models.QuerySet[Any]):
    def published(self) -> "DatasetQuerySet":
        return self.filter(published_at__isnull=False, published_at__lte=timezone.now())

    def requestable(self) -> "DatasetQuerySet":
        """Published and asked for here: the only ones that get a basket button."""
        return self.published().filter(ask_route="here")

    def main_base(self) -> "DatasetQuerySet":
        return self.filter(kind="main_base")

    def visible_to(self, user: User | AnonymousUser) -> "DatasetQuerySet":
        """Rows for which `permissions.may_see_dataset` answers yes (a property test proves it)."""
        return self.filter(dataset_filter(user))


class TableQuerySet(models.QuerySet[Any]):
    def current(self) -> "TableQuerySet":
        """Without those that the last import no longer found."""
        return self.filter(removed_at__isnull=True)

    def counting_variables(self) -> "TableQuerySet":
        """Each with `variable_count`, of those that are still described."""
        there = Q(variables__removed_at__isnull=True)
        return self.annotate(variable_count=models.Count("variables", filter=there))

    def published(self) -> "TableQuerySet":
        return self.current().filter(
            dataset__published_at__isnull=False, dataset__published_at__lte=timezone.now()
        )

    def visible_to(self, user: User | AnonymousUser) -> "TableQuerySet":
        return self.filter(dataset_filter(user, prefix="dataset__"))


class TableKeyQuerySet(models.QuerySet[Any]):
    """A key names two tables: it is shown where both are."""

    def current(self) -> "TableKeyQuerySet":
        return self.filter(table__removed_at__isnull=True, target_table__removed_at__isnull=True)

    def published(self) -> "TableKeyQuerySet":
        return self.current().visible_to(AnonymousUser())

    def visible_to(self, user: User | AnonymousUser) -> "TableKeyQuerySet":
        return self.filter(
            dataset_filter(user, prefix="table__dataset__"),
            dataset_filter(user, prefix="target_table__dataset__"),
        )


class VariableQuerySet(models.QuerySet[Any]):
    def current(self) -> "VariableQuerySet":
        return self.filter(removed_at__isnull=True, table__removed_at__isnull=True)

    def held(self) -> "VariableQuerySet":
        """Still described, of tables already known to be."""
        return self.filter(removed_at__isnull=True)

    def gone(self) -> "VariableQuerySet":
        """Those that the last import no longer found, or whose table it did not."""
        return self.exclude(removed_at__isnull=True, table__removed_at__isnull=True)

    def published(self) -> "VariableQuerySet":
        return self.current().filter(
            table__dataset__published_at__isnull=False,
            table__dataset__published_at__lte=timezone.now(),
        )

    def named(self, name: str) -> "VariableQuerySet":
        """All variables of one name, whatever its case and the table that holds it."""
        return self.filter(name_key=key_of(name))

    def identifying(self) -> "VariableQuerySet":
        """Potential identifiers (A22)."""
        return self.exclude(identifier="")

    def in_years(self, first: int, last: int) -> "VariableQuerySet":
        """Whose validity meets the years, gaps left aside (JSON is not searched in SQL)."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=last),
            Q(valid_until__isnull=True) | Q(valid_until__gte=first),
        )

    def visible_to(self, user: User | AnonymousUser) -> "VariableQuerySet":
        return self.filter(dataset_filter(user, prefix="table__dataset__"))
