"""Helps for the rooms' admin pages: read-only lists, and verbs that ask for a reason first."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext


class ReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        error_messages={"required": gettext_lazy("Donnez un motif.")},
    )


def reason_action(
    *,
    label: str | Promise,
    warning: str | Promise,
    name: str,
    act: Callable[[Any, Any, str], None],
) -> Callable[[Any, HttpRequest, QuerySet[Model]], TemplateResponse | None]:
    """A changelist action that asks for a reason, then calls `act(object, by, reason)` on each.

    What the act refuses (PermissionDenied) is reported, the rest is done. The admin opens no
    transaction around an action: each act has its own.
    """

    @admin.action(description=label)  # type: ignore[arg-type]
    def action(
        modeladmin: Any, request: HttpRequest, queryset: QuerySet[Model]
    ) -> TemplateResponse | None:
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            done, refused = 0, []
            for item in queryset:
                try:
                    act(item, request.user, form.cleaned_data["reason"])
                    done += 1
                except PermissionDenied:
                    refused.append(str(item))
            if done:
                text = ngettext("Fait pour %(n)s ligne.", "Fait pour %(n)s lignes.", done)
                messages.success(request, text % {"n": done})
            if refused:
                messages.error(
                    request, _("Refusé pour : %(names)s") % {"names": ", ".join(refused)}
                )
            return None
        context = modeladmin.admin_site.each_context(request) | {
            "title": label,
            "warning": warning,
            "items": list(queryset[:100]),
            "form": form,
            "action": name,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/reason_action.html", context)

    action.__name__ = name
    return action


class ReadOnlyMixin:
    """Shown, searched and filtered; never added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NoDeleteMixin:
    """Rows that the log refers to stay."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
