"""Persons of a draft, and of a request afterwards."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import invitations
from portal.accounts.models import Invitation, Membership
from portal.accounts.requests import SignedInRequest
from portal.accounts.roles import organisations_of
from requests_app.counter.forms.team import InviteForm, RemoveForm
from requests_app.counter.pages.helpers import fresh_factor, posted, team_request
from requests_app.dossier import NotEditable
from requests_app.models import AccessRequest, RequestMember
from requests_app.permits import team
from requests_app.rights import permissions

from .draft import frame, to_overview


@require_http_methods(["GET", "HEAD", "POST"])
def persons(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """Who is in the file; a POST invites someone. Open at any time: teams change."""
    access_request = team_request(request, pk)
    asked = fresh_factor(
        request,
        needed=request.method == "POST"
        and request.POST.get("kind") == RequestMember.Kind.REPRESENTATIVE,
    )
    if asked is not None:
        return asked
    opens_rights = access_request.procedure.opens_rights
    form = InviteForm(posted(request), label_suffix="", opens_rights=opens_rights)
    if request.method == "POST" and form.is_valid():
        try:
            team.invite(access_request, by=request.user, **form.cleaned_data)
        except team.TeamRefused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(
                request,
                _("L’invitation est envoyée à %(email)s.") % {"email": form.cleaned_data["email"]},
            )
            return _back(access_request)
    members = team.current(access_request)
    context = frame(request, access_request, current="persons") | {
        "opens_rights": opens_rights,
        "form": form,
        "members": [
            (member, team.may_remove(access_request, member, by=request.user)) for member in members
        ],
        "pending": team.pending(access_request),
        "signatories": _signatories(access_request),
        # Whoever asked to join an organisation reads no names of it before the answer.
        "names_shown": access_request.organisation_id in organisations_of(request.user),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "requests_app/draft/persons.html", context, status=status)


def _signatories(access_request: AccessRequest) -> list[str]:
    """Who may sign online for the organisation, so that nobody waits for a signature in vain."""
    found = Membership.objects.signatory().filter(organisation=access_request.organisation_id)
    return [str(one.user) for one in found.select_related("user")]


def _member(access_request: AccessRequest, member_id: UUID) -> RequestMember:
    members = RequestMember.objects.current().filter(request=access_request)
    return get_object_or_404(members.select_related("user"), pk=member_id)


def _back(access_request: AccessRequest) -> HttpResponse:
    return redirect("requests_app:draft_step", access_request.pk, "personnes")


@require_POST
def data_access(request: SignedInRequest, pk: UUID, member_id: UUID) -> HttpResponse:
    """Whether a person will work on the data."""
    access_request = team_request(request, pk)
    editable = permissions.can(request.user, "edit", access_request)
    if not editable or not access_request.procedure.opens_rights:
        return to_overview(request, pk)
    wanted = request.POST.get("has_data_access") == "yes"
    try:
        team.set_data_access(
            access_request,
            _member(access_request, member_id),
            has_data_access=wanted,
            by=request.user,
        )
    except NotEditable:
        return to_overview(request, pk)
    messages.success(request, _("C’est enregistré."))
    return _back(access_request)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedInRequest, pk: UUID, member_id: UUID) -> HttpResponse:
    """Asked to confirm: the person's access, if any, closes at once."""
    access_request = team_request(request, pk)
    member = _member(access_request, member_id)
    if not team.may_remove(access_request, member, by=request.user):
        raise PermissionDenied(_("Seul le responsable scientifique retire une personne."))
    form = RemoveForm(
        posted(request), needs_reason=team.removal_needs_reason(access_request), label_suffix=""
    )
    if request.method == "POST" and form.is_valid():
        try:
            team.remove(
                access_request,
                member,
                by=request.user,
                reason=form.cleaned_data.get("reason", ""),
            )
        except team.TeamRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, _("%(name)s n’est plus dans le dossier.") % {"name": member.user}
            )
            return _after_removal(request, access_request)
    context = {
        "heading": _("Retirer %(name)s du dossier") % {"name": member.user},
        "lead": access_request.title,
        "consequences": [
            _("Cette personne ne voit plus le dossier."),
            _("Si elle accède aux données, son accès se ferme tout de suite."),
        ],
        "form": form,
        "submit_label": _("Retirer la personne"),
        "cancel_url": reverse("requests_app:draft_step", args=[access_request.pk, "personnes"]),
        "danger": True,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "layout/confirm.html", context, status=status)


def _after_removal(request: SignedInRequest, access_request: AccessRequest) -> HttpResponse:
    """Whoever removed themselves no longer sees the file."""
    if permissions.in_team(request.user, access_request):
        return _back(access_request)
    return redirect("requests_app:my_requests")


@require_POST
def cancel_invitation(request: SignedInRequest, pk: UUID, invitation_id: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    found = get_object_or_404(Invitation, pk=invitation_id, request_id=access_request.pk)
    try:
        invitations.cancel(found, by=request.user)
    except (invitations.NotAllowed, invitations.InvitationUnusable):
        messages.error(
            request,
            _("Cette invitation ne peut plus être annulée, ou une autre personne l’a envoyée."),
        )
    else:
        messages.success(request, _("L’invitation est annulée : son lien ne fonctionne plus."))
    return _back(access_request)
