"""An administrator's hour on a file, for a written reason."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.models import Role
from portal.accounts.requests import SignedInRequest
from portal.accounts.roles import has_role
from requests_app.counter.forms.operations import ConsultationForm
from requests_app.counter.pages.request import visible_request
from requests_app.rights import permissions


@require_http_methods(["GET", "HEAD", "POST"])
def consult(request: SignedInRequest, pk: UUID) -> HttpResponse:
    if not has_role(request.user, Role.ADMINISTRATOR):
        raise PermissionDenied(_("Cette page est celle des administrateurs."))
    access_request = visible_request(request, pk)
    if not permissions.can(request.user, "give_reason", access_request):
        raise PermissionDenied(permissions.why_not(request.user, "give_reason", access_request))
    form = ConsultationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        permissions.give_reason(request.user, access_request, reason=form.cleaned_data["reason"])
        return redirect("requests_app:request", pk)
    context = {
        "heading": _("Consulter le dossier %(number)s") % {"number": access_request.number or "–"},
        "lead": _("Un administrateur n’a pas accès au contenu des dossiers sans motif."),
        "form": form,
        "submit_label": _("Consulter pendant une heure"),
        "cancel_url": reverse("admin:requests_app_accessrequest_changelist"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "layout/confirm.html", context, status=status)
