"""Who reads the log. `is_staff` adds nothing."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from portal.accounts.models import Role, User
from portal.accounts.roles import has_role

from .models import AuditEvent


StoryReader = Callable[["User | AnonymousUser", UUID], bool]
_story_readers: list[StoryReader] = []


def allow_story(reader: StoryReader) -> StoryReader:
    """Register a rule of an upper room: who else reads the story of a request (a decorator)."""
    if reader not in _story_readers:
        _story_readers.append(reader)
    return reader


def can_read_everything(user: "User | AnonymousUser") -> bool:
    """Auditors and the data protection officer."""
    return has_role(user, Role.AUDITOR, Role.DPO)


def can_open_log(user: "User | AnonymousUser") -> bool:
    """The log's pages in the admin: administrators too, without what concerns a request."""
    return has_role(user, Role.AUDITOR, Role.DPO, Role.ADMINISTRATOR)


def visible_to(user: "User | AnonymousUser") -> QuerySet[AuditEvent]:
    """Events the person may read."""
    if can_read_everything(user):
        return AuditEvent.objects.all()
    if can_open_log(user):
        return AuditEvent.objects.filter(about__isnull=True)
    return AuditEvent.objects.none()


def can_read_story(user: "User | AnonymousUser", about: UUID) -> bool:
    """Whether the person reads the story of a request."""
    return can_read_everything(user) or any(reader(user, about) for reader in _story_readers)
