"""Public pages of the register of authorised projects."""

import csv

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.directory.register import entry, published
from requests_app.exports import inert


PAGE_SIZE = 20


@login_not_required
@require_safe
def register_page(request: HttpRequest) -> HttpResponse:
    found = published()
    words = request.GET.get("q", "").strip()
    if words:
        found = found.filter(Q(title__icontains=words) | Q(organisation__name__icontains=words))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "entries": [entry(one) for one in page], "q": words}
    return render(request, "requests_app/register/list.html", context)


@login_not_required
@require_safe
def register_entry(request: HttpRequest, number: str) -> HttpResponse:
    one = published().filter(number=number).first()
    if one is None:
        raise Http404
    return render(request, "requests_app/register/entry.html", {"entry": entry(one)})


@login_not_required
@require_safe
def register_csv(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="repertoire.csv"'
    response.write("\ufeff")
    writer = csv.writer(response, delimiter=";")
    writer.writerow(
        [
            _("Numéro"),
            _("Titre"),
            _("Responsable de traitement"),
            _("Résumé"),
            _("Bases"),
            _("Publié le"),
            _("Avis"),
            _("Autorisation"),
        ]
    )
    for one in map(entry, published()):
        cells = [one.number, one.title, one.controller, one.summary, " | ".join(one.datasets)]
        cells += [one.published_at.strftime("%Y-%m-%d"), one.opinion, one.authorisation]
        writer.writerow([inert(cell) for cell in cells])
    return response
