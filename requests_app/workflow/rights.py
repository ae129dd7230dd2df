"""Tells the rooms below who may do the verbs, and who reads a request's story."""

from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from portal.accounts.models import User
from portal.audit.permissions import allow_story
from requests_app.rights import permissions

from .acts.corrections import correctable_codes
from .catalogue import public_names


for _name, _actors in public_names().items():
    permissions.register_action(_name, _actors)

permissions.register_correctable(correctable_codes())


@allow_story
def reads_story(user: User | AnonymousUser, about: UUID) -> bool:
    """Whoever has the part `log`; reserved actions are left out for them."""
    return permissions.requests_with(user, "log", "full_log").filter(pk=about).exists()
