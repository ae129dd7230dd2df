"""The page of one request: where it stands, who must act, and what this person may read of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import Role
from portal.accounts.requests import SignedInRequest
from portal.accounts.roles import has_role
from portal.audit.record import record_view
from portal.common.fields import uuid_or_none
from requests_app.counter.forms.inbox import NoteForm
from requests_app.counter.pages.staff.endings import still
from requests_app.counter.reading import committee as committee_reading
from requests_app.counter.reading import request as reading
from requests_app.counter.reading import timeline
from requests_app.counter.reading.signature import answered_before
from requests_app.models import (
    EDITABLE_STATES,
    FINAL_STATES,
    AccessRequest,
    RequestState,
    Stage,
    Workspace,
)
from requests_app.permits import operations
from requests_app.rights import permissions, standing
from requests_app.workflow import assignment
from requests_app.workflow.abilities import Ability, NextStep, abilities, who_must_act

from .links import act_links


STORY_PAGE_SIZE = 50
_UNSIGNED_STATES = frozenset({RequestState.AWAITING_SIGNATURE, RequestState.SIGNATURE_CHECK})


def visible_request(request: SignedInRequest, pk: UUID) -> AccessRequest:
    """The request if this person may know it exists; 404 otherwise, for everyone alike."""
    found = (
        permissions.requests_visible_to(request.user)
        .select_related("organisation")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _tabs(
    access_request: AccessRequest, parts: frozenset[str], current: str
) -> tuple[list[dict[str, Any]], str]:
    base = reverse("requests_app:request", args=[access_request.pk])
    procedure = access_request.procedure
    judged, opens = bool(procedure.committees), procedure.opens_rights
    labels = {
        "suivi": (_("Suivi"), True),
        "dossier": (_("Dossier"), bool(parts & reading.CONTENT_PARTS)),
        "pieces": (_("Pièces"), "pieces" in parts),
        "echanges": (_("Échanges"), "acts" in parts),
        "avis": (
            _("Avis et actes"),
            bool(parts & {"opinion", "remarks", "own_remark", "reports", "acts"}),
        ),
        "comite": (_("Comité"), judged and bool(parts & {"committee", "interests"})),
        "acces": (_("Accès"), opens and bool(parts & {"grants", "own_grant", "permit"})),
        "notes": (_("Notes internes"), "notes" in parts),
        "journal": (_("Journal"), "log" in parts),
    }
    shown = [key for key, (_label, visible) in labels.items() if visible]
    tab = current if current in shown else "suivi"
    return [
        {
            "url": f"{base}?onglet={key}",
            "label": labels[key][0],
            "current": key == tab,
            "count": None,
        }
        for key in shown
    ], tab


def _waiting(
    access_request: AccessRequest,
    parts: frozenset[str],
    stages: Sequence[Stage],
    whole: Sequence[Stage],
) -> list[NextStep]:
    """Who must act next, as far as the person sees the course: all of it, or their own stages."""
    seen = {stage.pk for stage in stages}
    # An administrator without a reason sees where a file stands, and nothing else of it.
    course = bool(parts & {"timeline", "version_to_sign"}) or parts == {"status"}

    def shown(step: NextStep) -> bool:
        if step.task is not None:
            return "tasks" in parts
        return step.stage is None or course or step.stage.pk in seen

    return [step for step in who_must_act(access_request, stages=whole) if shown(step)]


def _tools(request: SignedInRequest, access_request: AccessRequest) -> list[dict[str, str]]:
    """Pages beside the workflow that this person uses for this request."""
    if not operations.may_see(request.user):
        return []
    workspace = Workspace.objects.filter(request=access_request).first()
    if workspace is None:
        return []
    found = [
        {
            "label": _("Exploitation des accès de l’étude"),
            "url": reverse("requests_app:operations_workspace", args=[workspace.pk]),
        }
    ]
    if has_role(request.user, Role.OPERATOR):
        url = reverse("requests_app:extraction", args=[access_request.pk])
        found.append({"label": _("Extraction de l’étude"), "url": url})
    return found


def _tab_context(
    request: SignedInRequest,
    tab: str,
    reader: reading.Reader,
    stages: Sequence[Stage],
    mine: Sequence[Ability],
) -> dict[str, Any]:
    access_request, parts = reader.request, reader.parts
    match tab:
        case "suivi":
            whole = "timeline" in parts
            return {
                "timeline": timeline.events(access_request, stages, reader.procedure, whole=whole),
                "assignable": _assignable(request, access_request, stages),
            }
        case "dossier":
            return reader.content(version=request.GET.get("version", ""))
        case "pieces":
            return {"pieces": reader.pieces()}
        case "echanges":
            return {"exchanges": reader.exchanges()}
        case "avis":
            return reader.opinions_and_acts()
        case "comite":
            stand_down = next((one for one in mine if one.name == "withdraw_member"), None)
            return {
                "sittings": committee_reading.sittings(
                    access_request, user=request.user, parts=parts
                ),
                "withdraw_url": reverse(
                    "requests_app:stage_act",
                    args=[access_request.pk, stand_down.stage.pk, stand_down.name],
                )
                if stand_down is not None and stand_down.stage is not None
                else "",
            }
        case "acces":
            return reader.grants()
        case "notes":
            writes = permissions.can(request.user, "write_note", access_request)
            return {
                "notes": access_request.notes.select_related("author"),
                "note_form": NoteForm() if writes else None,
            }
        case _:
            story = Paginator(reader.story(), STORY_PAGE_SIZE)
            return {"story": story.get_page(request.GET.get("page"))}


def _assignable(
    request: SignedInRequest, access_request: AccessRequest, stages: Sequence[Stage]
) -> list[dict[str, Any]]:
    """Open stages of the desk, each with those to whom it may be given."""
    if not permissions.can(request.user, "assign", access_request):
        return []
    found = []
    for stage in stages:
        if stage.role not in assignment.ASSIGNABLE_ROLES or stage.ended_at or not stage.started_at:
            continue
        found.append(
            {
                "stage": stage,
                "label": str(access_request.procedure.stage(stage.code).label),
                "people": assignment.colleagues(stage.role, access_request),
            }
        )
    return found


def _of_signature(
    request: SignedInRequest, access_request: AccessRequest, parts: frozenset[str]
) -> dict[str, Any]:
    """While no version is signed: earlier answers to a paper, and what who is to sign lacks."""
    if access_request.state not in {*EDITABLE_STATES, *_UNSIGNED_STATES}:
        return {}
    signs = "version_to_sign" in parts
    if not signs and not permissions.is_actor(request.user, "secretariat", access_request):
        return {}
    readable = signs and access_request.state in _UNSIGNED_STATES
    return {
        "answered_before": answered_before(access_request),
        "lacks": standing.why_not_sign(request.user, access_request) if signs else "",
        "sign_url": reverse("requests_app:sign", args=[access_request.pk]) if readable else "",
    }


@require_safe
def request_page(request: SignedInRequest, pk: UUID) -> HttpResponse:
    one = AccessRequest.objects.select_related("organisation").filter(pk=pk)
    seen = permissions.with_parts(request.user, one)
    if seen is None:
        raise Http404
    access_request, parts = seen
    record_view(request, "request.view", on=access_request, about=access_request.pk)
    procedure = access_request.procedure
    course = Stage.objects.filter(request=access_request)
    course = course.select_related("holder", "committee", "assignee")
    whole = list(course)  # what the course is, whoever asks; less of it is shown to some
    stages = whole
    if "timeline" not in parts:
        own = permissions.stages_visible_to(request.user).filter(request=access_request)
        known = set(own.values_list("pk", flat=True))
        stages = [stage for stage in whole if stage.pk in known]
    tabs, tab = _tabs(access_request, parts, request.GET.get("onglet", ""))
    mine = abilities(access_request, user=request.user, stages=whole)
    reader = reading.Reader(
        access_request,
        procedure=procedure,
        parts=parts,
        user=request.user,
        corrects=any(one.name == "correct_act" for one in mine),
    )
    in_team = permissions.in_team(request.user, access_request)
    acts = act_links(
        access_request,
        mine,
        edits=in_team and permissions.is_editable(access_request),  # what `can` asks, asked once
    )
    kept_away = permissions.why_kept_away(request.user, access_request)
    context: dict[str, Any] = {
        "access_request": access_request,
        "parts": parts,
        "procedure": procedure,
        "waiting": _waiting(access_request, parts, stages, whole),
        "acts": acts,
        "in_team": in_team,
        "cannot_bind": standing.why_not_bind(request.user, access_request)
        if in_team and access_request.state not in FINAL_STATES
        else [],
        "still": still(access_request),
        "must_declare": "content" not in parts
        and any(one.name == "declare_interest" for one in mine),
        "may_consult": "content" not in parts
        and has_role(request.user, Role.ADMINISTRATOR)
        and not kept_away,
        "tools": [] if kept_away else _tools(request, access_request),
        "kept_away": kept_away,
        "tabs": tabs,
        "tab": tab,
    }
    context |= _of_signature(request, access_request, parts)
    context |= _tab_context(request, tab, reader, stages, mine)
    return render(request, "requests_app/request/page.html", context)


@require_POST
def add_note(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    if not permissions.can(request.user, "write_note", access_request):
        raise PermissionDenied(permissions.why_not(request.user, "write_note", access_request))
    form = NoteForm(request.POST)
    if form.is_valid():
        assignment.add_note(access_request, text=form.cleaned_data["text"], by=request.user)
        messages.success(request, _("La note est ajoutée."))
    else:
        messages.error(request, _("Écrivez la note avant de l’ajouter (5 000 caractères au plus)."))
    url = reverse("requests_app:request", args=[access_request.pk])
    return redirect(f"{url}?onglet=notes")


@require_POST
def assign_stage(request: SignedInRequest, pk: UUID, stage_id: UUID) -> HttpResponse:
    """Give a stage to a colleague, take it for oneself (nothing chosen), or give it back."""
    access_request = visible_request(request, pk)
    if not permissions.can(request.user, "assign", access_request):
        raise PermissionDenied(permissions.why_not(request.user, "assign", access_request))
    stage = get_object_or_404(Stage, pk=stage_id, request=access_request)
    back = (
        redirect("requests_app:inbox")
        if "inbox" in request.POST
        else redirect("requests_app:request", access_request.pk)
    )
    people = assignment.colleagues(stage.role, access_request)
    wanted = request.POST.get("to", str(request.user.pk))
    to = None if "release" in request.POST else people.filter(pk=uuid_or_none(wanted)).first()
    if to is None and "release" not in request.POST and wanted:
        messages.error(request, _("Cette personne n’a pas le rôle que demande l’étape."))
        return back
    try:
        assignment.assign(stage, to=to, by=request.user)
    except assignment.DeskRefused as refused:
        messages.error(request, str(refused))
        return back
    said = _("L’étape est attribuée à %(who)s.") % {"who": to} if to else ""
    messages.success(request, said or _("L’étape n’est plus attribuée."))
    return back
