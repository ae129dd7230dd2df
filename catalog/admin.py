"""Administration of the catalogue: descriptions are edited here, publishing is a verb."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.admin_roles import RoleAdmin, RoleInline
from portal.audit.record import record
from portal.common.admin import (
    NoDeleteMixin,
    ReadOnlyMixin,
    confirmed_action,
    reason_action,
)
from portal.common.admin_lists import AutocompleteFilter
from portal.common.calendar import legal_today

from .completeness import completeness
from .models import (
    DataHolder,
    Dataset,
    Distribution,
    ImportRun,
    IndexOutbox,
    StagedRow,
    Table,
    TableKey,
    Variable,
    VocabularyTerm,
)
from .publishing import publish, unpublish


OLDEST_FIGURES = date(1950, 1, 1)  # no database is described by older ones


class CatalogAdmin(RoleAdmin):
    """What is edited here decides who is asked and what is shown: each edit is in the log."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record("catalog.create", by=request.user, on=obj)
        elif form.changed_data:
            record("catalog.change", by=request.user, on=obj, data={"fields": form.changed_data})

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        record("catalog.delete", by=request.user, on=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


class PublishedFilter(admin.SimpleListFilter):
    title = gettext_lazy("publication")
    parameter_name = "publiee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("oui", _("publiée")), ("non", _("non publiée"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "oui":
            return queryset.published()
        if self.value() == "non":
            return queryset.filter(published_at__isnull=True)
        return queryset


class DistributionInline(RoleInline):
    model = Distribution
    extra = 0
    fields = ["title_fr", "title_en", "access_url", "media_type", "licence"]


@admin.register(Dataset)
class DatasetAdmin(NoDeleteMixin, CatalogAdmin):
    list_display = [
        "title_fr",
        "code",
        "kind",
        "ask_route",
        "holder_name",
        "table_count",
        "is_published",
        "percent",
        "is_demo",
    ]
    list_filter = [
        "kind",
        "ask_route",
        PublishedFilter,
        "is_demo",
        ("holder", AutocompleteFilter),
    ]
    search_fields = ["code", "title_fr", "acronym", "holder__organisation__name"]
    autocomplete_fields = ["holder", "terms"]
    filter_horizontal = ["controllers"]
    readonly_fields = ["published_at", "missing_items"]
    inlines = [DistributionInline]
    fieldsets = [
        (None, {"fields": ["code", "kind", "acronym", "title_fr", "title_en", "holder",
                           "controllers", "is_demo", "published_at", "missing_items"]}),
        (gettext_lazy("Contenu"), {"fields": ["summary_fr", "summary_en", "excludes_fr",
         "excludes_en", "population_fr", "population_en", "covers_from", "covers_until",
         "spatial_fr", "keywords_fr", "keywords_en", "terms"]}),
        (gettext_lazy("Accès"), {"fields": ["ask_route", "route_name_fr", "route_name_en",
         "route_url", "contact_email", "contact_page", "access_rights", "access_conditions_fr",
         "access_conditions_en", "landing_page"]}),
        (gettext_lazy("Effectifs et sources"), {"fields": ["number_of_individuals",
         "number_of_records", "figures_source", "figures_on", "min_typical_age",
         "max_typical_age", "frequency", "provenance_fr", "provenance_en", "as_of",
         "description_source"]}),
    ]  # fmt: skip
    days = {
        "figures_on": (OLDEST_FIGURES, legal_today),
        "as_of": (OLDEST_FIGURES, legal_today),
    }
    actions = [
        confirmed_action(
            label=gettext_lazy("Publier"),
            warning=gettext_lazy("Ces descriptions seront visibles de tous."),
            name="publish_selected",
            act=lambda dataset, by, _reason: publish(dataset, by=by),
        ),
        reason_action(
            label=gettext_lazy("Retirer de la publication"),
            warning=gettext_lazy("Ces descriptions ne seront plus visibles du public."),
            name="unpublish_selected",
            act=lambda dataset, by, reason: unpublish(dataset, by=by, reason=reason),
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        there = Table.objects.current().filter(dataset=OuterRef("pk")).order_by()
        number = there.values("dataset").annotate(number=Count("pk")).values("number")
        return (
            Dataset.objects.visible_to(request.user)
            .select_related("holder__organisation")
            .prefetch_related("controllers")
            .annotate(
                has_tables=Exists(there),
                # Of the rows shown only: a join would count those of the whole catalogue.
                tables_now=Coalesce(Subquery(number), 0),
            )
        )

    @admin.display(description=gettext_lazy("responsable"), ordering="holder__organisation__name")
    def holder_name(self, dataset: Dataset) -> str:
        return dataset.holder.organisation.name

    @admin.display(description=gettext_lazy("tables"), ordering="tables_now")
    def table_count(self, dataset: Any) -> int:
        return int(dataset.tables_now)

    @admin.display(description=gettext_lazy("publiée"), boolean=True, ordering="published_at")
    def is_published(self, dataset: Dataset) -> bool:
        return dataset.is_published

    @admin.display(description=gettext_lazy("complète"))
    def percent(self, dataset: Dataset) -> str:
        return f"{completeness(dataset).percent}\u202f%"

    @admin.display(description=gettext_lazy("ce qui manque"))
    def missing_items(self, dataset: Dataset) -> "SafeString | str":
        if dataset.pk is None:
            return "–"
        missing = completeness(dataset).missing
        if not missing:
            return _("rien")
        return format_html_join(
            "", "{}{}<br>", ((i.label, _(" (obligatoire)") if i.mandatory else "") for i in missing)
        )


@admin.register(DataHolder)
class DataHolderAdmin(NoDeleteMixin, CatalogAdmin):
    list_display = ["name", "contact_email", "dataset_count", "is_demo"]
    list_filter = ["organisation__is_demo"]
    search_fields = ["organisation__name", "organisation__code", "contact_email"]
    autocomplete_fields = ["organisation"]
    list_select_related = ["organisation"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(dataset_total=Count("datasets"))

    @admin.display(description=gettext_lazy("nom"), ordering="organisation__name")
    def name(self, holder: DataHolder) -> str:
        return holder.organisation.name

    @admin.display(description=gettext_lazy("bases"), ordering="dataset_total")
    def dataset_count(self, holder: Any) -> int:
        return int(holder.dataset_total)

    @admin.display(description=gettext_lazy("démonstration"), boolean=True)
    def is_demo(self, holder: DataHolder) -> bool:
        return holder.organisation.is_demo


class RemovedFilter(admin.SimpleListFilter):
    title = gettext_lazy("présence")
    parameter_name = "retiree"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("non", _("présente")), ("oui", _("retirée"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("oui", "non"):
            return queryset.filter(removed_at__isnull=self.value() == "non")
        return queryset


@admin.register(Table)
class TableAdmin(NoDeleteMixin, CatalogAdmin):
    list_display = ["name", "label_fr", "dataset", "valid_from", "valid_until", "removed_at"]
    list_filter = [RemovedFilter, ("dataset", AutocompleteFilter)]
    search_fields = ["name", "label_fr"]
    autocomplete_fields = ["dataset"]
    readonly_fields = ["removed_at"]
    list_select_related = ["dataset"]


@admin.register(Variable)
class VariableAdmin(NoDeleteMixin, CatalogAdmin):
    list_display = [
        "name",
        "label_fr",
        "table_name",
        "dataset_title",
        "data_type",
        "identifier",
        "valid_from",
        "valid_until",
    ]
    list_filter = ["identifier", "data_type", RemovedFilter]
    search_fields = ["name", "label_fr", "table__name"]
    autocomplete_fields = ["table"]
    readonly_fields = ["removed_at"]
    list_select_related = ["table__dataset"]

    @admin.display(description=gettext_lazy("table"), ordering="table__name")
    def table_name(self, variable: Variable) -> str:
        return variable.table.name

    @admin.display(description=gettext_lazy("base"), ordering="table__dataset__title_fr")
    def dataset_title(self, variable: Variable) -> str:
        return variable.table.dataset.title_fr


@admin.register(TableKey)
class TableKeyAdmin(CatalogAdmin):
    list_display = ["table", "variables", "target_table", "target_variables"]
    search_fields = ["table__name", "target_table__name"]
    autocomplete_fields = ["table", "target_table"]
    list_select_related = ["table", "target_table"]


@admin.register(VocabularyTerm)
class VocabularyTermAdmin(CatalogAdmin):
    list_display = ["label_fr", "scheme", "code", "uri"]
    list_filter = ["scheme"]
    search_fields = ["code", "label_fr", "label_en"]


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyMixin, RoleAdmin):
    list_display = ["started_at", "reader", "source", "state", "rules_version", "finished_at"]
    list_filter = ["state", "reader"]
    search_fields = ["source", "fingerprint"]


@admin.register(StagedRow)
class StagedRowAdmin(ReadOnlyMixin, RoleAdmin):
    """The report of the last import, row by row."""

    list_display = ["file", "line", "kind", "table_name", "name", "outcome", "message"]
    list_filter = ["outcome", "kind"]
    search_fields = ["=dataset_code", "file", "table_name", "name"]
    search_help_text = gettext_lazy("Code de la base, fichier, table ou variable")


@admin.register(IndexOutbox)
class IndexOutboxAdmin(ReadOnlyMixin, RoleAdmin):
    """What the index still has to take up; rows that fail show why."""

    list_display = ["id", "kind", "key", "created_at", "attempts", "not_before", "last_error"]
    list_filter = ["kind", ("last_error", admin.EmptyFieldListFilter)]
    search_fields = ["key", "last_error"]
