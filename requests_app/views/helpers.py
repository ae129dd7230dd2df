"""Small parts that the applicant's views share."""

from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict

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
