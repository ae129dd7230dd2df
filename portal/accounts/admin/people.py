"""People: their state, roles and second factor."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts import factor_resets, registration, signals, suspension
from portal.accounts.admin_roles import RoleAdmin, RoleInline
from portal.accounts.models import Membership, Role, RoleAssignment, Training, User
from portal.accounts.owners import email_replaced
from portal.common.admin import NoDeleteMixin, ReadOnlyMixin, reason_action


class RoleFilter(admin.SimpleListFilter):
    title = _("rôle")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Role.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if not self.value():
            return queryset
        held = RoleAssignment.objects.active().filter(role=self.value())
        return queryset.filter(pk__in=held.values("user_id"))


class SecondFactorFilter(admin.SimpleListFilter):
    title = _("second facteur")
    parameter_name = "second_factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("1", _("installé")), ("0", _("absent"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() not in {"0", "1"}:
            return queryset
        return queryset.filter(has_factor=self.value() == "1")


class MembershipInline(ReadOnlyMixin, RoleInline):
    model = Membership
    fk_name = "user"
    fields = ("organisation", "is_manager", "confirmed_at", "can_sign_since", "ended_at")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("organisation")


class RolesInline(ReadOnlyMixin, RoleInline):
    model = RoleAssignment
    fk_name = "user"
    fields = ("role", "scope", "granted_by", "granted_at", "ended_at")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoleAssignment]:
        return super().get_queryset(request).select_related("scope", "granted_by")


class TrainingInline(ReadOnlyMixin, RoleInline):
    model = Training
    fk_name = "user"
    fields = ("title", "followed_on", "valid_until", "evidence")
    readonly_fields = fields
    extra = 0


@admin.register(User)
class UserAdmin(NoDeleteMixin, RoleAdmin):
    list_display = (
        "username",
        "name",
        "email",
        "roles",
        "second_factor",
        "is_active",
        "last_login",
    )
    list_filter = ("is_active", RoleFilter, SecondFactorFilter)
    search_fields = ("username", "last_name", "first_name", "email")
    search_help_text = _("Nom d’utilisateur, nom, prénom ou adresse")
    ordering = ("last_name", "first_name", "username")
    fields = (
        "username",
        "first_name",
        "last_name",
        "email",
        "title",
        "email_confirmed_at",
        "is_active",
        "second_factor",
        "last_login",
        "date_joined",
    )
    readonly_fields = (
        "email_confirmed_at",
        "is_active",
        "second_factor",
        "last_login",
        "date_joined",
    )
    actions = (
        reason_action(
            label=_("Suspendre les personnes choisies"),
            warning=_("Elles ne pourront plus se connecter ; leurs accès seront suspendus."),
            name="suspend",
            act=lambda user, by, reason: suspension.suspend_person(user, by=by, reason=reason),
        ),
        reason_action(
            label=_("Rétablir les personnes choisies"),
            warning=_(
                "Elles pourront se reconnecter. Jetons retirés et accès suspendus le restent."
            ),
            name="resume",
            act=lambda user, by, reason: suspension.resume_person(user, by=by, reason=reason),
        ),
        reason_action(
            label=_("Réinitialiser le second facteur des personnes choisies"),
            warning=_(
                "Vérifiez d’abord leur identité : elles en installeront un autre. Pour qui a un"
                " rôle, une signature, un organisme à gérer, un accès ou une part dans une demande,"
                " un autre administrateur confirmera."
            ),
            name="reset_second_factor",
            act=lambda user, by, reason: factor_resets.ask_reset(user, by=by, reason=reason),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        active = RoleAssignment.objects.active().select_related("scope")
        devices = TOTPDevice.objects.filter(user_id=OuterRef("pk"), confirmed=True)
        return (
            super()
            .get_queryset(request)
            .annotate(has_factor=Exists(devices))
            .prefetch_related(Prefetch("role_assignments", active, to_attr="active_roles"))
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Whose address or name is changed may become somebody else: the code, lately."""
        if request.method == "POST" and self.has_change_permission(request):
            if (asked := self.ask_fresh_factor(request)) is not None:
                return asked
        return super().change_view(request, object_id, form_url, extra_context)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return (RolesInline, MembershipInline, TrainingInline) if obj else ()

    @admin.display(description=_("nom"), ordering="last_name")
    def name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description=_("rôles"))
    def roles(self, user: User) -> str:
        return ", ".join(
            f"{a.get_role_display()} ({a.scope.acronym or a.scope.name})"
            if a.scope
            else str(a.get_role_display())
            for a in user.active_roles  # type: ignore[attr-defined]
        )

    @admin.display(description=_("second facteur"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return bool(getattr(user, "has_factor", False))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new person chooses the password by the link sent to the address."""
        if change:
            old = form.initial.get("email", "")
            if "email" in form.changed_data:
                obj.email_confirmed_at = None
            super().save_model(request, obj, form, change)
            if "email" in form.changed_data:
                # The owner hears of it where they read their mail: nobody takes an account quietly.
                email_replaced(user=obj, old=old, by=request.user)
            signals.event(
                "account.change", by=request.user, on=obj, data={"fields": form.changed_data}
            )
            return
        obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        signals.event("account.create", by=request.user, on=obj)
        registration.send_reset(obj)
