"""Second factors that two administrators reset: what is proposed, by whom, and what comes next."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts import factor_resets
from portal.accounts.admin_roles import RoleAdmin
from portal.accounts.models import FactorReset
from portal.common.admin import ReadOnlyMixin, confirmed_action, reason_action


class ResetStateFilter(admin.SimpleListFilter):
    title = _("état")
    parameter_name = "etat"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("open", _("à confirmer")), ("closed", _("terminées"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waiting = FactorReset.objects.open().values("pk")
        if self.value() == "open":
            return queryset.filter(pk__in=waiting)
        return queryset.exclude(pk__in=waiting) if self.value() == "closed" else queryset


@admin.register(FactorReset)
class FactorResetAdmin(ReadOnlyMixin, RoleAdmin):
    list_display = ("user", "proposed_by", "created_at", "expires_at", "state_label")
    list_filter = (ResetStateFilter, "created_at")
    search_fields = ("user__username", "user__last_name", "proposed_by__last_name")
    list_select_related = ("user", "proposed_by")
    fields = (
        "user",
        "state_label",
        "reason",
        "proposed_by",
        "created_at",
        "expires_at",
        "confirmed_by",
        "confirmed_at",
        "cancelled_by",
        "cancelled_at",
    )
    actions = (
        confirmed_action(
            label=_("Confirmer les réinitialisations choisies"),
            warning=_(
                "Vérifiez d’abord l’identité de ces personnes par un autre moyen que leur adresse :"
                " elles installeront un autre second facteur."
            ),
            name="confirm",
            needs_fresh_factor=True,
            act=lambda proposal, by, _reason: factor_resets.confirm(proposal, by=by),
        ),
        reason_action(
            label=_("Annuler les réinitialisations choisies"),
            warning=_("Les seconds facteurs restent en place ; les personnes en sont prévenues."),
            name="cancel",
            act=lambda proposal, by, reason: factor_resets.cancel(proposal, by=by, reason=reason),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactorReset]:
        return FactorReset.objects.with_standing()

    @admin.display(description=_("état"))
    def state_label(self, proposal: FactorReset) -> str:
        return str(proposal.state.label)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The page says what the person may do next, and why not when they may not."""
        proposal = context.get("original")
        if proposal is not None:
            context |= {
                "waits": proposal.state == FactorReset.State.OPEN,
                "may_act": self.has_act_permission(request),
                "why_not": factor_resets.why_not(proposal, by=request.user),
                "actions_url": reverse("admin:accounts_factorreset_changelist"),
            }
        return super().render_change_form(request, context, *args, **kwargs)
