"""Who reads the log. `is_staff` adds nothing."""

from collections.abc import Callable
from typing import Any
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


HidingRule = Callable[[User], "QuerySet[Any] | None"]
_hiding_rules: list[HidingRule] = []


def hide_from_log(rule: HidingRule) -> HidingRule:
    """Register a rule of an upper room: requests whose log is closed to a person (a decorator).

    The rule answers rows whose primary key is `about`, or None when there are none.
    """
    if rule not in _hiding_rules:
        _hiding_rules.append(rule)
    return rule


def hidden_from(user: "User | AnonymousUser") -> "list[QuerySet[Any]]":
    """Requests that are closed to a person (A14), as the rules of `hide_from_log` answer them."""
    if not isinstance(user, User):
        return []
    return [found for rule in _hiding_rules if (found := rule(user)) is not None]


def can_read_everything(user: "User | AnonymousUser") -> bool:
    """Auditors and the data protection officer."""
    return has_role(user, Role.AUDITOR, Role.DPO)


def can_open_log(user: "User | AnonymousUser") -> bool:
    """The log's pages in the admin: administrators too, without what concerns a request."""
    return has_role(user, Role.AUDITOR, Role.DPO, Role.ADMINISTRATOR)


def visible_to(user: "User | AnonymousUser") -> QuerySet[AuditEvent]:
    """Events the person may read."""
    if can_read_everything(user):
        events = AuditEvent.objects.all()
        for hidden in hidden_from(user):
            events = events.exclude(about__in=hidden.order_by().values("pk"))
        return events
    if can_open_log(user):
        return AuditEvent.objects.filter(about__isnull=True)
    return AuditEvent.objects.none()


def reads_everything_of(user: "User | AnonymousUser", about: UUID) -> bool:
    """Whether the person reads all that the log holds of a request, reserved actions included."""
    if not can_read_everything(user):
        return False
    return not any(hidden.filter(pk=about).exists() for hidden in hidden_from(user))


def can_read_story(user: "User | AnonymousUser", about: UUID) -> bool:
    """Whether the person reads the story of a request: the rules of `allow_story` know what is
    closed to them."""
    return any(reader(user, about) for reader in _story_readers) or reads_everything_of(user, about)
