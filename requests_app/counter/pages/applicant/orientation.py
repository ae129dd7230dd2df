"""Questions, one a page, then the route; answers stay in the session until a draft is made."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from requests_app import dossier
from requests_app.counter.forms.orientation import AnswerForm, StartForm, organisations_for
from requests_app.counter.pages.helpers import posted
from requests_app.counter.reading import course
from requests_app.deadlines.forecast import forecast
from requests_app.dossier import orientation
from requests_app.procedures.cases import CaseType
from requests_app.procedures.schema import Procedure
from requests_app.selection import basket as baskets


SESSION_KEY = "orientation"


def _answers(request: HttpRequest) -> dict[str, bool]:
    return orientation.cleaned(request.session.get(SESSION_KEY) or {})


def _next_url(answers: dict[str, bool]) -> str:
    rank = orientation.next_question(answers)
    if rank is None or orientation.early_exit(answers):
        return reverse("requests_app:orientation_result")
    return reverse("requests_app:orientation_question", args=[rank])


@login_not_required
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """To the first question without an answer, or to the result."""
    return redirect(_next_url(_answers(request)))


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, rank: int) -> HttpResponse:
    questions = orientation.questions()
    if not 1 <= rank <= len(questions):
        raise Http404
    asked = questions[rank - 1]
    answers = _answers(request)
    known = {True: "yes", False: "no"}.get(answers.get(asked.code))  # type: ignore[arg-type]
    form = AnswerForm(posted(request), question=asked, initial={"answer": known})
    if request.method == "POST" and form.is_valid():
        answers[asked.code] = form.cleaned_data["answer"]
        request.session[SESSION_KEY] = answers
        if rank < len(questions) and not orientation.early_exit(answers):
            return redirect("requests_app:orientation_question", rank + 1)
        return redirect(_next_url(answers))
    context = {
        "form": form,
        "question": asked,
        "rank": rank,
        "total": len(questions),
        "next_title": questions[rank].text if rank < len(questions) else "",
        "previous": rank - 1,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "requests_app/orientation/question.html", context, status=status)


@login_not_required
@require_safe
def result(request: HttpRequest) -> HttpResponse:
    answers = _answers(request)
    found = orientation.route(answers)
    if found is None:
        return redirect(_next_url(answers))
    procedure = orientation.procedure_of(found)
    given = [
        (question, rank, answers[question.code])
        for rank, question in enumerate(orientation.questions(), start=1)
        if question.code in answers
    ]
    context = {
        "route": found,
        "procedure": procedure,
        "forecast": forecast(procedure) if procedure else None,
        "steps": course.steps(procedure) if procedure else [],
        "elsewhere": orientation.elsewhere(answers),
        "given": given,
    }
    return render(request, "requests_app/orientation/result.html", context)


@login_not_required
@require_POST
def restart(request: HttpRequest) -> HttpResponse:
    request.session.pop(SESSION_KEY, None)
    return redirect("requests_app:orientation_question", 1)


def _asked_for(request: HttpRequest) -> list[Procedure]:
    code = request.GET.get("procedure", "")
    return [one for one in orientation.without_questions() if one.code == code]


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Title, body, procedure: then the draft exists.

    Access to data goes by the answers to the questions; what is no request for access is begun from
    its own link (`?procedure=`).
    """
    answers = _answers(request)
    procedures = _asked_for(request) or orientation.allowed_procedures(answers)
    if not procedures:
        messages.info(request, _("Répondez d’abord à quelques questions sur votre étude."))
        return redirect(_next_url(answers))
    for_access = procedures[0].type == CaseType.ACCESS
    rows = baskets.rows(baskets.of_user(request.user)) if for_access else []
    form = StartForm(posted(request), user=request.user, procedures=procedures, rows=len(rows))
    if request.method == "POST" and form.is_valid():
        draft = dossier.create(
            title=form.cleaned_data["title"],
            organisation=form.cleaned_data["organisation"],
            procedure=form.procedure_chosen,
            orientation=answers if for_access else {},
            rows=rows if form.cleaned_data.get("import_basket") else [],
            by=request.user,
        )
        if for_access:
            request.session.pop(SESSION_KEY, None)
        messages.success(request, _("Votre brouillon est créé. Il est gardé à chaque étape."))
        return redirect("requests_app:draft", draft.pk)
    context = {
        "form": form,
        "for_access": for_access,
        "heading": _("Nouvelle demande") if for_access else _("Nouvelle déclaration"),
        "summaries": [] if for_access else [one.summary for one in procedures],
        "rows": len(rows),
        "has_organisation": organisations_for(request.user).exists(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "requests_app/orientation/create.html", context, status=status)
