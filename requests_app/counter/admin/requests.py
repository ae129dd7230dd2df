"""Where requests stand: states, dates, stages and moves; never their content."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from portal.common.admin_lists import by_year
from requests_app.models import (
    AccessRequest,
    NumberSeries,
    ReasonedAccess,
    Stage,
    Task,
    TransitionLog,
)

from . import words
from .base import ReadOnlyAdmin


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnlyAdmin):
    request_path = "pk"
    list_display = (
        "number",
        "type",
        "state",
        "procedure",
        "organisation",
        "submitted_at",
        "completed_at",
        "ended_at",
        "consult",
    )
    list_filter = (
        "type",
        "state",
        words.ProcedureFilter,
        "submitted_at",
        by_year("created_at", _("année de création")),
    )
    search_fields = ("number", "organisation__name", "organisation__acronym")
    list_select_related = ("organisation",)
    fields = (
        "id",
        "number",
        "type",
        "parent",
        "state",
        "procedure",
        "organisation",
        "urgent",
        "delivery",
        "submitted_at",
        "completed_at",
        "ended_at",
        "created_at",
        "updated_at",
    )

    @admin.display(description=_("procédure"), ordering="procedure_code")
    def procedure(self, obj: AccessRequest) -> str:
        title = words.of_procedure(obj, lambda found: str(found.short_title), obj.procedure_code)
        return f"{title} v{obj.procedure_version}"

    @admin.display(description=_("mode de mise à disposition"))
    def delivery(self, obj: AccessRequest) -> str:
        return words.delivery(obj.delivery_mode)

    @admin.display(description=_("contenu"))
    def consult(self, obj: AccessRequest) -> SafeString:
        url = reverse("requests_app:consult", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, _("consulter avec un motif"))


@admin.register(Stage)
class StageAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "stage",
        "state",
        "outcome_words",
        "actor",
        "holder",
        "started_at",
        "due_at",
        "ended_at",
    )
    list_filter = (
        "state",
        words.StageFilter,
        words.RoleFilter,
        words.OutcomeFilter,
        "due_at",
    )
    search_fields = ("request__number",)
    list_select_related = ("request", "holder", "committee", "assignee")
    fields = (
        "id",
        "number",
        "stage",
        "actor",
        "holder",
        "committee",
        "state",
        "outcome_words",
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

    @admin.display(description=_("étape"), ordering="code")
    def stage(self, obj: Stage) -> str:
        return words.stage(obj)

    @admin.display(description=_("acteur"), ordering="role")
    def actor(self, obj: Stage) -> str:
        return words.role(obj.role)

    @admin.display(description=_("issue"), ordering="outcome")
    def outcome_words(self, obj: Stage) -> str:
        return words.outcome(obj)


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "task",
        "actor",
        "opened_at",
        "due_at",
        "closed_at",
        "outcome_words",
    )
    list_filter = (
        words.TaskFilter,
        words.RoleFilter,
        ("closed_at", admin.EmptyFieldListFilter),
        "due_at",
    )
    search_fields = ("request__number",)
    list_select_related = ("request",)
    fields = (
        "id",
        "number",
        "task",
        "actor",
        "opened_at",
        "due_at",
        "closed_at",
        "outcome_words",
    )

    @admin.display(description=_("dossier"), ordering="request__number")
    def number(self, obj: Task) -> str:
        return obj.request.number or "–"

    @admin.display(description=_("tâche"), ordering="code")
    def task(self, obj: Task) -> str:
        return words.task(obj)

    @admin.display(description=_("acteur"), ordering="role")
    def actor(self, obj: Task) -> str:
        return words.role(obj.role)

    @admin.display(description=_("issue"), ordering="outcome")
    def outcome_words(self, obj: Task) -> str:
        return words.task_outcome(obj)


@admin.register(TransitionLog)
class TransitionLogAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "number", "stage_words", "move", "before", "after", "by", "at")
    list_filter = (words.MoveFilter, "recorded_at")
    search_fields = ("request__number",)
    list_select_related = ("request", "by", "stage__request")
    fields = ("number", "stage_words", "move", "before", "after", "by", "at", "recorded_at")
    ordering = ("-id",)

    @admin.display(description=_("étape"), ordering="stage__code")
    def stage_words(self, obj: TransitionLog) -> str:
        return words.stage(obj.stage) if obj.stage else "–"

    @admin.display(description=_("mouvement"), ordering="name")
    def move(self, obj: TransitionLog) -> str:
        return words.move(obj.name)

    @admin.display(description=_("de"))
    def before(self, obj: TransitionLog) -> str:
        return words.state(obj, obj.source)

    @admin.display(description=_("vers"))
    def after(self, obj: TransitionLog) -> str:
        return words.state(obj, obj.target)

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
