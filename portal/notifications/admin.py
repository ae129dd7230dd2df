"""What was sent, what was not and why; trying again. The text of messages is not shown here."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .base import label_of, registered
from .models import Message
from .permissions import can_operate
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
class MessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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
    show_full_result_count = False
    list_per_page = 50
    actions = ["try_again"]
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

    @admin.display(description=_("nature"), ordering="code")
    def kind(self, message: Message) -> str:
        return label_of(message.code)

    @admin.action(
        description=_("Envoyer de nouveau les messages en échec"), permissions=["operate"]
    )
    def try_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        done, left = retry(queryset, by=request.user)  # type: ignore[arg-type]
        words = ngettext(
            "%(done)d message sera envoyé de nouveau.",
            "%(done)d messages seront envoyés de nouveau.",
            done,
        )
        self.message_user(request, words % {"done": done}, messages.SUCCESS)
        if left:
            words = ngettext(
                "%(left)d message laissé tel quel : pas en échec, ou texte effacé.",
                "%(left)d messages laissés tels quels : pas en échec, ou texte effacé.",
                left,
            )
            self.message_user(request, words % {"left": left}, messages.WARNING)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return can_operate(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can_operate(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_operate(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
