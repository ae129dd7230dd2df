"""Entries of the main menu, by the rights of the visitor. An absent room leaves its entry out."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.common.navigation import Entry, register

from .models import Role
from .roles import has_role, manages_one, signs_for_one


_INBOX_ROLES = (
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


def signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def is_applicant(request: HttpRequest) -> bool:
    """Someone who asks: signed in, and not only there to instruct requests."""
    return request.user.is_authenticated and not has_role(
        request.user, Role.AUDITOR, Role.OPERATOR, Role.SECRETARIAT, Role.LEGAL_OFFICER
    )


def has_inbox(request: HttpRequest) -> bool:
    return has_role(request.user, *_INBOX_ROLES) or signs_for_one(request.user)


def sees_operations(request: HttpRequest) -> bool:
    return has_role(request.user, Role.OPERATOR, Role.AUDITOR)


def is_holder(request: HttpRequest) -> bool:
    return has_role(request.user, Role.HOLDER_REPRESENTATIVE, Role.MAIN_BASE_OFFICER)


def confirms_memberships(request: HttpRequest) -> bool:
    return has_role(request.user, Role.SECRETARIAT) or manages_one(request.user)


def sees_admin(request: HttpRequest) -> bool:
    return has_role(request.user, Role.ADMINISTRATOR)


def load() -> None:
    """Register the entries; called once, when the application is ready."""
    for entry in (
        Entry(label=_("Catalogue"), url_name="catalog:search", order=10),
        Entry(label=_("Projets autorisés"), url_name="requests_app:register", order=20),
        Entry(label=_("Ma sélection"), url_name="requests_app:basket", order=30),
        Entry(label=_("À traiter"), url_name="requests_app:inbox", order=40, visible=has_inbox),
        Entry(
            label=_("Mes demandes"),
            url_name="requests_app:my_requests",
            order=50,
            visible=is_applicant,
        ),
        Entry(
            label=_("Mes accès"), url_name="requests_app:my_access", order=60, visible=is_applicant
        ),
        Entry(
            label=_("Qui utilise mes données"),
            url_name="requests_app:holder_accesses",
            order=70,
            visible=is_holder,
        ),
        Entry(
            label=_("Accès ouverts"),
            url_name="requests_app:operations",
            order=80,
            visible=sees_operations,
        ),
        Entry(
            label=_("Appartenances"),
            url_name="accounts:confirmations",
            order=90,
            visible=confirms_memberships,
        ),
        Entry(label=_("Administration"), url_name="admin:index", order=100, visible=sees_admin),
    ):
        register(entry)
