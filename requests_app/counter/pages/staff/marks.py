"""The answers of a version, one by one, with what their readers mark on them."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.audit.record import record_view
from requests_app.counter.forms.marks import MarkForm
from requests_app.counter.pages.helpers import posted
from requests_app.counter.pages.request import visible_request
from requests_app.dossier import marks
from requests_app.models import AnswerMark, RequestVersion
from requests_app.rights import permissions


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """An answer, the person's own mark to fill in, and those of the others."""

    answer: marks.Answer
    form: MarkForm
    others: list[AnswerMark]


@require_http_methods(["GET", "HEAD", "POST"])
def version_marks(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Mark the answers of a signed version; 404 for whoever does not read it for an office."""
    access_request = visible_request(request, pk)
    parts = permissions.parts_visible(request.user, access_request)
    if not marks.may_mark(request.user, access_request, parts):  # type: ignore[arg-type]
        raise Http404
    version = get_object_or_404(
        RequestVersion, request=access_request, number=number, status=RequestVersion.Status.SIGNED
    )
    version.request = access_request
    record_view(request, "request.view", on=access_request, about=pk)
    lines = _lines(request, version, parts)
    status = 200
    if request.method == "POST":
        valid = [one.form.is_valid() for one in lines]  # each of them is told its fault
        if all(valid):
            try:
                _save(request, version, lines, parts)
            except marks.MarksMoved as moved:
                for one in lines:
                    if one.answer.path in moved.held:
                        one.form.tell_moved(moved.held[one.answer.path])
            else:
                return redirect("requests_app:version_marks", pk, number)
        status = 422
    context = {
        "access_request": access_request,
        "version": version,
        "lines": lines,
        "back": f"{reverse('requests_app:request', args=[pk])}?onglet=dossier",
    }
    return render(request, "requests_app/request/marks.html", context, status=status)


def _save(
    request: HttpRequest,
    version: RequestVersion,
    lines: list[MarkedAnswer],
    parts: frozenset[str],
) -> None:
    """Raises MarksMoved."""
    changed = marks.put(
        version,
        {one.answer.path: one.form.mark for one in lines},
        by=request.user,  # type: ignore[arg-type]
        parts=parts,
        base={one.answer.path: one.form.base for one in lines if one.form.base},
    )
    if changed:
        messages.success(request, _("Vos annotations sont enregistrées."))
    else:
        messages.info(request, _("Rien n’a changé : vos annotations restent celles-ci."))


def _lines(
    request: HttpRequest, version: RequestVersion, parts: frozenset[str]
) -> list[MarkedAnswer]:
    others: dict[str, list[AnswerMark]] = defaultdict(list)
    mine: dict[str, AnswerMark] = {}
    for mark in marks.of_version(version, request.user):  # type: ignore[arg-type]
        if mark.author_id == request.user.pk:
            mine[mark.path] = mark
        else:
            others[mark.path].append(mark)
    found = []
    for answer in marks.answers(version, parts):
        prefix = answer.path.replace(".", "__")
        form = MarkForm(posted(request), own=mine.get(answer.path), prefix=prefix)
        found.append(MarkedAnswer(answer, form, others[answer.path]))
    return found
