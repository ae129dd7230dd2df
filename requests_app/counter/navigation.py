"""Entries of the menu that count or list requests; the standard ones are the accounts' room."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Role, User
from portal.accounts.navigation import has_inbox
from portal.accounts.roles import has_role
from portal.common.navigation import Entry, register
from requests_app.counter.reading import badge


# Those who read requests that are not their own.
READERS = (
    Role.SECRETARIAT,
    Role.LEGAL_OFFICER,
    Role.PRESIDENT,
    Role.COMMITTEE_MEMBER,
    Role.HOLDER_REPRESENTATIVE,
    Role.MAIN_BASE_OFFICER,
    Role.OPERATOR,
    Role.DPO,
    Role.AUDITOR,
)


def remember_count(request: HttpRequest, count: int) -> None:
    """The inbox page has counted already: the menu does not count again."""
    request.guichet_inbox_count = count  # type: ignore[attr-defined]


def things_to_do(request: HttpRequest) -> int:
    known: int | None = getattr(request, "guichet_inbox_count", None)
    if known is None:
        known = badge.count(request.user) if isinstance(request.user, User) else 0
        remember_count(request, known)
    return known


def reads_requests(request: HttpRequest) -> bool:
    return has_role(request.user, *READERS)


register(
    Entry(
        label=_("À traiter"),
        url_name="requests_app:inbox",
        order=40,
        visible=has_inbox,
        count=things_to_do,
    )
)
register(
    Entry(label=_("Dossiers"), url_name="requests_app:requests", order=45, visible=reads_requests)
)
