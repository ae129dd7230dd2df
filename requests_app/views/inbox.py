"""The inbox of each role, and the list of the requests a person may see."""

import csv
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.common.calendar import legal_now
from requests_app import inbox, permissions
from requests_app.forms.inbox import InboxFilterForm
from requests_app.models import Stage
from requests_app.procedures import registry


PAGE_SIZE = 30
SORTS = {
    "numero": "request__number",
    "titre": "request__title",
    "depuis": "started_at",
    "echeance": "due_at",
}


def _rule(stage: Stage) -> Any:
    request = stage.request
    return registry.get(request.procedure_code, request.procedure_version).stage(stage.code)


def expected_of(stage: Stage) -> str:
    """What the person is asked to do in a stage of the inbox, in words."""
    if stage.kind == "opinion":
        if not stage.has_declared:  # type: ignore[attr-defined]
            return _("Déclarez vos liens d’intérêts")
        if stage.is_rapporteur and not stage.has_reported:  # type: ignore[attr-defined]
            return _("Remettez votre rapport")
    if stage.state == "paused":
        return _("En attente du demandeur")
    return str(_rule(stage).expected)


def _filtered(request: HttpRequest) -> tuple[QuerySet[Stage], dict[str, Any]]:
    form = InboxFilterForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    stages = inbox.stages_for(request.user)  # type: ignore[arg-type]
    if words := chosen.get("q"):
        stages = stages.filter(
            Q(request__number__icontains=words) | Q(request__title__icontains=words)
        )
    if code := chosen.get("etape"):
        stages = stages.filter(code=code)
    if chosen.get("a_moi"):
        stages = stages.filter(assignee=request.user)
    if chosen.get("en_retard"):
        stages = inbox.overdue(stages)
    sort = request.GET.get("tri", "")
    if field := SORTS.get(sort.removeprefix("-")):
        stages = stages.order_by(f"-{field}" if sort.startswith("-") else field, "pk")
    return stages, chosen


@require_safe
def inbox_page(request: HttpRequest) -> HttpResponse:
    stages, chosen = _filtered(request)
    page = Paginator(stages, PAGE_SIZE).get_page(request.GET.get("page"))
    for stage in page:
        stage.expected = expected_of(stage)
    tasks = list(inbox.tasks_for(request.user))  # type: ignore[arg-type]
    for task in tasks:
        owner = task.request
        rules = registry.get(owner.procedure_code, owner.procedure_version).tasks
        task.label = next((rule.label for rule in rules if rule.code == task.code), task.code)  # type: ignore[attr-defined]
    everything = inbox.stages_for(request.user).order_by()  # type: ignore[arg-type]
    totals = everything.aggregate(n=Count("pk"), late=Count("pk", filter=Q(due_at__lt=legal_now())))
    counts = everything.values("code").annotate(n=Count("pk")).order_by("code")
    labels = {
        stage.code: stage.label for procedure in registry.everything() for stage in procedure.stages
    }
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": page,
        "tasks": tasks,
        "filters": chosen,
        "filtered": any(chosen.values()),
        "count": totals["n"] + len(tasks),
        "late": totals["late"],
        "stage_counts": [
            (row["code"], labels.get(row["code"], row["code"]), row["n"]) for row in counts
        ],
        "export_url": f"{reverse('requests_app:inbox_csv')}?{query.urlencode()}",
    }
    return render(request, "requests_app/desk/inbox.html", context)


@require_safe
def inbox_csv(request: HttpRequest) -> HttpResponse:
    stages, _chosen = _filtered(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="a-traiter.csv"'
    response.write("\ufeff")  # spreadsheets read UTF-8 with it
    writer = csv.writer(response, delimiter=";")
    writer.writerow([_("Numéro"), _("Titre"), _("Ce qui est attendu"), _("Depuis"), _("Échéance")])
    for stage in stages:
        row = [stage.request.number or "", stage.request.title, expected_of(stage)]
        dates = [stage.started_at, stage.due_at]
        writer.writerow(
            [inert(cell) for cell in row] + [d.strftime("%Y-%m-%d") if d else "" for d in dates]
        )
    return response


def inert(cell: str) -> str:
    """A cell that a spreadsheet will not run as a formula."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" else cell


@require_safe
def requests_page(request: HttpRequest) -> HttpResponse:
    """Every request the person may see, newest first."""
    found = permissions.requests_visible_to(request.user).select_related("organisation")
    words = request.GET.get("q", "").strip()
    if words:
        found = found.filter(Q(number__icontains=words) | Q(title__icontains=words))
    if state := request.GET.get("etat", ""):
        found = found.filter(state=state)
    page = Paginator(found.order_by("-submitted_at", "-created_at"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {"page": page, "q": words, "state": state}
    return render(request, "requests_app/desk/requests.html", context)
