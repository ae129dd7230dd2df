"""A person who may sign from now on hears of the requests that wait for their signature."""

from typing import Any

from django.dispatch import receiver
from django.urls import reverse

from portal.accounts.links import absolute
from portal.accounts.models import Membership
from portal.accounts.signals import signatory_confirmed
from requests_app.dossier import notices
from requests_app.models import AccessRequest, RequestState, RequestVersion


@receiver(signatory_confirmed)
def on_signatory(*, membership: Membership, told: bool, **_kwargs: Any) -> list[tuple[str, str]]:
    """In the transaction that confirms: title and link of each; a message of its own when the
    sender writes none (`told`)."""
    waiting = AccessRequest.objects.filter(
        organisation=membership.organisation_id, state=RequestState.AWAITING_SIGNATURE
    ).order_by("created_at")
    found = []
    for request in waiting:
        page = reverse("requests_app:sign", args=[request.pk])
        found.append((request.title, absolute(page)))
        version = request.versions.filter(status=RequestVersion.Status.AWAITING).first()
        if not told and version is not None:
            notices.SignatureAsked.tell(
                [membership.user],
                request,
                version=version.number,
                sha256=version.sha256,
                page=page,
            )
    return found
