"""Refused looks at a file go to the log, whichever page was asked; a file that this release cannot
read says so.

A view cannot forget it: every 403 or 404 that a page of this room raises about a stored object is
recorded here, before the answer leaves. An address that leads to nothing stored is no refusal.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string

from portal.audit.record import AuditUnavailable, record_refusal
from requests_app.models import AccessRequest, Grant, Workspace
from requests_app.procedures import forms, registry
from requests_app.rights import permissions
from requests_app.workflow.abilities import unreadable


log = logging.getLogger(__name__)
CONFLICTED, REFUSED = "conflicted", "refused"


def _target(kwargs: Mapping[str, Any]) -> tuple[Model, AccessRequest] | None:
    """The stored object of an address, and the file it belongs to."""
    pk = kwargs.get("pk")
    if pk is None:
        return None
    request = AccessRequest.objects.filter(pk=pk).first()
    if request is not None:
        return request, request
    grant = Grant.objects.filter(pk=pk).select_related("permit__request").first()
    if grant is not None:
        return grant, grant.permit.request
    workspace = Workspace.objects.filter(pk=pk).select_related("request").first()
    return (workspace, workspace.request) if workspace is not None else None


class RefusalMiddleware:
    """Records the refusals of this room's pages; 503 when the log cannot take one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        match = request.resolver_match
        if isinstance(exception, registry.UnreadableProcedure | forms.UnreadableForm):
            log.error("%s", exception)
            context = {"why": unreadable()}
            return render(request, "requests_app/unreadable.html", context, status=503)
        if (
            not isinstance(exception, Http404 | PermissionDenied)
            or match is None
            or match.app_name != "requests_app"
            or not request.user.is_authenticated
        ):
            return None
        found = _target(match.kwargs)
        if found is None:
            return None
        on, about = found
        conflicted = permissions.is_conflicted(request.user, about) and not permissions.in_team(
            request.user, about
        )
        try:
            record_refusal(
                "request.look_refused",
                by=request.user,
                on=on,
                about=about.pk,
                outcome=CONFLICTED if conflicted else REFUSED,
                data={"page": match.url_name or "", "method": request.method or ""},
            )
        except AuditUnavailable:
            return HttpResponse(render_to_string("503.html", request=None), status=503)
        return None
