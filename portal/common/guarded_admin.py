"""The base of every list of the administration: what may be asked of it, and who asked.

Django filters a list by any column of its table, follows relations, and reads whole rows. Here a
list answers what it offers and nothing else, leaves sensitive columns in the database
(`portal.common.sensitive`), and each look is recorded before it is shown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import filters
from django.contrib.admin.exceptions import (
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
)
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import (
    FieldDoesNotExist,
    ObjectDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.db.models import F, ForeignKey, ManyToManyField, Model, QuerySet
from django.db.models.expressions import OrderBy
from django.forms.widgets import Media
from django.http import HttpRequest
from django.utils.dateparse import parse_date, parse_datetime

from .admin_lists import AutocompleteFilter, BoundedPaginator
from .sensitive import sensitive_columns, touches_sensitive, without_sensitive
from .signals import admin_looked, admin_refused


REFUSALS = (PermissionDenied, DisallowedModelAdminLookup, DisallowedModelAdminToField)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:-]+")
_ORDER = re.compile(r"-?[0-9]{1,9}")  # Django reads more with int(): +3, 0_3, digits of any script
SEARCH_CHARS, SEARCH_WORDS = 200, 10  # each word is a condition per column


def _is_held(value: str) -> bool:
    """Whether a date or a moment is one that every time zone can hold; Django refuses what is no
    date at all."""
    try:
        found = parse_datetime(value) or parse_date(value)
    except ValueError:
        return True
    return found is None or 1000 <= found.year <= 9998


def _parameters(model: type[Model], item: Any) -> set[str]:
    """Names that one entry of `list_filter` puts into addresses; none for a kind unknown here."""
    if isinstance(item, type):
        return {item.parameter_name} if issubclass(item, admin.SimpleListFilter) else set()  # type: ignore[arg-type]
    path, kind = item if isinstance(item, list | tuple) else (item, None)
    field: Any = get_fields_from_path(model, path)[-1]
    if kind is None:
        kinds = filters.FieldListFilter._field_list_filters  # type: ignore[attr-defined]  # noqa: SLF001
        kind = next(found for test, found in kinds if test(field))
    absent = {f"{path}__isnull"} if field.null or field.many_to_many else set()
    if issubclass(kind, filters.EmptyFieldListFilter):
        return {f"{path}__isempty"}
    if issubclass(kind, filters.RelatedFieldListFilter):
        return {f"{path}__{field.target_field.name}__exact"} | absent
    if issubclass(kind, filters.BooleanFieldListFilter | filters.ChoicesFieldListFilter):
        return {f"{path}__exact"} | absent
    if issubclass(kind, filters.DateFieldListFilter):
        return {f"{path}__gte", f"{path}__lt"} | absent
    return {path} | absent if issubclass(kind, filters.AllValuesFieldListFilter) else set()


@lru_cache(maxsize=256)
def _offered(model: type[Model], list_filter: tuple[Any, ...]) -> frozenset[str]:
    names: set[str] = set().union(*(_parameters(model, item) for item in list_filter))
    return frozenset(name for name in names if not touches_sensitive(model, name))


def order_columns(model: type[Model], name: str) -> list[str]:
    """The columns, as paths, that an order by `name` sorts by: a relation sorts as its rows do."""
    name = name.lstrip("-")
    try:
        field = get_fields_from_path(model, name)[-1]
    except FieldDoesNotExist:
        return [name]  # an annotation
    related: Any = getattr(field, "related_model", None)
    if related is None or getattr(field, "attname", name) == name.split("__")[-1]:
        return [name]
    orders = [one for one in related._meta.ordering if isinstance(one, str)]  # noqa: SLF001
    return [f"{name}__{path}" for one in orders for path in order_columns(related, one)] or [name]


class GuardedChangeList(ChangeList):
    """Sorted by what is offered only, and read without its sensitive columns."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        offered = list(self.list_display if self.sortable_by is None else self.sortable_by)
        asked = self.params.get(ORDER_VAR, "")
        for part in asked.split(".") if asked else ():
            if not _ORDER.fullmatch(part):
                raise DisallowedModelAdminLookup(f"Filtering by {ORDER_VAR} not allowed")
            index = part.removeprefix("-")
            if int(index) >= len(self.list_display):
                continue  # leads nowhere, and sorts by nothing
            shown = self.list_display[int(index)]
            if shown not in offered or not self._may_order(self.get_ordering_field(shown)):
                raise DisallowedModelAdminLookup(f"Filtering by o={index} not allowed")
        return super().get_ordering(request, queryset)

    def _may_order(self, order: Any) -> bool:
        if isinstance(order, OrderBy):
            order = order.expression
        if isinstance(order, F):
            order = vars(order)["name"]
        if order is None:
            return True  # sorts by nothing
        return isinstance(order, str) and not any(
            touches_sensitive(self.model, path) for path in order_columns(self.model, order)
        )

    def apply_select_related(self, qs: QuerySet[Any]) -> QuerySet[Any]:
        """By name: Django would otherwise join every relation of the table, and theirs."""
        if self.list_select_related is False:
            fields = self.lookup_opts.get_fields()
            one = {field.name for field in fields if field.many_to_one or field.one_to_one}
            shown = [name for name in self.list_display if name in one]
            return qs.select_related(*shown) if shown else qs
        return super().apply_select_related(qs)

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return without_sensitive(super().get_queryset(request, *args, **kwargs))


