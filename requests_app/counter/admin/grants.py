"""Grants and what provisioning knows; no ciphertext, no secret, keys by their public half."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from requests_app.models import (
    CloudResource,
    Credential,
    Extract,
    Grant,
    Outbox,
    Permit,
    Probe,
    Workspace,
)
from requests_app.provisioning import gates

from . import words
from .base import ReadOnlyAdmin


@admin.register(Permit)
class PermitAdmin(ReadOnlyAdmin):
    list_display = (
        "request_number",
        "number",
        "delivery",
        "starts_at",
        "expires_at",
        "suspended_at",
        "revoked_at",
    )
    list_filter = ("expires_at", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("request__number",)
    list_select_related = ("request",)
    fields = (
        "id",
        "request_number",
        "number",
        "delivery",
        "starts_at",
        "expires_at",
        "suspended_at",
        "revoked_at",
        "notices_sent",
    )

    @admin.display(description=_("mode de mise à disposition"), ordering="delivery_mode")
    def delivery(self, obj: Permit) -> str:
        return words.delivery(obj.delivery_mode)

    @admin.display(description=_("dossier"), ordering="request__number")
    def request_number(self, obj: Permit) -> str:
        return obj.request.number or "–"


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    request_path = "permit__request"
    list_display = (
        "request_number",
        "person",
        "wanted",
        "state",
        "observed",
        "observed_at",
        "expires_at",
        "revocation_seconds",
        "operations",
    )
    list_filter = ("state", "wanted", "expires_at")
    search_fields = ("permit__request__number", "person__last_name", "person__username")
    list_select_related = ("permit__request", "person")
    fields = (
        "id",
        "request_number",
        "person",
        "wanted",
        "state",
        "reason",
        "lacking",
        "observed",
        "observed_at",
        "opened_at",
        "expires_at",
        "closing_requested_at",
        "closed_at",
        "revocation_seconds",
        "operations",
    )

    @admin.display(description=_("dossier"), ordering="permit__request__number")
    def request_number(self, obj: Grant) -> str:
        return obj.permit.request.number or "–"

    @admin.display(description=_("conditions manquantes"))
    def lacking(self, obj: Grant) -> str:
        return ", ".join(gates.labels(obj.missing)) or "–"

    @admin.display(description=_("agir"))
    def operations(self, obj: Grant) -> SafeString:
        url = reverse("requests_app:operations_workspace", args=[obj.workspace_id])
        return format_html('<a href="{}">{}</a>', url, _("exploitation"))


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = (
        "slug",
        "request_number",
        "last_step",
        "failure_code",
        "tries",
        "held_at",
        "observed_at",
        "next_reconcile_at",
    )
    list_filter = ("failure_code", "last_step")
    search_fields = ("slug", "request__number")
    list_select_related = ("request",)
    fields = (
        "id",
        "slug",
        "request_number",
        "last_step",
        "failure_code",
        "last_error",
        "tries",
        "held_at",
        "hold_reason",
        "lease_until",
        "lease_generation",
        "observed_at",
        "next_reconcile_at",
    )

    @admin.display(description=_("dossier"), ordering="request__number")
    def request_number(self, obj: Workspace) -> str:
        return obj.request.number or "–"


@admin.register(Extract)
class ExtractAdmin(ReadOnlyAdmin):
    """Where each stands and who confirmed; what is in it, on the operators' page."""

    request_path = "workspace__request"
    list_display = (
        "workspace",
        "request_number",
        "state",
        "asked_at",
        "confirmed_at",
        "delivered_at",
    )
    list_filter = ("state",)
    search_fields = ("workspace__slug", "workspace__request__number")
    list_select_related = ("workspace__request",)
    fields = (
        "workspace",
        "request_number",
        "state",
        "asked_at",
        "asked_by",
        "tries",
        "confirmed_by",
        "confirmed_at",
        "delivered_at",
    )

    @admin.display(description=_("dossier"), ordering="workspace__request__number")
    def request_number(self, obj: Extract) -> str:
        return obj.workspace.request.number or "–"


@admin.register(CloudResource)
class CloudResourceAdmin(ReadOnlyAdmin):
    request_path = "workspace__request"
    list_display = (
        "workspace",
        "kind",
        "logical_key",
        "external_id",
        "status",
        "tries",
        "updated_at",
    )
    list_filter = ("kind", "status")
    search_fields = ("workspace__slug", "external_id", "logical_key")
    list_select_related = ("workspace",)


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    request_path = "grant__permit__request"
    list_display = (
        "access_key",
        "use",
        "generation",
        "request_number",
        "created_at",
        "expires_at",
        "revealed_at",
        "deleted_at",
    )
    list_filter = ("use",)
    search_fields = ("access_key", "grant__permit__request__number")
    list_select_related = ("grant__permit__request",)
    fields = (
        "id",
        "access_key",
        "use",
        "generation",
        "request_number",
        "created_at",
        "expires_at",
        "revealed_at",
        "deleted_at",
    )

    @admin.display(description=_("dossier"))
    def request_number(self, obj: Credential) -> str:
        return obj.grant.permit.request.number or "–"


@admin.register(Probe)
class ProbeAdmin(ReadOnlyAdmin):
    request_path = "grant__permit__request"
    list_display = ("at", "workspace", "kind", "expected", "status", "provider_request_id")
    list_filter = ("kind", "expected", "status")
    search_fields = ("grant__workspace__slug", "provider_request_id")
    list_select_related = ("grant__workspace",)

    @admin.display(description=_("espace"))
    def workspace(self, obj: Probe) -> str:
        return obj.grant.workspace.slug


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """Hints not yet sent: what stays here waits for the worker."""

    request_path = ""  # topics and opaque ids only
    list_display = ("created_at", "topic", "object_id", "tried_at", "done_at")
    list_filter = ("topic", ("done_at", admin.EmptyFieldListFilter))
    search_fields = ("=object_id",)
    ordering = ("-id",)
    fields = ("topic", "object_id", "created_at", "tried_at", "done_at")
