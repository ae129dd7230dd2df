"""What was sent, what was not and why; trying again. The text of messages is not shown here."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.audit.permissions import hidden_from
from portal.common.admin import confirmed_action
from portal.common.guarded_admin import GuardedAdmin

from .base import label_of, registered
from .models import Message
from .permissions import can_operate, can_see_sending
from .retry import retry


class CodeFilter(admin.SimpleListFilter):
    """Registered notices: no query over the table to find which ones there are."""

    title = _("nature")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return sorted((notice.code, label_of(notice.code)) for notice in registered())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(Message)
class MessageAdmin(GuardedAdmin):
    list_display = [
        "created_at",
        "kind",
        "recipient",
        "address",
        "state",
        "tries",
        "send_after",
        "last_error",
    ]
    list_filter = ["state", CodeFilter, "created_at"]
    list_select_related = ["recipient"]
    search_fields = ["address", "recipient__username", "recipient__email", "recipient__last_name"]
    search_help_text = _("Adresse, identifiant ou nom du destinataire")
    list_per_page = 50
    actions = [
        confirmed_action(
            label=_("Envoyer de nouveau les messages en échec"),
            warning=_("Ceux qui sont partis, ou dont le texte est effacé, restent tels quels."),
            name="try_again",
            act=lambda message, by, _reason: retry([message], by=by)[0] > 0,
        )
    ]
    fields = [
        "kind",
        "recipient",
        "address",
        "about",
        "created_at",
        "send_after",
        "state",
        "tries",
        "last_error",
        "sent_at",
    ]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Without what concerns a request that is closed to the person (A14)."""
        found: QuerySet[Message] = super().get_queryset(request)
        for hidden in hidden_from(request.user):
            closed = hidden.order_by().values("pk")
            found = found.filter(Q(about__isnull=True) | ~Q(about__in=closed))
        return found

    def about_of(self, obj: Message) -> UUID | None:
        return obj.about

    @admin.display(description=_("nature"), ordering="code")
    def kind(self, message: Message) -> str:
        return label_of(message.code)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return can_operate(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_see_sending(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_see_sending(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
