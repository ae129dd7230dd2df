"""Organisations and who belongs to them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts import signals, suspension
from portal.accounts.admin_roles import RoleAdmin
from portal.accounts.models import Membership, Organisation
from portal.common.admin import NoDeleteMixin, ReadOnlyMixin, reason_action
from portal.common.admin_lists import by_year
from portal.common.fields import SirenField


class OrganisationStateFilter(admin.SimpleListFilter):
    title = _("état")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("suspended", _("suspendu")), ("proposed", _("proposé"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"suspended", "proposed"}:
            return queryset.filter(**{f"{self.value()}_at__isnull": False})
        return queryset


@admin.register(Organisation)
class OrganisationAdmin(NoDeleteMixin, RoleAdmin):
    list_display = ("name", "acronym", "kind", "siren", "members", "state", "is_demo")
    list_filter = ("kind", OrganisationStateFilter, "is_demo")
    search_fields = ("name", "acronym", "code", "siren")
    prepopulated_fields = {"code": ("acronym",)}
    readonly_fields = ("proposed_at", "suspended_at", "suspension_reason", "created_at")
    actions = (
        reason_action(
            label=_("Suspendre les organismes choisis"),
            warning=_(
                "Plus personne ne signera en leur nom, et tous leurs accès seront suspendus."
            ),
            name="suspend",
            act=lambda org, by, reason: suspension.suspend_organisation(org, by=by, reason=reason),
        ),
        reason_action(
            label=_("Rétablir les organismes choisis"),
            warning=_("Leurs signatures compteront de nouveau ; un opérateur rouvre les accès."),
            name="resume",
            act=lambda org, by, reason: suspension.resume_organisation(org, by=by, reason=reason),
        ),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "siren":
            kwargs["form_class"] = SirenField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        open_members = Q(memberships__confirmed_at__isnull=False, memberships__ended_at=None)
        return super().get_queryset(request).annotate(members=Count("memberships", open_members))

    @admin.display(description=_("membres"), ordering="members")
    def members(self, organisation: Any) -> int:
        return int(organisation.members)

    @admin.display(description=_("état"))
    def state(self, organisation: Organisation) -> str:
        if organisation.suspended_at:
            return str(_("suspendu"))
        return str(_("proposé")) if organisation.proposed_at else ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        signals.event(
            "organisation.change" if change else "organisation.create",
            by=request.user,
            on=obj,
            data={"fields": form.changed_data},
        )


@admin.register(Membership)
class MembershipAdmin(ReadOnlyMixin, RoleAdmin):
    """Answers are given on the site's page, by who may confirm."""

    list_display = (
        "user",
        "organisation",
        "confirmed_at",
        "can_sign_since",
        "is_manager",
        "ended_at",
    )
    list_filter = (
        ("confirmed_at", admin.EmptyFieldListFilter),
        ("can_sign_since", admin.EmptyFieldListFilter),
        ("ended_at", admin.EmptyFieldListFilter),
        "is_manager",
        by_year("created_at", _("année de la demande")),
    )
    search_fields = ("user__username", "user__last_name", "organisation__name")
    list_select_related = ("user", "organisation")
