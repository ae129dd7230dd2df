"""Small parts that the applicant's views share."""

from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase

from portal.accounts.otp import FRESH_MINUTES, demand
from requests_app import permissions
from requests_app.models import AccessRequest


def posted(request: HttpRequest) -> QueryDict | None:
    """The sent form, even an empty one; None when nothing was sent."""
    return request.POST if request.method == "POST" else None


def team_request(request: HttpRequest, pk: UUID) -> AccessRequest:
    """A file of the person's own team; 404 for everyone else, whether it exists or not."""
    found = (
        permissions.requests_visible_to(request.user)
        .select_related("organisation", "content_edited_by")
        .filter(pk=pk)
        .first()
    )
    if found is None or not permissions.in_team(request.user, found):
        raise Http404
    return found


def fresh_factor(request: HttpRequest, *, needed: bool) -> HttpResponseBase | None:
    """The page that asks for a second factor passed a moment ago, where the verb needs one; None
    when the view may go on. Asked when the form is opened, and again when it took long to write:
    what was typed is kept."""
    return demand(request, fresh_minutes=FRESH_MINUTES) if needed else None
