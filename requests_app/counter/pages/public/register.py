"""Public pages of the register: projects authorised or declared, whatever their type of case."""

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.counter.pages.csv_files import csv_response
from requests_app.models import AccessRequest
from requests_app.register.register import entries, entry, published


PAGE_SIZE = 20
SORTS = {
    "-publication": F("published_at").desc(),
    "publication": F("published_at").asc(),
    "titre": F("title").asc(),
    "organisme": F("organisation__name").asc(),
}


def _found(request: HttpRequest) -> tuple[QuerySet[AccessRequest], dict[str, str]]:
    chosen = {
        "q": " ".join(request.GET.get("q", "").replace("\0", "").split())[:100],
        "tri": request.GET.get("tri", ""),
    }
    found = published()
    if words := chosen["q"]:
        found = found.filter(
            Q(title__icontains=words)
            | Q(number__icontains=words)
            | Q(organisation__name__icontains=words)
            | Q(datasets__dataset__title_fr__icontains=words)
        ).distinct()
    if chosen["tri"] not in SORTS:
        chosen["tri"] = "-publication"
    return found.order_by(SORTS[chosen["tri"]], "pk"), chosen


@login_not_required
@require_safe
def register_page(request: HttpRequest) -> HttpResponse:
    found, chosen = _found(request)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": page,
        "entries": [*entries(page)],
        "q": chosen["q"],
        "sort": chosen["tri"],
        "sorts": [
            ("-publication", _("les plus récents d’abord")),
            ("publication", _("les plus anciens d’abord")),
            ("titre", _("par titre")),
            ("organisme", _("par responsable de traitement")),
        ],
        "export_url": f"{reverse('requests_app:register_csv')}?{query.urlencode()}",
    }
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
    headings = [_("Numéro"), _("Titre"), _("Responsable de traitement"), _("Finalités")]
    headings += [_("Résumé"), _("Bases"), _("Publié le"), _("Avis"), _("Autorisation"), _("État")]
    found, _chosen = _found(request)
    return csv_response(
        "repertoire",
        [*headings, _("Début de l’accès"), _("Fin de l’accès"), _("Procédure")],
        (
            [
                one.number,
                one.title,
                one.controller,
                " | ".join(one.purposes),
                one.summary,
                " | ".join(one.datasets),
                one.published_at,
                one.opinion,
                one.authorisation,
                one.state,
                one.starts_at,
                one.ends_at,
                one.procedure,
            ]
            for one in entries(found.iterator(chunk_size=200))
        ),
    )
