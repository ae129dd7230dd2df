"""Where requests stand: states, dates, stages and moves; never their content."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from requests_app.models import (
    AccessRequest,
    NumberSeries,
    ReasonedAccess,
    Stage,
    Task,
    TransitionLog,
)

from .base import ReadOnlyAdmin


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnlyAdmin):
    request_path = "pk"
    list_display = (
        "number",
        "state",
        "procedure_code",
        "procedure_version",
        "organisation",
        "submitted_at",
        "completed_at",
        "ended_at",
        "consult",
    )
    list_filter = ("state", "procedure_code", "submitted_at")
    search_fields = ("number", "organisation__name", "organisation__acronym")
    list_select_related = ("organisation",)
    date_hierarchy = "created_at"
    fields = (
        "id",
        "number",
        "state",
        "procedure_code",
        "procedure_version",
        "organisation",
        "urgent",
        "delivery_mode",
        "submitted_at",
        "completed_at",
        "ended_at",
        "created_at",
        "updated_at",
    )

    @admin.display(description=_("contenu"))
    def consult(self, obj: AccessRequest) -> SafeString:
        url = reverse("requests_app:consult", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, _("consulter avec un motif"))


@admin.register(Stage)
class StageAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "code",
        "state",
        "outcome",
        "role",
        "holder",
        "started_at",
        "due_at",
        "ended_at",
    )
    list_filter = ("state", "kind", "role", "outcome")
    search_fields = ("request__number",)
    list_select_related = ("request", "holder", "committee", "assignee")
    fields = (
        "id",
        "number",
        "code",
        "kind",
        "role",
        "holder",
        "committee",
        "state",
        "outcome",
        "round",
        "started_at",
        "due_at",
        "expired_at",
        "extended_at",
        "ended_at",
        "assignee",
    )

    @admin.display(description=_("dossier"), ordering="request__number")
    def number(self, obj: Stage) -> str:
        return obj.request.number or "–"


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_display = ("number", "code", "role", "opened_at", "due_at", "closed_at", "outcome")
    list_filter = ("code", "role", "outcome")
    search_fields = ("request__number",)
    list_select_related = ("request",)
    fields = (
        "id",
        "number",
        "code",
        "role",
        "blocks",
        "opened_at",
        "due_at",
        "closed_at",
        "outcome",
    )

    @admin.display(description=_("dossier"), ordering="request__number")
    def number(self, obj: Task) -> str:
        return obj.request.number or "–"


@admin.register(TransitionLog)
class TransitionLogAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "number", "name", "source", "target", "by", "at")
    list_filter = ("name", "target")
    search_fields = ("request__number",)
    list_select_related = ("request", "by")
    fields = ("number", "name", "source", "target", "by", "at", "recorded_at")

    @admin.display(description=_("dossier"), ordering="request__number")
    def number(self, obj: TransitionLog) -> str:
        return obj.request.number or "–"


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    request_path = ""
    list_display = ("code", "last")


@admin.register(ReasonedAccess)
class ReasonedAccessAdmin(ReadOnlyAdmin):
    """Who read a file as an administrator, when, and for which reason."""

    list_display = ("granted_at", "number", "user", "reason", "expires_at")
    list_filter = ("granted_at",)
    search_fields = ("request__number", "user__username", "user__last_name")
    list_select_related = ("request", "user")
    fields = ("number", "user", "reason", "granted_at", "expires_at")

    @admin.display(description=_("dossier"), ordering="request__number")
    def number(self, obj: ReasonedAccess) -> str:
        return obj.request.number or "–"