class GuardedOptions:
    """For a list and for the rows inside a form alike: no sensitive column in any form."""

    model: type[Model]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        given: Sequence[str] = super().get_exclude(request, obj) or ()  # type: ignore[misc]
        return [*given, *sorted(sensitive_columns(self.model) - set(given))]

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        return _deferring(field)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        return _deferring(field)


def _deferring(field: Any) -> Any:
    if field is not None and getattr(field, "queryset", None) is not None:
        field.queryset = without_sensitive(field.queryset)
    return field


class GuardedInline(GuardedOptions, admin.TabularInline):  # type: ignore[type-arg]
    """Rows inside a form. Read without their sensitive columns by the form (`GuardedAdmin`)."""


class GuardedAdmin(GuardedOptions, admin.ModelAdmin):  # type: ignore[type-arg]
    """A list and its pages. Who may enter them is said by the room's own mixin."""

    view_on_site = False  # by content type and id it would read any row of any table
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count of the whole table for each choice of a filter

    @property
    def media(self) -> Media:
        found = super().media
        for item in self.list_filter:
            if isinstance(item, tuple) and item[1] is AutocompleteFilter:
                field = self.model._meta.get_field(str(item[0]))  # noqa: SLF001
                found += AutocompleteSelect(field, self.admin_site).media
        return found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return GuardedChangeList

    # --- what may be asked -------------------------------------------------------------------

    def offered_lookups(self, request: HttpRequest | None = None) -> frozenset[str]:
        """The parameters that the list's own filters put into addresses."""
        items: Iterable[Any] = self.get_list_filter(request) if request else self.list_filter
        plain = tuple(tuple(item) if isinstance(item, list) else item for item in items)
        return _offered(self.model, plain)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Whether the list offers the look-up; whatever it does not offer is refused."""
        if lookup not in self.offered_lookups(request):
            return False
        if lookup.endswith(("__gte", "__lt")):  # offered by filters of dates alone
            return _is_held(str(value))
        return True

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """By the first words only: without end they are more conditions than a database takes."""
        words = search_term.replace("\0", "")[:SEARCH_CHARS].split()[:SEARCH_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Rows are named by their key alone: by another column, an address would guess it."""
        return bool(self.model._meta.pk and self.model._meta.pk.name == to_field)  # noqa: SLF001

    # --- what is read ------------------------------------------------------------------------

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """The row with the rows it points to, without their sensitive columns."""
        if from_field and not self.to_field_allowed(request, from_field):
            return None
        found = self.get_queryset(request)
        fields = self.model._meta.concrete_fields  # noqa: SLF001
        near = {field.name for field in fields if field.many_to_one or field.one_to_one}
        listed = self.list_select_related
        near |= set(listed) if isinstance(listed, list | tuple) else set()
        if near:
            found = found.select_related(*sorted(near))
        key = self.model._meta.pk  # noqa: SLF001
        try:
            return without_sensitive(found).get(pk=key.to_python(object_id) if key else object_id)
        except (ObjectDoesNotExist, ValidationError, ValueError):
            return None

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        found: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        # Each row names the one it is shown under: joined, or it would be read whole, row by row.
        fields = inline.model._meta.concrete_fields  # noqa: SLF001
        back = [field.name for field in fields if field.related_model is self.model]
        return found | {"queryset": without_sensitive(found["queryset"].select_related(*back))}

    # --- who looked --------------------------------------------------------------------------

    def about_of(self, obj: Any) -> UUID | None:
        """The request that a row belongs to: the look belongs to its story."""
        return None

    def looked(self, request: HttpRequest, kind: str, on: Any) -> None:
        """Have the look recorded. Raises Unavailable (503) when it cannot be."""
        about = self.about_of(on) if isinstance(on, Model) else None
        admin_looked.send(sender=None, request=request, kind=kind, on=on, about=about)

    def _looked_at(self, request: HttpRequest, object_id: str, kind: str) -> Any:
        """Before the page's own transaction: a look is recorded even if nothing comes of it."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:  # absent, or closed to the person: they learn no difference
            refused(request, self.model, "absent")
        elif self.has_view_or_change_permission(request, obj):
            self.looked(request, kind, obj)
        return obj

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        self.fill(changelist)
        self.looked(request, "list", self.model)
        return changelist

    def fill(self, changelist: ChangeList) -> None:
        """What a list's rows need beside their own columns, read once for the page."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        with recorded_refusals(request, self.model):
            return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        with recorded_refusals(request, self.model):
            if object_id is not None:
                self._looked_at(request, object_id, "object")
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        with recorded_refusals(request, self.model):
            self._looked_at(request, object_id, "object")
            return super().delete_view(request, object_id, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        with recorded_refusals(request, self.model):
            if self._looked_at(request, object_id, "history") is not None:
                entries = LogEntry.objects.filter(
                    object_id=unquote(object_id),
                    content_type=get_content_type_for_model(self.model),
                )
                entries = entries.select_related("user", "content_type").order_by("action_time")
                pages = self.get_paginator(request, without_sensitive(entries), 100)
                page = pages.get_page(request.GET.get(PAGE_VAR, 1))
                # In place of Django's own, never evaluated, that reads the authors' whole rows.
                extra_context = (extra_context or {}) | {"action_list": page}
            return super().history_view(request, object_id, extra_context)


def refused(request: HttpRequest, model: type[Model] | None, detail: str) -> None:
    admin_refused.send(
        sender=None, request=request, model=model, detail=_UNSAFE.sub("_", detail)[:100]
    )


@contextmanager
def recorded_refusals(request: HttpRequest, model: type[Model] | None) -> Iterator[None]:
    """Around a view, outside its transaction: which look-up was tried, never its value."""
    try:
        yield
    except REFUSALS as error:
        words = str(error).removeprefix("Filtering by ").removesuffix(" not allowed")
        refused(request, model, words or "permission")
        raise


class GuardedAutocomplete(AutocompleteJsonView):
    """Names for a field that a form of this administration offers, to who may use that form."""

    model_admin: Any

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with recorded_refusals(request, None):
            answer = super().get(request, *args, **kwargs)
        self.model_admin.looked(request, "search", self.model_admin.model)
        return answer

    def process_request(self, request: HttpRequest) -> tuple[str, Any, Any, str]:
        found = super().process_request(request)
        source = found[2]
        if not self._filters(request, source) and not any(
            source.name in form.get_autocomplete_fields(request)
            and (form.has_add_permission(request, *last) or form.has_change_permission(request))
            for form, last in self._forms_of(source.model)
        ):
            raise PermissionDenied("autocomplete")
        return found

    def _filters(self, request: HttpRequest, source: Any) -> bool:
        """Whether a list that the person reads is filtered by the field."""
        site: Any = self.admin_site
        one = site._registry.get(source.model)  # noqa: SLF001
        return bool(
            one
            and (source.name, AutocompleteFilter) in one.get_list_filter(request)
            and one.has_view_permission(request)
        )

    def _forms_of(self, model: type[Model]) -> Iterator[tuple[Any, tuple[None, ...]]]:
        """The form of the model's own pages, and those inside the pages of others."""
        site: Any = self.admin_site
        for registered, one in site._registry.items():  # noqa: SLF001
            if registered is model:
                yield one, ()
            yield from (
                (kind(registered, site), (None,)) for kind in one.inlines if kind.model is model
            )

    def get_queryset(self) -> QuerySet[Any]:
        return without_sensitive(super().get_queryset())
