"""The page of one request: where it stands, who must act, and what this person may read of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.audit.record import record_view
from requests_app import desk, permissions, reading, timeline
from requests_app.abilities import abilities, who_must_act
from requests_app.forms.inbox import NoteForm
from requests_app.models import AccessRequest, Stage
from requests_app.procedures import registry

from .links import act_links


STORY_PAGE_SIZE = 50


def visible_request(request: HttpRequest, pk: UUID) -> AccessRequest:
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
    labels = {
        "suivi": (_("Suivi"), True),
        "dossier": (_("Dossier"), bool(parts & reading.CONTENT_PARTS)),
        "pieces": (_("Pièces"), "pieces" in parts),
        "avis": (
            _("Avis et actes"),
            bool(parts & {"opinion", "remarks", "own_remark", "reports", "acts"}),
        ),
        "acces": (_("Accès"), bool(parts & {"grants", "own_grant", "permit"})),
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


@require_safe
def request_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    parts = permissions.parts_visible(request.user, access_request)
    record_view(request, "request.view", on=access_request, about=access_request.pk)
    procedure = registry.get(access_request.procedure_code, access_request.procedure_version)
    stages = list(
        Stage.objects.filter(request=access_request).select_related("holder", "committee")
    )
    tabs, tab = _tabs(access_request, parts, request.GET.get("onglet", ""))
    mine = abilities(access_request, user=request.user)
    context: dict[str, Any] = {
        "access_request": access_request,
        "procedure": procedure,
        "waiting": who_must_act(access_request),
        "acts": act_links(access_request, mine),
        "tabs": tabs,
        "tab": tab,
    }
    reader = reading.Reader(
        access_request,
        procedure=procedure,
        parts=parts,
        user=request.user,
        corrects=any(one.name == "correct_act" for one in mine),
    )
    if tab == "suivi":
        context["timeline"] = timeline.events(access_request, stages, procedure)
    elif tab == "dossier":
        context |= reader.content(version=request.GET.get("version", ""))
    elif tab == "pieces":
        context["pieces"] = reader.pieces()
    elif tab == "avis":
        context |= reader.opinions_and_acts()
    elif tab == "acces":
        context |= reader.grants()
    elif tab == "notes":
        context |= {
            "notes": access_request.notes.select_related("author"),
            "note_form": NoteForm(),
        }
    else:
        story = Paginator(reader.story(), STORY_PAGE_SIZE).get_page(request.GET.get("page"))
        context["story"] = story
    return render(request, "requests_app/request/page.html", context)


@require_POST
def add_note(request: HttpRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    if "notes" not in permissions.parts_visible(request.user, access_request):
        raise PermissionDenied
    form = NoteForm(request.POST)
    if form.is_valid():
        desk.add_note(access_request, text=form.cleaned_data["text"], by=request.user)
        messages.success(request, _("La note est ajoutée."))
    else:
        messages.error(request, _("Écrivez la note avant de l’ajouter."))
    url = reverse("requests_app:request", args=[access_request.pk])
    return redirect(f"{url}?onglet=notes")


@require_POST
def assign_stage(request: HttpRequest, pk: UUID, stage_id: UUID) -> HttpResponse:
    """Take a stage for oneself, or give it back."""
    access_request = visible_request(request, pk)
    if "notes" not in permissions.parts_visible(request.user, access_request):
        raise PermissionDenied
    stage = get_object_or_404(Stage, pk=stage_id, request=access_request)
    to = None if "release" in request.POST else request.user
    desk.assign(stage, to=to, by=request.user)
    messages.success(
        request, _("L’étape vous est attribuée.") if to else _("L’étape n’est plus attribuée.")
    )
    return redirect("requests_app:request", access_request.pk)
