"""One's own messages: a copy of the mails sent."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from .permissions import visible_to


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    page = Paginator(visible_to(request.user), 30).get_page(request.GET.get("page"))
    return render(request, "notifications/mine.html", {"page": page})


@require_safe
def message(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(visible_to(request.user), pk=pk)
    return render(request, "notifications/message.html", {"message": found})
