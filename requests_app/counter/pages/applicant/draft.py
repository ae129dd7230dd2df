"""The draft, step by step: saved by button or by itself; two editors never overwrite each other."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from portal.common.digits import whole_number
from portal.common.templatetags.portal import hour
from requests_app import dossier
from requests_app.counter.forms.draft import Merge, SectionForm, TitleForm
from requests_app.counter.forms.questions.base import SEPARATOR, Asked
from requests_app.counter.forms.questions.table import ADD, REMOVE
from requests_app.counter.pages.helpers import posted, team_request
from requests_app.counter.reading import draft_steps
from requests_app.deadlines import access_period
from requests_app.dossier import EditConflict, NotEditable
from requests_app.models import AccessRequest, StageState
from requests_app.procedures.conditions import all_hold
from requests_app.procedures.form import ReadableSection
from requests_app.procedures.kind import Trait
from requests_app.procedures.section import Section
from requests_app.rights import permissions
from requests_app.workflow import completeness_grid
from requests_app.workflow.definition import REQUEST_MOVES

from . import draft_rows


AUTOSAVE_HEADER = "X-Autosave"
MOST_ROWS = 200


@require_safe
def draft(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Where the file stands: its steps, and everything it lacks with links."""
    access_request = team_request(request, pk)
    record_view(request, "request.view_draft", on=access_request, about=access_request.pk)
    return _overview(request, access_request)


def _overview(
    request: SignedInRequest, access_request: AccessRequest, title_form: TitleForm | None = None
) -> HttpResponse:
    missing = dossier.missing_items(access_request)
    context = frame(request, access_request, missing=missing) | {
        "title_form": title_form or TitleForm(initial={"title": access_request.title}),
        "missing_links": draft_steps.links(access_request, missing),
        "awaiting": access_request.versions.unsigned().first(),
        "completion": completeness_grid.last_completion(access_request),
        "answer_url": _answer_url(access_request),
        "withdrawable": permissions.can(request.user, "withdraw", access_request)
        and access_request.state in REQUEST_MOVES["withdraw"].sources,
    }
    status = 422 if title_form else 200
    return render(request, "requests_app/draft/overview.html", context, status=status)


def _answer_url(access_request: AccessRequest) -> str:
    """Where the opinion is answered, while the file is corrected for it."""
    stage = access_request.stages.having(Trait.EDITS_FILE).filter(state=StageState.RUNNING).first()
    if stage is None:
        return ""
    return reverse("requests_app:stage_act", args=[access_request.pk, stage.pk, "answer_points"])


def frame(
    request: SignedInRequest,
    access_request: AccessRequest,
    *,
    current: str = "",
    missing: list[dossier.Missing] | None = None,
) -> dict[str, Any]:
    """What every page of the draft shows around its content."""
    if missing is None:
        missing = dossier.missing_items(access_request)
    form = access_request.form
    following = draft_steps.next_step(form, current) if current else None
    return {
        "access_request": access_request,
        "procedure": access_request.procedure,
        "steps": draft_steps.states(access_request, missing, current=current),
        "step": draft_steps.by_section(form).get(current),
        "next_step": following,
        "rank": draft_steps.rank(form, current) if current else None,
        "missing_count": len(missing),
        "missing_here": [one for one in missing if one.section == current],
        "editable": permissions.can(request.user, "edit", access_request),
    }


def editable_request(request: SignedInRequest, pk: UUID) -> AccessRequest:
    """A file the person may edit now. Raises Http404, NotEditable."""
    access_request = team_request(request, pk)
    if not permissions.can(request.user, "edit", access_request):
        raise NotEditable
    return access_request


