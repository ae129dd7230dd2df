"""Roles, dated facts about people, invitations and tokens."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts import role_grants, signals, tokens
from portal.accounts.admin_roles import RoleAdmin
from portal.accounts.models import (
    ApiToken,
    DeclarationOfInterests,
    Invitation,
    RoleAssignment,
    TermsAcceptance,
    Training,
    User,
)
from portal.accounts.permissions import can_grant_role
from portal.common.admin import NoDeleteMixin, ReadOnlyMixin, reason_action
from portal.common.admin_lists import by_year
from portal.common.calendar import legal_today
from portal.common.days import years_from_now


class RoleForm(forms.ModelForm):
    class Meta:
        model = RoleAssignment
        fields = ("user", "role", "scope")

    by: User

    def clean_user(self) -> User:
        user: User = self.cleaned_data["user"]
        if not can_grant_role(self.by, to=user):
            raise forms.ValidationError(_("On ne s’attribue pas un rôle : demandez à un collègue."))
        return user


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(NoDeleteMixin, RoleAdmin):
    """Roles are granted and ended, never edited."""

    form = RoleForm
    list_display = ("user", "role", "scope", "granted_at", "granted_by", "ended_at")
    list_filter = ("role", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("user__username", "user__last_name", "scope__name")
    autocomplete_fields = ("user", "scope")
    list_select_related = ("user", "scope", "granted_by")
    actions = (
        reason_action(
            label=_("Mettre fin aux rôles choisis"),
            warning=_("Les personnes perdent ces droits aussitôt."),
            name="end_role",
            act=lambda assignment, by, reason: role_grants.end(assignment, by=by, reason=reason),
        ),
    )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        if self.has_add_permission(request):
            if (asked := self.ask_fresh_factor(request)) is not None:
                return asked
        return super().add_view(request, form_url, extra_context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        form.by = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change or not can_grant_role(request.user, to=obj.user):
            raise PermissionDenied
        obj.granted_by = request.user
        super().save_model(request, obj, form, change)
        role_grants.told(obj)


@admin.register(Training)
class TrainingAdmin(NoDeleteMixin, RoleAdmin):
    list_display = ("user", "title", "followed_on", "valid_until", "recorded_by")
    list_filter = ("valid_until", by_year("valid_until", _("année de fin de validité")))
    search_fields = ("user__username", "user__last_name", "title")
    autocomplete_fields = ("user",)
    list_select_related = ("user", "recorded_by")
    days = {
        "followed_on": (years_from_now(-20), legal_today),
        "valid_until": (years_from_now(-20), years_from_now(20)),
    }

    def save_model(self, request: HttpRequest, obj: Training, form: Any, change: bool) -> None:
        if not change:
            obj.recorded_by = request.user
        super().save_model(request, obj, form, change)
        signals.event(
            "training.record",
            by=request.user,
            on=obj,
            data={"user": str(obj.user_id), "valid_until": obj.valid_until.isoformat()},
        )
        signals.conditions_changed.send(sender=None, user=obj.user)


@admin.register(TermsAcceptance)
class TermsAcceptanceAdmin(ReadOnlyMixin, RoleAdmin):
    list_display = ("user", "version", "accepted_at")
    list_filter = ("version",)
    search_fields = ("user__username", "user__last_name")
    list_select_related = ("user",)


@admin.register(DeclarationOfInterests)
class DeclarationAdmin(NoDeleteMixin, RoleAdmin):
    list_display = ("user", "declared_on", "url")
    search_fields = ("user__username", "user__last_name")
    list_filter = (by_year("declared_on", _("année de déclaration")),)
    autocomplete_fields = ("user", "organisations")
    list_select_related = ("user",)
    days = {"declared_on": (years_from_now(-20), legal_today)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        signals.event(
            "declaration.record", by=request.user, on=obj, data={"user": str(obj.user_id)}
        )


class InvitationStateFilter(admin.SimpleListFilter):
    title = _("état")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [*Invitation.State.choices, ("expired", _("expirée"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        conditions = {
            "open": Q(state="open", expires_at__gt=now),
            "expired": Q(state="open", expires_at__lte=now),
        }
        chosen = self.value() or ""
        if chosen in Invitation.State.values:
            conditions.setdefault(chosen, Q(state=chosen))
        return queryset.filter(conditions.get(chosen, Q()))


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyMixin, RoleAdmin):
    list_display = ("email", "kind", "organisation", "invited_by", "created_at", "state_label")
    list_filter = ("kind", InvitationStateFilter)
    search_fields = ("email", "invited_by__last_name", "organisation__name")
    list_select_related = ("organisation", "invited_by")
    # `about` may hold the title of a request: its content takes a logged reason.
    exclude = ("token_hash", "about", "request_id")

    @admin.display(description=_("état"))
    def state_label(self, invitation: Invitation) -> str:
        return invitation.state_shown


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyMixin, RoleAdmin):
    list_display = (
        "user",
        "name",
        "prefix",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("user__username", "user__last_name", "name", "prefix")
    list_select_related = ("user",)
    exclude = ("token_hash",)
    actions = (
        reason_action(
            label=_("Retirer les jetons choisis"),
            warning=_("Les programmes qui s’en servent ne liront plus l’interface."),
            name="revoke",
            act=lambda token, by, reason: tokens.revoke(token, by=by, reason=reason),
        ),
    )
