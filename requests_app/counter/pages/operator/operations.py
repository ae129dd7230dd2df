"""The operator's pages: wanted beside observed, and the acts that change what is wanted."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app.counter.forms.operations import ReasonForm
from requests_app.counter.pages.csv_files import csv_response
from requests_app.counter.pages.helpers import fresh_factor
from requests_app.counter.reading import operations as reading
from requests_app.counter.reading import operations_words as words
from requests_app.counter.reading import quotas
from requests_app.models import Grant, GrantState, Workspace
from requests_app.permits import operations
from requests_app.provisioning import gates, labels
from requests_app.rights import permissions


PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator's act: its words, and whether it is a person's or the whole study's."""

    label: str | Promise
    lead: str | Promise
    of_grant: bool
    danger: bool = False


OPERATIONS: dict[str, Operation] = {
    "retry": Operation(
        gettext_lazy("Réessayer maintenant"),
        gettext_lazy("Le rapprochement reprend à l’étape qui a échoué."),
        of_grant=False,
    ),
    "hold": Operation(
        gettext_lazy("Retenir"),
        gettext_lazy("Rien n’est plus fait chez le fournisseur pour cette étude, sauf retirer."),
        of_grant=False,
    ),
    "release": Operation(
        gettext_lazy("Ne plus retenir"),
        gettext_lazy("Le rapprochement reprend."),
        of_grant=False,
    ),
    "suspend_study": Operation(
        gettext_lazy("Suspendre l’étude"),
        gettext_lazy("Toutes les personnes perdent l’accès, jusqu’à la reprise."),
        of_grant=False,
        danger=True,
    ),
    "resume_study": Operation(
        gettext_lazy("Reprendre l’étude"),
        gettext_lazy(
            "Les accès ne sont plus suspendus ; les clés d’avant, s’il y en a, fonctionnent."
        ),
        of_grant=False,
    ),
    "revoke_study": Operation(
        gettext_lazy("Retirer tous les accès"),
        gettext_lazy(
            "Les clés qui existent sont détruites et leur refus est prouvé. Rien ne les rétablit."
        ),
        of_grant=False,
        danger=True,
    ),
    "suspend": Operation(
        gettext_lazy("Suspendre"),
        gettext_lazy("La personne perd l’accès, jusqu’à la reprise."),
        of_grant=True,
        danger=True,
    ),
    "resume": Operation(
        gettext_lazy("Reprendre"),
        gettext_lazy(
            "L’accès n’est plus suspendu ; la clé d’avant, s’il y en a une, fonctionne à nouveau."
        ),
        of_grant=True,
    ),
    "revoke": Operation(
        gettext_lazy("Retirer l’accès"),
        gettext_lazy(
            "La clé, s’il y en a une, est détruite et son refus est prouvé. Rien ne la rétablit."
        ),
        of_grant=True,
        danger=True,
    ),
}


def _operator(request: SignedInRequest) -> None:
    if not operations.may_see(request.user):
        raise PermissionDenied(_("Cette page est celle des opérateurs."))


SORTS = {
    "dossier": "permit__request__number",
    "personne": "person__last_name",
    "etat": "state",
    "fin": "expires_at",
    "retrait": "revocation_seconds",
}


def _words(request: SignedInRequest) -> str:
    return " ".join(request.GET.get("q", "").replace("\0", "").split())[:100]


def _filtered(request: SignedInRequest) -> tuple[QuerySet[Grant], str]:
    grants = permissions.grants_visible_to(request.user)
    chosen = request.GET.get("etat", "")
    if chosen in GrantState.values:
        grants = grants.filter(state=chosen)
    else:
        chosen = ""
    for word in _words(request).split():
        grants = grants.filter(
            Q(permit__request__number__icontains=word)
            | Q(permit__request__title__icontains=word)
            | Q(person__last_name__icontains=word)
            | Q(person__first_name__icontains=word)
        )
    grants = grants.select_related("permit__request", "person", "workspace")
    sort = request.GET.get("tri", "")
    field = SORTS.get(sort.removeprefix("-"))
    if field is None:
        return grants.order_by("-created_at", "pk"), chosen
    key = F(field).desc(nulls_last=True) if sort.startswith("-") else F(field).asc(nulls_last=True)
    return grants.order_by(key, "pk"), chosen


@require_safe
def operations_page(request: SignedInRequest) -> HttpResponse:
    _operator(request)
    record_view(request, "grant.operations_view")
    grants, chosen = _filtered(request)
    counts = dict(
        permissions.grants_visible_to(request.user)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk", distinct=True))
    )
    page = Paginator(grants, PAGE_SIZE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": page,
        "chosen": chosen,
        "states": [(state.value, state.label, counts.get(state.value, 0)) for state in GrantState],
        "q": _words(request),
        "outage": operations.outage(),
        "quotas": quotas.summary(),
        "export_url": f"{reverse('requests_app:operations_csv')}?{query.urlencode()}",
    }
    page.object_list = [reading.right(grant) for grant in page]
    return render(request, "requests_app/operations/list.html", context)


