"""The inbox of each role, and the list of the requests a person may see."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.accounts.requests import SignedInRequest
from requests_app.counter.forms.inbox import InboxFilterForm, RequestsFilterForm
from requests_app.counter.navigation import remember_count
from requests_app.counter.pages.csv_files import csv_response
from requests_app.counter.reading import badge, inbox
from requests_app.models import AccessRequest, RequestState, Stage, StageState
from requests_app.procedures import registry
from requests_app.rights import permissions


PAGE_SIZE = 30
SORTS = {
    "numero": "request__number",
    "titre": "request__title",
    "depuis": "started_at",
    "echeance": "due_at",
}
REQUEST_SORTS = {
    "numero": "number",
    "titre": "title",
    "organisme": "organisation__name",
    "etat": "state",
    "depot": "submitted_at",
}


def _ordered(found: Any, asked: str, sorts: dict[str, str], *, default: str = "") -> Any:
    """Sorted by `?tri=key` or `?tri=-key`, without dates last; an unknown key changes nothing."""
    field = sorts.get((asked or default).removeprefix("-"))
    if field is None:
        return found
    down = (asked or default).startswith("-")
    key = F(field).desc(nulls_last=True) if down else F(field).asc(nulls_last=True)
    return found.order_by(key, "pk")


def _without_page(request: SignedInRequest) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def _chosen(request: SignedInRequest) -> tuple[Q, dict[str, Any]]:
    """The filters as a condition on stages, and as given."""
    form = InboxFilterForm(request.GET)
    form.is_valid()
    chosen = form.cleaned_data  # what is not valid is left out
    asked = Q()
    if words := chosen.get("q"):
        asked &= Q(request__number__icontains=words) | Q(request__title__icontains=words)
    if code := chosen.get("etape"):
        asked &= Q(code=code)
    if chosen.get("a_moi"):
        asked &= Q(assignee=request.user)
    if chosen.get("en_retard"):
        asked &= inbox.overdue()
    return asked, chosen


def _counts(stages: QuerySet[Stage], asked: Q) -> dict[str, Any]:
    """Figures of the whole inbox, and how many of its stages the filters leave: one query."""
    rows = stages.values("code").annotate(
        n=Count("pk"),
        left=Count("pk", filter=asked or None),
        running=Count("pk", filter=Q(state=StageState.RUNNING)),
        late=Count("pk", filter=inbox.overdue()),
    )
    labels = {
        stage.code: str(stage.label)
        for procedure in registry.followed()
        for stage in procedure.stages
    }
    by_code: dict[str, int] = {}
    running = late = left = 0
    for row in rows:
        by_code[row["code"]] = by_code.get(row["code"], 0) + row["n"]
        running, late, left = running + row["running"], late + row["late"], left + row["left"]
    return {
        "left": left,
        "running": running,
        "late": late,
        "stage_counts": sorted(
            ((code, labels.get(code, code), n) for code, n in by_code.items()), key=lambda s: s[1]
        ),
    }


@require_safe
def inbox_page(request: SignedInRequest) -> HttpResponse:
    user = request.user
    kept = badge.read(user)  # before anything is counted
    asked, chosen = _chosen(request)
    stages = inbox.stages_for(user)
    counts = _counts(stages, asked)
    found = _ordered(inbox.due_first(stages.filter(asked)), request.GET.get("tri", ""), SORTS)
    paginator = Paginator(found, PAGE_SIZE)
    paginator.count = counts["left"]
    page = paginator.get_page(request.GET.get("page"))
    read = inbox.page_of(page, user)
    rows = page.object_list = [inbox.awaited(stage, user) for stage in read]
    assigns = any(one.assignable for one in rows)
    tasks = inbox.to_conclude(user)
    to_sign = list(inbox.to_sign_for(user))
    to_verify = list(inbox.to_verify_for(user))
    total = counts["running"] + len(tasks) + len(to_sign) + len(to_verify)
    kept.keep(total)
    remember_count(request, total)
    nothing = not (rows or tasks or to_sign or to_verify or any(chosen.values()))
    context = {
        "page": page,
        "tasks": tasks,
        "to_sign": to_sign,
        "to_verify": to_verify,
        "filters": chosen,
        "filtered": any(chosen.values()),
        "count": total,
        "last_done": inbox.last_done(user) if nothing else [],
        "late": counts["late"],
        "stage_counts": counts["stage_counts"],
        "assigns": assigns and permissions.can(user, "assign", read[0].request),
        "export_url": f"{reverse('requests_app:inbox_csv')}?{_without_page(request)}",
    }
    return render(request, "requests_app/desk/inbox.html", context)


@require_safe
def inbox_csv(request: SignedInRequest) -> HttpResponse:
    """The stages as filtered; without a filter, what is to sign and to conclude as well."""
    user = request.user
    asked, chosen = _chosen(request)
    found = inbox.due_first(inbox.shown(inbox.stages_for(user).filter(asked), user))
    stages = _ordered(found, request.GET.get("tri", ""), SORTS)
    rows = [
        [
            row.number,
            row.title,
            row.expected,
            row.started_at,
            None if row.reminder_at else row.due_at,
            row.assignee,
        ]
        for row in (inbox.awaited(stage, user) for stage in stages)
    ]
    if not any(chosen.values()):
        rows += [
            [task.number, task.title, task.label, task.opened_at, task.due_at, ""]
            for task in inbox.to_conclude(user)
        ]
        rows += [
            [one.number, one.title, _("Signer la demande"), one.updated_at, None, ""]
            for one in inbox.to_sign_for(user)
        ]
        rows += [
            [one.number, one.title, _("Vérifier la signature"), one.handed_in_at, None, ""]
            for one in inbox.to_verify_for(user)
        ]
    headings = [_("Numéro"), _("Titre"), _("Ce qui est attendu"), _("Depuis"), _("Échéance")]
    return csv_response("a-traiter", [*headings, _("Attribué à")], rows)


def _requests(request: SignedInRequest) -> tuple[QuerySet[AccessRequest], dict[str, Any]]:
    """Requests the person reads at least the card of, filtered and sorted: newest first."""
    form = RequestsFilterForm(request.GET)
    form.is_valid()
    chosen = form.cleaned_data
    found = permissions.requests_with(request.user, "card").select_related("organisation")
    found = found.defer("content", "orientation")  # the file itself, which no list shows
    if words := chosen.get("q"):
        found = found.filter(Q(number__icontains=words) | Q(title__icontains=words))
    if state := chosen.get("etat"):
        found = found.filter(state=state)
    return _ordered(found, request.GET.get("tri", ""), REQUEST_SORTS, default="-depot"), chosen


@require_safe
def requests_page(request: SignedInRequest) -> HttpResponse:
    found, chosen = _requests(request)
    context = {
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "filters": chosen,
        "filtered": any(chosen.values()),
        "states": RequestState.choices,
        "export_url": f"{reverse('requests_app:requests_csv')}?{_without_page(request)}",
    }
    return render(request, "requests_app/desk/requests.html", context)


@require_safe
def requests_csv(request: SignedInRequest) -> HttpResponse:
    found, _chosen = _requests(request)
    return csv_response(
        "dossiers",
        [_("Numéro"), _("Titre"), _("Responsable de traitement"), _("État"), _("Déposé le")],
        (
            [one.number, one.title, one.organisation, one.get_state_display(), one.submitted_at]
            for one in found
        ),
    )
