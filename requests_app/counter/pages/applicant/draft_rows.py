"""The chosen data inside a draft: imported from the selection, changed row by row, exported."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.requests import SignedInRequest
from portal.common.digits import whole_number
from portal.common.pdf import render_pdf
from requests_app import dossier
from requests_app.counter.forms.basket import RowForm
from requests_app.counter.pages.helpers import pdf_answer, posted, team_request
from requests_app.counter.reading import draft_steps
from requests_app.dossier import EditConflict, NotEditable
from requests_app.models import AccessRequest
from requests_app.procedures.content import Row
from requests_app.procedures.questions.data_specification import row_in_words
from requests_app.selection import basket as baskets
from requests_app.selection import exports, mending
from requests_app.selection.specification import describe

from .basket import row_context, table_variables


def context(request: SignedInRequest, access_request: AccessRequest) -> dict[str, Any]:
    """What the step of the specification shows beside its fields."""
    return {
        "described": describe(dossier.rows_of(access_request)),
        "basket_count": baskets.count(request),
    }


def are_in(access_request: AccessRequest, section: str) -> bool:
    """Whether the rows are asked for in a section."""
    found = access_request.form.of_role("data_specification")
    return found is not None and found[0].code == section


def place(access_request: AccessRequest) -> tuple[str, str]:
    """Codes of the section and the question that hold the rows. Raises Http404 without any."""
    found = access_request.form.of_role("data_specification")
    if found is None:
        raise Http404
    return found[0].code, found[1].code


def act(request: SignedInRequest, access_request: AccessRequest) -> HttpResponse | None:
    """What a button of the rows asks for, the fields being saved already; None without one."""
    here = draft_steps.url_of(access_request, place(access_request)[0])
    rows = dossier.rows_of(access_request)
    if value := request.POST.get("edit"):
        asked = dict(parse_qsl(value))
        names = [asked.get("dataset", ""), *([asked["table"]] if asked.get("table") else [])]
        return redirect(
            "requests_app:draft_row" if len(names) > 1 else "requests_app:draft_row_whole",
            access_request.pk,
            *names,
        )
    if "import" in request.POST:
        mine = baskets.rows(baskets.of_user(request.user))
        after = mending.merge_rows(rows, mine)
        added = len(after) - len(rows)
        text = ngettext(
            "Votre sélection est reprise : %(n)s ligne de plus.",
            "Votre sélection est reprise : %(n)s lignes de plus.",
            added,
        ) % {"n": added}
    elif value := request.POST.get("mend"):
        try:
            after = mending.apply_mend(rows, value)
        except mending.CannotMend as refusal:
            messages.error(request, str(refusal))
            return redirect(here)
        text = _("L’expression de besoins est corrigée.")
    else:
        return None
    try:
        save(request, access_request, after, revision=access_request.content_revision)
    except EditConflict:
        messages.error(request, _("Le dossier vient de changer : recommencez sur cette page."))
        return redirect(here)
    messages.success(request, text)
    return redirect(f"{here}#lignes")


def save(
    request: SignedInRequest, access_request: AccessRequest, rows: list[Row], *, revision: int
) -> None:
    """Store the rows over those of a revision. Raises EditConflict, NotEditable."""
    section, question = place(access_request)
    data = dossier.section_of(access_request, section)
    data[question] = [row.model_dump() for row in rows]
    dossier.save_section(
        access_request,
        section,
        data,
        by=request.user,
        revision=revision,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def row(request: SignedInRequest, pk: UUID, dataset: str, table: str = "") -> HttpResponse:
    """Years and variables of one row of the draft."""
    access_request = team_request(request, pk)
    here = draft_steps.url_of(access_request, place(access_request)[0])
    rows = dossier.rows_of(access_request)
    index = next((i for i, one in enumerate(rows) if one.key == (dataset, table)), None)
    if index is None:
        raise Http404
    current = rows[index]
    variables = table_variables(dataset, table)
    names = [variable.name for variable in variables]
    form = RowForm(
        posted(request),
        names=names,
        initial={
            "year_from": current.year_from,
            "year_until": current.year_until,
            "variables": current.variables or names,
        },
    )
    status, conflict = (422 if request.method == "POST" else 200), ""
    if request.method == "POST" and form.is_valid():
        after = [*rows]
        after[index] = form.row(current)
        sent = request.POST.get("revision", "")
        try:
            revision = whole_number(sent) or 0
            save(request, access_request, after, revision=revision)
        except NotEditable:
            messages.warning(request, _("Ce dossier ne peut pas être modifié maintenant."))
            return redirect("requests_app:draft", pk)
        except EditConflict as changed:
            status, conflict = 409, _conflict_words(changed, current)
        else:
            messages.success(request, _("La ligne est modifiée."))
            return redirect(f"{here}#lignes")
    page = row_context(form, describe([current])[0], variables) | {
        "back": here,
        "access_request": access_request,
        "revision": access_request.content_revision,
        "conflict": conflict,
    }
    return render(request, "requests_app/basket/row.html", page, status=status)


def _conflict_words(changed: EditConflict, stored: Row) -> str:
    """Who changed the data meanwhile, and what the row says now; what was typed stays."""
    return _(
        "L’expression de besoins a été modifiée entre-temps par %(who)s. La ligne enregistrée"
        " est : %(row)s. Votre saisie est gardée ci-dessous ; enregistrez-la pour la remplacer."
    ) % {"who": changed.by, "row": row_in_words(stored)}


@require_safe
def specification_csv(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    text = exports.specification_csv(dossier.rows_of(access_request))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="expression-de-besoins.csv"'
    return response


@require_safe
def specification_pdf(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    data = exports.specification_data(
        dossier.rows_of(access_request),
        title=_("Expression de besoins"),
        subtitle=access_request.title,
    )
    return pdf_answer(
        request, lambda: render_pdf("pdf/receipt.typ", data), "expression-de-besoins", about=pk
    )
