"""What a long list of the administration costs: bounded counts, filters that do not print all.

A list is found through its search and filters: nobody reads its ten-thousandth row, so nothing
counts further, and no filter or date navigation reads the whole table to offer its choices.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


MOST_LISTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts and pages no further than `MOST_LISTED` rows; `is_bounded` when there are more."""

    most = MOST_LISTED

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: self.most + 1].count()

    @property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def is_bounded(self) -> bool:
        return self._counted > self.most


class AutocompleteFilter(admin.RelatedFieldListFilter):
    """A relation chosen by typing its name: `list_filter = [("dataset", AutocompleteFilter)]`.

    The other table's own list says what can be searched; see `GuardedAutocomplete` for who may.
    """

    template = "admin/autocomplete_filter.html"

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: Any,
        model: type[models.Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        if field_path != field.name:
            raise TypeError(f"{field_path}: only a relation of the list's own table is searched")
        self.site = model_admin.admin_site
        there = self.site.get_model_admin(field.remote_field.model)
        self.rows = there.get_queryset(request).prefetch_related(None)

    def field_choices(self, *_args: Any) -> list[tuple[Any, str]]:  # type: ignore[override]
        return []  # Django's would read every row of the other table

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """One entry: the form of the filter, and where "all" leads."""
        asked = [self.lookup_kwarg, self.lookup_kwarg_isnull]
        given = changelist.filter_params.items()
        kept = [(name, value) for name, values in given if name not in asked for value in values]
        yield {
            "selected": not self.lookup_val,
            "query_string": changelist.get_query_string(remove=asked),
            "display": _("Tous"),
            "name": self.lookup_kwarg,
            "kept": kept,
            "widget": self.widget(),
        }

    def widget(self) -> SafeString:
        """The select with the chosen row only; its script asks for the others."""
        field = forms.ModelChoiceField(
            self.rows, widget=AutocompleteSelect(self.field, self.site), required=False
        )
        chosen = self.lookup_val[-1] if isinstance(self.lookup_val, list) else self.lookup_val
        found: SafeString = field.widget.render(
            self.lookup_kwarg,
            chosen,
            {"id": f"id_filter_{self.field_path}", "aria-label": str(self.title)},
        )
        return found


def by_year(column: str, words: Any) -> type[admin.SimpleListFilter]:
    """A filter by the year of a day or moment: one query for the first and last, no distinct."""

    class YearFilter(admin.SimpleListFilter):
        title = words
        parameter_name = f"{column}_annee"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            rows = model_admin.get_queryset(request).order_by()
            ends = rows.aggregate(first=Min(column), last=Max(column))
            if ends["first"] is None:
                return []
            years = range(_day(ends["last"]).year, _day(ends["first"]).year - 1, -1)
            return [(str(year), str(year)) for year in years]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            if self.value() not in {value for value, _label in self.lookup_choices}:
                return queryset
            year = int(self.value() or 0)
            bounds: list[Any] = [date(year, 1, 1), date(year + 1, 1, 1)]
            field = queryset.model._meta.get_field(column)  # noqa: SLF001
            if isinstance(field, models.DateTimeField):
                bounds = [_midnight(day) for day in bounds]
            return queryset.filter(**{f"{column}__gte": bounds[0], f"{column}__lt": bounds[1]})

    return YearFilter


def _day(value: Any) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


def _midnight(day: date) -> datetime:
    zone = timezone.get_current_timezone()
    return datetime(day.year, day.month, day.day, tzinfo=zone)