def to_overview(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """The answer to an attempt to edit a file that cannot be edited now."""
    text = _("Ce dossier ne peut pas être modifié maintenant. Voyez ci-dessous ce qui est attendu.")
    if request.headers.get(AUTOSAVE_HEADER):
        return JsonResponse({"error": text}, status=409)
    messages.warning(request, text)
    return redirect("requests_app:draft", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: SignedInRequest, pk: UUID, slug: str) -> HttpResponse:
    """One step made of fields (persons, pieces and summary have their own views)."""
    try:
        access_request = editable_request(request, pk)
        section = _section(access_request, slug)
        form = section_form(access_request, section, posted(request), rows=_rows_asked(request))
        if request.method == "POST":
            return _save(request, access_request, form)
    except NotEditable:
        return to_overview(request, pk)
    return page(request, access_request, form)


def _section(access_request: AccessRequest, slug: str) -> Section:
    """Raises Http404."""
    for section in access_request.form.filled_in:
        if section.slug == slug:
            return section
    raise Http404


def _rows_asked(request: SignedInRequest) -> dict[str, int]:
    """Rows that a table shows after its button to add one: `?lignes=sites:3`."""
    code, _colon, count = (request.POST.get(ADD) or request.GET.get("lignes", "")).partition(":")
    number = whole_number(count)
    return {code: min(number, MOST_ROWS)} if code and number else {}


def section_form(
    access_request: AccessRequest,
    section: Section,
    data: Any,
    *,
    stored: dict[str, Any] | None = None,
    rows: dict[str, int] | None = None,
) -> SectionForm:
    """The form of a section, with the marks of what the signature will need."""
    known = dossier.facts(access_request)
    asked = Asked(
        facts=known,
        needed=_needed(access_request, section, known),
        most={"access_months": access_period.most_months(access_request.procedure)},
        rows=rows or {},
    )
    values = dossier.section_of(access_request, section.code) if stored is None else stored
    return SectionForm(data, section=section, stored=values, asked=asked)


def _needed(
    access_request: AccessRequest, section: Section, known: dict[str, Any]
) -> frozenset[str]:
    """Names of the fields that the signature will need."""
    paths = {
        f"{question.code}.{place}" if place else question.code
        for question in section.answers
        if question.is_required(known)
        for place in question.needs()
    }
    beyond = (
        rule.field.removeprefix(f"{section.code}.")
        for rule in access_request.procedure.required_fields
        if rule.field.startswith(f"{section.code}.") and all_hold(rule.when, known)
    )
    return frozenset(path.replace(".", SEPARATOR) for path in {*paths, *beyond})


def page(
    request: SignedInRequest,
    access_request: AccessRequest,
    form: SectionForm,
    *,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """The page of a step, whatever has just happened to it."""
    section = form.section
    context = frame(request, access_request, current=section.code) | {
        "form": form,
        "section": section,
        "groups": list(form.groups()),
        "revision": access_request.content_revision,
        "base": form.base(),
        **extra,
    }
    if draft_rows.are_in(access_request, section.code):
        context |= draft_rows.context(request, access_request)
    return render(request, "requests_app/draft/step.html", context, status=status)


def _save(
    request: SignedInRequest, access_request: AccessRequest, form: SectionForm
) -> HttpResponse:
    """Save what the person changed; what others changed meanwhile stays, or both are shown."""
    autosave = bool(request.headers.get(AUTOSAVE_HEADER))
    form.is_valid()
    shown = _without_removed(access_request, form)
    valid = shown.is_valid()
    merge = form.merge(request.POST.get("base", ""))
    revision, code = access_request.content_revision, form.section.code
    try:
        if merge.clash:
            dossier.raise_conflict(access_request, code)
        data = form.section_data(only=merge.mine, tidy=valid and not autosave)
        revision = dossier.save_section(
            access_request, code, data, by=request.user, revision=revision
        )
    except EditConflict as conflict:
        return _conflict(request, access_request, form, conflict, autosave=autosave)
    except ValidationError:
        shown.add_error(None, _("Une valeur n’est pas acceptable. Corrigez-la puis enregistrez."))
        valid = False
    else:
        shown.stored = data
    if autosave:
        return _saved(request, access_request, form, merge, revision)
    if not valid:
        return page(request, access_request, shown, status=422)
    return _next_page(request, access_request, form, merge)


def _without_removed(access_request: AccessRequest, form: SectionForm) -> SectionForm:
    """The form as it is shown after its button: the rows below the one removed moved up."""
    found = form.without_removed()
    if found is None:
        return form
    data, stored = found
    return section_form(access_request, form.section, data, stored=stored)


def _next_page(
    request: SignedInRequest, access_request: AccessRequest, form: SectionForm, merge: Merge
) -> HttpResponse:
    """Where a saved step leads: to what its button asks for, to new questions, to the next step."""
    code = form.section.code
    after = section_form(access_request, form.section, None).asked_codes
    for label in form.answered_beyond(after, merge):
        text = _(
            "« %(question)s » n’est plus demandé avec les réponses enregistrées. Ce que vous y avez"
            " écrit est gardé : il comptera si la question est posée de nouveau."
        )
        messages.warning(request, text % {"question": label})
    if draft_rows.are_in(access_request, code) and (
        done := draft_rows.act(request, access_request)
    ):
        return done
    here = draft_steps.url_of(access_request, code)
    for name in (ADD, REMOVE):
        if button := request.POST.get(name):
            table = quote(button.partition(":")[0])
            asked = f"?lignes={quote(button)}" if name == ADD else ""
            return redirect(f"{here}{asked}#{table}")
    messages.success(request, _("L’étape est enregistrée."))
    if set(after) - set(form.asked_codes):
        messages.info(request, _("Vos réponses appellent d’autres questions : les voici."))
        return redirect(here)
    following = draft_steps.next_step(access_request.form, code)
    if "next" in request.POST and following is not None:
        return redirect("requests_app:draft_step", access_request.pk, following.slug)
    return redirect(here)


def _saved(
    request: SignedInRequest,
    access_request: AccessRequest,
    form: SectionForm,
    merge: Merge,
    revision: int,
) -> JsonResponse:
    """The answer to an autosave.

    Fields the person left alone keep the base their page was made from: what someone else wrote
    there meanwhile is not in that page.
    """
    fresh = section_form(access_request, form.section, form.data)
    base = fresh.base_after(request.POST.get("base", ""), saved=merge.mine)
    return JsonResponse(
        {
            "revision": revision,
            "base": base,
            "saved": _saved_words(len(form.errors)),
            "errors": {f"id_{name}": errors[0] for name, errors in form.errors.items()},
        }
    )


def _saved_words(errors: int) -> str:
    words = _("Enregistré à %(hour)s") % {"hour": hour(timezone.now())}
    if not errors:
        return words
    left = ngettext("sauf %(n)s champ à corriger", "sauf %(n)s champs à corriger", errors)
    return f"{words}, {left % {'n': errors}}"


def _conflict(
    request: SignedInRequest,
    access_request: AccessRequest,
    form: SectionForm,
    conflict: EditConflict,
    *,
    autosave: bool,
) -> HttpResponse:
    """Both versions, field by field; what was typed stays in the form, ready to be sent again."""
    who = _("vous, dans un autre onglet") if conflict.by == request.user else str(conflict.by)
    text = _("Cette étape a été modifiée entre-temps par %(who)s, à %(hour)s.") % {
        "who": who,
        "hour": hour(conflict.at),
    }
    if autosave:
        return JsonResponse({"conflict": text}, status=409)
    access_request.refresh_from_db()
    now = section_form(access_request, form.section, form.data, stored=conflict.theirs)
    now.is_valid()
    merge = now.merge(request.POST.get("base", ""))
    changed = merge.mine | merge.clash  # a table whole: its rows are those of the page
    code, words = form.section.code, access_request.form.readable
    mine = words({code: now.section_data(only=changed)})
    theirs = words({code: conflict.theirs})
    sent = now.with_theirs(changed)
    again = section_form(access_request, form.section, sent, stored=conflict.theirs)
    return page(
        request,
        access_request,
        again,
        status=409,
        conflict={"text": text, "changes": _sides(_lines(mine[0]), _lines(theirs[0]))},
    )


def _lines(section: ReadableSection) -> list[tuple[str, str]]:
    """Everything of a section in words, the rows of its tables included."""
    grids = [(one.caption, "\n".join(" – ".join(row) for row in one.rows)) for one in section.grids]
    return [*section.facts, *grids]


def _sides(
    mine: list[tuple[str, str]], theirs: list[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """(label, mine, theirs) of what differs."""
    left: Mapping[str, str] = dict(mine)
    right: Mapping[str, str] = dict(theirs)
    labels = dict.fromkeys([*left, *right])
    return [
        (label, left.get(label, ""), right.get(label, ""))
        for label in labels
        if left.get(label, "") != right.get(label, "")
    ]


@require_POST
def rename(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    form = TitleForm(request.POST)
    if not form.is_valid():
        return _overview(request, access_request, form)
    try:
        dossier.rename(access_request, title=form.cleaned_data["title"], by=request.user)
    except NotEditable:
        return to_overview(request, pk)
    messages.success(request, _("Le titre est changé."))
    return redirect("requests_app:draft", pk)
