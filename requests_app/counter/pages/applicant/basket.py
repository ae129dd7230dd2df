"""The selection: seen, changed, mended, exported. Open to visitors; a page read writes nothing."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog.models import Variable
from portal.accounts import throttle
from portal.common.calendar import legal_today
from portal.common.pdf import render_pdf
from requests_app.counter.forms.basket import AddForm, RowForm, YearsForm
from requests_app.counter.pages.helpers import pdf_answer, posted
from requests_app.procedures.content import Row
from requests_app.selection import basket as baskets
from requests_app.selection import exports, mending
from requests_app.selection.specification import describe


@login_not_required
@require_safe
def basket(request: HttpRequest) -> HttpResponse:
    return _page(request, YearsForm())


def _page(request: HttpRequest, years: YearsForm, status: int = 200) -> HttpResponse:
    described = describe(baskets.rows(baskets.find(request)))
    context = {
        "described": described,
        "years": years,
        "undo": request.session.get(baskets.UNDO_KEY),
        "to_mend": sum(f.code != "identifier" for one in described for f in one.findings),
        "demo_data": any(one.dataset and one.dataset.is_demo for one in described),
    }
    return render(request, "requests_app/basket/page.html", context, status=status)


def _next(request: HttpRequest, default: str) -> str:
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else default


@login_not_required
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    form = AddForm(request.POST)
    back = _next(request, reverse("requests_app:basket"))
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, errors[0])
        return redirect(back)
    try:
        changed = baskets.add(baskets.find_or_create(request), [form.row()])
    except baskets.CannotAdd as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    if changed:
        messages.success(request, _("C’est ajouté à votre sélection."))
    else:
        messages.info(request, _("C’était déjà dans votre sélection."))
    return redirect(back)


@login_not_required
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """One change: a mend, a removal, its undoing, everything removed, the same years for all."""
    found = baskets.find(request)
    if found is None:
        raise Http404
    before = baskets.rows(found)
    if "undo" in request.POST:
        _undo(request, found)
    elif "clear" in request.POST:
        _replace(request, found, before=before, after=[])
        messages.success(request, _("Votre sélection est vide."))
    elif "years" in request.POST:
        form = YearsForm(request.POST)
        if not form.is_valid():
            return _page(request, form, status=422)
        years = {name: form.cleaned_data[name] for name in ("year_from", "year_until")}
        _replace(request, found, before=before, after=[r.model_copy(update=years) for r in before])
        messages.success(request, _("Toutes les lignes ont ces années."))
    else:
        try:
            after = mending.apply_mend(before, request.POST.get("mend", ""))
        except mending.CannotMend as refusal:
            messages.error(request, str(refusal))
        else:
            _replace(request, found, before=before, after=after)
            messages.success(request, _("Votre sélection est corrigée."))
    return redirect("requests_app:basket")


def _replace(request: HttpRequest, found: Any, *, before: list[Row], after: list[Row]) -> None:
    """Store the rows, and keep in the session what was there, for one undoing."""
    baskets.replace(found, after)
    request.session[baskets.UNDO_KEY] = [row.model_dump() for row in before]


def _undo(request: HttpRequest, found: Any) -> None:
    kept = request.session.pop(baskets.UNDO_KEY, None)
    if kept is None:
        messages.info(request, _("Il n’y a rien à annuler."))
        return
    baskets.replace(found, [Row.model_validate(row) for row in kept])
    messages.success(request, _("Votre sélection est comme avant."))


def _row(rows: list[Row], dataset: str, table: str) -> tuple[int, Row]:
    for index, row in enumerate(rows):
        if row.key == (dataset, table):
            return index, row
    raise Http404


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def row(request: HttpRequest, dataset: str, table: str = "") -> HttpResponse:
    """Years and variables of one row."""
    found = baskets.find(request)
    rows = baskets.rows(found)
    index, current = _row(rows, dataset, table)
    one = describe([current])[0]
    variables = table_variables(dataset, table)
    form = RowForm(
        posted(request),
        names=[variable.name for variable in variables],
        initial={
            "year_from": current.year_from,
            "year_until": current.year_until,
            "variables": current.variables or [variable.name for variable in variables],
        },
    )
    if request.method == "POST" and form.is_valid():
        after = [*rows]
        after[index] = form.row(current)
        _replace(request, found, before=rows, after=after)
        messages.success(request, _("La ligne est modifiée."))
        return redirect("requests_app:basket")
    context = row_context(form, one, variables) | {"back": reverse("requests_app:basket")}
    status = 422 if request.method == "POST" else 200
    return render(request, "requests_app/basket/row.html", context, status=status)


def table_variables(dataset: str, table: str) -> list[Variable]:
    """Variables of a table, in the dictionary's order; none for a base chosen whole."""
    if not table:
        return []
    query = Variable.objects.current().filter(table__dataset__code=dataset, table__name=table)
    return list(query.order_by("position", "name"))


def row_context(form: RowForm, one: Any, variables: list[Variable]) -> dict[str, Any]:
    chosen = set(form["variables"].value() or [])
    count = len(variables)
    return {
        "form": form,
        "one": one,
        "choices": [(variable, variable.name in chosen) for variable in variables],
        "count_words": ngettext("%(n)s variable", "%(n)s variables", count) % {"n": count},
    }


@login_not_required
@require_safe
def basket_csv(request: HttpRequest) -> HttpResponse:
    text = exports.specification_csv(baskets.rows(baskets.find(request)))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_file_name()}.csv"'
    return response


@login_not_required
@require_safe
def basket_pdf(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        address = throttle.client_address(request)
        if minutes := throttle.take(throttle.PDF_BY_ADDRESS, address):
            return render(request, "429.html", {"minutes": minutes}, status=429)
    rows = baskets.rows(baskets.find(request))
    data = exports.specification_data(rows, title=_("Expression de besoins"))
    return pdf_answer(request, lambda: render_pdf("pdf/receipt.typ", data), _file_name())


def _file_name() -> str:
    return f"selection-{legal_today():%Y-%m-%d}"
