"""Read-only lists of the log."""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.common.guarded_admin import GuardedAdmin

from . import actions
from .labels import people
from .models import AuditEvent, AuditSeal, AuditText
from .permissions import can_open_log, can_read_everything, visible_to


class ReadOnlyAdmin(GuardedAdmin):
    """Nothing is added, changed or deleted; `is_staff` and permissions of Django add nothing."""

    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_open_log(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_open_log(request.user)


class ActionFilter(admin.SimpleListFilter):
    """Registered actions: no query over the table to find which ones there are."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        pairs = [(action.code, str(action.label)) for action in actions.registered()]
        return sorted(pairs, key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    title = _("issue")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("done", _("fait")), ("refused", _("refusé")), ("failed", _("en échec"))]  # type: ignore[list-item]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = [
        "recorded_at",
        "label",
        "actor",
        "on_type",
        "on_id",
        "about",
        "outcome",
        "sealed",
    ]
    list_filter = [ActionFilter, OutcomeFilter, "recorded_at"]
    search_fields = ["=id", "=actor_id", "=on_id", "=about"]
    search_help_text = _("Identifiant de l’événement, de la personne, de l’objet ou du dossier")
    fields: ClassVar[list[Any]] = [
        "recorded_at",
        "legal_at",
        "label",
        "actor",
        "on_type",
        "on_id",
        "about",
        "outcome",
        "data",
        "words",
        "text_hash",
        "sealed",
    ]
    readonly_fields = [*fields]
    # Sorting by another column would read the whole log.
    sortable_by = ["recorded_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return visible_to(request.user).select_related("seal")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """An id that is not one finds nothing, instead of failing on PostgreSQL."""
        term = search_term.strip().lower()
        if not term:
            return queryset, False
        compact = term.replace("-", "")
        if len(compact) == 32 and all(c in "0123456789abcdef" for c in compact):
            found = queryset.filter(id=term) | queryset.filter(actor_id=term)
            return found | queryset.filter(about=term) | queryset.filter(on_id=term), False
        return queryset.filter(on_id=term), False

    def fill(self, changelist: ChangeList) -> None:
        """Names of the page's actors in one query."""
        events = list(changelist.result_list)
        names = people(event.actor_id for event in events)
        for event in events:
            event.actor_label = names[event.actor_id]
        changelist.result_list = events

    def about_of(self, obj: AuditEvent) -> UUID | None:
        return obj.about

    @admin.display(description=_("action"))
    def label(self, event: AuditEvent) -> str:
        return actions.label_of(event.action)

    @admin.display(description=_("auteur"))
    def actor(self, event: AuditEvent) -> str:
        name: str | None = getattr(event, "actor_label", None)
        return name or people([event.actor_id])[event.actor_id]

    @admin.display(description=_("scellé"))
    def sealed(self, event: AuditEvent) -> str:
        seal = getattr(event, "seal", None)
        return str(seal.position) if seal else gettext("en attente")

    @admin.display(description=_("texte"))
    def words(self, event: AuditEvent) -> str:
        # Without its salt, which would let an erased text be guessed from its fingerprint.
        return AuditText.objects.filter(event=event).values_list("text", flat=True).first() or ""


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    """The chain: for those who read the whole log."""

    list_display = ["position", "segment", "event_id", "hash", "sealed_at"]
    list_filter = ["segment"]
    search_fields = ["=hash"]
    search_help_text = _("Empreinte complète")
    sortable_by = ["position"]
    fields: ClassVar[list[Any]] = [
        "position",
        "segment",
        "event_id",
        "previous",
        "hash",
        "sealed_at",
    ]
    readonly_fields = [*fields]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_read_everything(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_read_everything(request.user)
