"""Helps for the rooms' admin pages: read-only lists, and verbs that are confirmed first."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext


MOST_AT_ONCE = 100


class ConfirmForm(forms.Form):
    """A verb that needs no words."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        error_messages={"required": gettext_lazy("Donnez un motif.")},
    )


def confirmed_action(
    *,
    label: str | Promise,
    warning: str | Promise,
    name: str,
    act: Callable[[Any, Any, str], Any],
    needs_reason: bool = False,
    needs_fresh_factor: bool = False,
) -> Callable[[Any, HttpRequest, QuerySet[Model]], HttpResponseBase | None]:
    """A changelist action, shown before it is done, that calls `act(object, by, reason)` on each.

    An act that answers False changed nothing; one that answers words did what they say. What it
    refuses (PermissionDenied, ValidationError) is reported, the rest is done. The admin opens no
    transaction around an action: each act has its own. The ModelAdmin says who may, by
    `has_act_permission`, and asks for the second factor again by `ask_fresh_factor`.
    """

    @admin.action(description=label, permissions=["act"])  # type: ignore[arg-type]
    def action(
        modeladmin: Any, request: HttpRequest, queryset: QuerySet[Model]
    ) -> HttpResponseBase | None:
        if needs_fresh_factor:
            asked: HttpResponseBase | None = modeladmin.ask_fresh_factor(request)
            if asked is not None:
                return asked
        items = list(queryset[: MOST_AT_ONCE + 1])
        if len(items) > MOST_AT_ONCE:
            text = _("Choisissez au plus %(most)s lignes à la fois.") % {"most": MOST_AT_ONCE}
            messages.error(request, text)
            return None
        kind = ReasonForm if needs_reason else ConfirmForm
        form = kind(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            _do(items, request, act, form.cleaned_data.get("reason", ""))
            return None
        context = modeladmin.admin_site.each_context(request) | {
            "title": label,
            "warning": warning,
            "items": items,
            "form": form,
            "action": name,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    action.__name__ = name
    return action


def reason_action(**options: Any) -> Callable[..., HttpResponseBase | None]:
    """A confirmed action that asks for a reason, kept in the log: it takes something from somebody,
    so it asks for a second factor passed a moment ago too."""
    return confirmed_action(needs_reason=True, needs_fresh_factor=True, **options)


def _do(items: list[Any], request: HttpRequest, act: Callable[..., Any], reason: str) -> None:
    done, same, refused = 0, 0, []
    for item in items:
        try:
            changed = act(item, request.user, reason)
        except PermissionDenied:
            refused.append(str(item))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            if isinstance(changed, str):
                messages.warning(request, changed)
                continue
            done, same = (done, same + 1) if changed is False else (done + 1, same)
    if done:
        text = ngettext("Fait pour %(n)s ligne.", "Fait pour %(n)s lignes.", done)
        messages.success(request, text % {"n": done})
    if same:
        text = ngettext(
            "%(n)s ligne laissée telle quelle.", "%(n)s lignes laissées telles quelles.", same
        )
        messages.warning(request, text % {"n": same})
    if refused:
        messages.error(request, _("Refusé pour : %(names)s") % {"names": ", ".join(refused)})


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
