"""The draft, step by step: saved by button or by itself; two editors never overwrite each other."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from portal.audit.record import record_view
from portal.common.templatetags.portal import hour
from requests_app import dossier
from requests_app.counter.forms.draft import Merge, SectionForm, TitleForm, flatten
from requests_app.counter.forms.draft_sections import FORMS
from requests_app.counter.pages.helpers import posted, team_request
from requests_app.counter.reading import draft_steps
from requests_app.deadlines import access_period
from requests_app.dossier import EditConflict, NotEditable
from requests_app.models import AccessRequest, StageState
from requests_app.procedures.conditions import all_hold
from requests_app.procedures.content_labels import readable
from requests_app.rights import permissions
from requests_app.workflow import completeness_grid
from requests_app.workflow.definition import REQUEST_MOVES

from . import draft_rows


AUTOSAVE_HEADER = "X-Autosave"


@require_safe
def draft(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the file stands: its steps, and everything it lacks with links."""
    access_request = team_request(request, pk)
    record_view(request, "request.view_draft", on=access_request, about=access_request.pk)
    return _overview(request, access_request)


def _overview(
    request: HttpRequest, access_request: AccessRequest, title_form: TitleForm | None = None
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
    stage = access_request.stages.of_kind("answer").filter(state=StageState.RUNNING).first()
    if stage is None:
        return ""
    return reverse("requests_app:stage_act", args=[access_request.pk, stage.pk, "answer_points"])


def frame(
    request: HttpRequest,
    access_request: AccessRequest,
    *,
    current: str = "",
    missing: list[dossier.Missing] | None = None,
) -> dict[str, Any]:
    """What every page of the draft shows around its content."""
    if missing is None:
        missing = dossier.missing_items(access_request)
    following = draft_steps.next_step(current) if current else None
    return {
        "access_request": access_request,
        "procedure": access_request.procedure,
        "steps": draft_steps.states(access_request, missing, current=current),
        "step": draft_steps.BY_SECTION.get(current),
        "next_step": following,
        "rank": draft_steps.rank(current) if current else None,
        "missing_count": len(missing),
        "missing_here": [one for one in missing if one.section == current],
        "editable": permissions.can(request.user, "edit", access_request),
    }


def editable_request(request: HttpRequest, pk: UUID) -> AccessRequest:
    """A file the person may edit now. Raises Http404, NotEditable."""
    access_request = team_request(request, pk)
    if not permissions.can(request.user, "edit", access_request):
        raise NotEditable
    return access_request


def to_overview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The answer to an attempt to edit a file that cannot be edited now."""
    text = _("Ce dossier ne peut pas être modifié maintenant. Voyez ci-dessous ce qui est attendu.")
    if request.headers.get(AUTOSAVE_HEADER):
        return JsonResponse({"error": text}, status=409)
    messages.warning(request, text)
    return redirect("requests_app:draft", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, pk: UUID, slug: str) -> HttpResponse:
    """One step made of fields (persons, pieces and summary have their own views)."""
    chosen = draft_steps.BY_SLUG.get(slug)
    if chosen is None or chosen.section not in FORMS:
        raise Http404
    try:
        access_request = editable_request(request, pk)
        form = section_form(access_request, chosen.section, posted(request))
        if request.method == "POST":
            return _save(request, access_request, form)
    except NotEditable:
        return to_overview(request, pk)
    return page(request, access_request, form)


def section_form(
    access_request: AccessRequest, section: str, data: Any, *, stored: dict[str, Any] | None = None
) -> SectionForm:
    """The form of a section, with the marks of what the signature will need."""
    extra: dict[str, Any] = {}
    if section == "identifiers":
        extra["kinds"] = draft_rows.identifiers(access_request)
    if section == "duration":
        extra["most_months"] = access_period.most_months(access_request.procedure)
    return FORMS[section](
        data,
        stored=dossier.section_of(access_request, section) if stored is None else stored,
        needed=_needed(access_request, section),
        **extra,
    )


def _needed(access_request: AccessRequest, section: str) -> frozenset[str]:
    rules = access_request.procedure.required_fields
    known = dossier.facts(access_request)
    paths = (rule.field for rule in rules if all_hold(rule.when, known))
    names = {p.partition(".")[2].replace(".", "__") for p in paths if p.startswith(f"{section}.")}
    if section == "prohibited":
        names |= set(flatten(dossier.section_of(access_request, section)))
    if section == "identifiers":
        names |= {f"{kind}__justification" for kind in draft_rows.identifiers(access_request)}
    return frozenset(names)


def page(
    request: HttpRequest,
    access_request: AccessRequest,
    form: SectionForm,
    *,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """The page of a step, whatever has just happened to it."""
    context = frame(request, access_request, current=form.section) | {
        "form": form,
        "groups": list(form.groups()),
        "revision": access_request.content_revision,
        "base": form.base(),
        **extra,
    }
    if form.section == "specification":
        context |= draft_rows.context(request, access_request)
    return render(request, "requests_app/draft/step.html", context, status=status)


def _save(request: HttpRequest, access_request: AccessRequest, form: SectionForm) -> HttpResponse:
    """Save what the person changed; what others changed meanwhile stays, or both are shown."""
    autosave = bool(request.headers.get(AUTOSAVE_HEADER))
    valid = form.is_valid()
    merge = form.merge(request.POST.get("base", ""))
    revision = access_request.content_revision
    try:
        if merge.clash:
            dossier.raise_conflict(access_request, form.section)
        revision = dossier.save_section(
            access_request,
            form.section,
            form.section_data(only=merge.mine),
            by=request.user,
            revision=revision,
        )
    except EditConflict as conflict:
        return _conflict(request, access_request, form, conflict, autosave=autosave)
    except ValidationError:
        form.add_error(None, _("Une valeur n’est pas acceptable. Corrigez-la puis enregistrez."))
        valid = False
    if autosave:
        return _saved(request, access_request, form, merge, revision)
    if not valid:
        return page(request, access_request, form, status=422)
    if form.section == "specification" and (done := draft_rows.act(request, access_request)):
        return done
    messages.success(request, _("L’étape est enregistrée."))
    following = draft_steps.next_step(form.section)
    if "next" in request.POST and following is not None:
        return redirect("requests_app:draft_step", access_request.pk, following.slug)
    return redirect(draft_steps.url_of(access_request, form.section))


def _saved(
    request: HttpRequest,
    access_request: AccessRequest,
    form: SectionForm,
    merge: Merge,
    revision: int,
) -> JsonResponse:
    """The answer to an autosave.

    Fields the person left alone keep the base their page was made from: what someone else wrote
    there meanwhile is not in that page.
    """
    fresh = section_form(access_request, form.section, None)
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
    request: HttpRequest,
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
    form.stored = conflict.theirs
    changed = form.merge(request.POST.get("base", "")).mine
    mine = readable({form.section: form.section_data(only=changed)})
    theirs = readable({form.section: conflict.theirs})
    sent = form.with_theirs(changed)
    again = section_form(access_request, form.section, sent, stored=conflict.theirs)
    return page(
        request,
        access_request,
        again,
        status=409,
        conflict={"text": text, "changes": _sides(mine[0].facts, theirs[0].facts)},
    )


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
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
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