@require_safe
def operations_csv(request: SignedInRequest) -> HttpResponse:
    _operator(request)
    record_view(request, "grant.operations_view")
    grants, _chosen = _filtered(request)
    headings = [_("Dossier"), _("Personne"), _("Voulu"), _("État"), _("Observé"), _("Observé le")]
    return csv_response(
        "acces",
        [*headings, _("Ouvert le"), _("Fin"), _("Fermé le"), _("Retrait prouvé en (s)")],
        (
            [
                grant.permit.request.number,
                grant.person,
                grant.get_wanted_display(),
                grant.get_state_display(),
                labels.observed(grant.observed),
                grant.observed_at,
                grant.opened_at,
                grant.expires_at,
                grant.closed_at,
                "" if grant.revocation_seconds is None else f"{grant.revocation_seconds:.1f}",
            ]
            for grant in grants
        ),
    )


def _workspace(request: SignedInRequest, pk: UUID) -> Workspace:
    _operator(request)
    workspace = get_object_or_404(
        Workspace.objects.select_related("request", "extract__confirmed_by"), pk=pk
    )
    parts = permissions.parts_visible(request.user, workspace.request)
    if not parts:
        raise Http404
    # An operator reads the grants and not the content: any other answer may be their own file's.
    if "grants" not in parts or "content" in parts:
        if why := permissions.why_kept_away(request.user, workspace.request):
            raise PermissionDenied(why)
    return workspace


def _button(name: str, pk: UUID) -> dict[str, Any]:
    route = "grant_operation" if OPERATIONS[name].of_grant else "study_operation"
    return {
        "label": OPERATIONS[name].label,
        "url": reverse(f"requests_app:{route}", args=[pk, name]),
    }


@require_safe
def workspace_page(request: SignedInRequest, pk: UUID) -> HttpResponse:
    workspace = _workspace(request, pk)
    record_view(request, "grant.workspace_view", on=workspace, about=workspace.request_id)
    acts = operations.may_act(request.user)
    resources = list(workspace.resources.order_by("kind", "logical_key"))
    grants = list(
        workspace.grants.select_related(
            "person", "permit__request__organisation", "workspace__extract"
        ).prefetch_related("credentials")
    )
    conditions = gates.facts_of(grants)
    shown = []
    for grant in grants:
        facts = [] if grant.state == GrantState.CLOSED else conditions[grant.pk]
        shown.append(
            reading.StudyRight(
                right=reading.right(grant),
                met=[fact.said for fact in facts if fact.holds],
                proof=operations.proof_of(grant),
                keys=[reading.key(one) for one in grant.credentials.all() if one.access_key],
                buttons=[
                    _button(name, grant.pk) for name in operations.for_grant(grant, acts=acts)
                ],
            )
        )
    owners = {str(grant.pk): str(grant.person) for grant in grants}
    context = {
        "workspace": workspace,
        "access_request": workspace.request,
        "grants": shown,
        "deposits": workspace.deposits.all(),
        "resources": [reading.resource(one, owners) for one in resources],
        "probes": [
            (probe.at, probe.grant.person, words.verification(probe))
            for probe in operations.last_probes(workspace)
        ],
        "acts": acts,
        "last_step": labels.step(workspace.last_step),
        "buttons": [
            _button(name, workspace.pk)
            for name in operations.for_study(workspace, by=request.user, grants=grants, acts=acts)
        ],
    }
    return render(request, "requests_app/operations/workspace.html", context)


def _confirm(
    request: SignedInRequest, name: str, *, target: Grant | Workspace, workspace: Workspace
) -> HttpResponseBase:
    asked = fresh_factor(request, needed=operations.needs_fresh_factor(name))
    if asked is not None:
        return asked
    operation = OPERATIONS[name]
    back = reverse("requests_app:operations_workspace", args=[workspace.pk])
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            operations.perform(name, target, by=request.user, reason=form.cleaned_data["reason"])
        except operations.OperationRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(
                request, _("C’est demandé. Cette page en montre l’avancement dans la minute.")
            )
            return redirect(back)
    context = {
        "heading": operation.label,
        "lead": operation.lead,
        "consequences": [str(target.person)] if isinstance(target, Grant) else [],
        "form": form,
        "submit_label": operation.label,
        "cancel_url": back,
        "danger": operation.danger,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "layout/confirm.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def study_operation(request: SignedInRequest, pk: UUID, name: str) -> HttpResponseBase:
    workspace = _workspace(request, pk)
    if name not in operations.for_study(workspace, by=request.user):
        raise PermissionDenied(_("Cette action n’est pas possible maintenant."))
    return _confirm(request, name, target=workspace, workspace=workspace)


@require_http_methods(["GET", "HEAD", "POST"])
def grant_operation(request: SignedInRequest, pk: UUID, name: str) -> HttpResponseBase:
    grant = get_object_or_404(Grant.objects.select_related("person", "permit", "workspace"), pk=pk)
    workspace = _workspace(request, grant.workspace_id)
    if name not in operations.for_grant(grant, acts=permissions.can(request.user, "revoke", grant)):
        raise PermissionDenied(_("Cette action n’est pas possible maintenant."))
    return _confirm(request, name, target=grant, workspace=workspace)
