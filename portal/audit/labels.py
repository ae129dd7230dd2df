"""Names for opaque ids, looked up when read: the log itself holds none."""

from collections.abc import Iterable
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.common.sensitive import without_sensitive


def _from_model(on_type: str, ids: list[str]) -> dict[str, str]:
    """`str()` of the objects: enough for models whose `__str__` reads its own row only."""
    try:
        model = apps.get_model(on_type)
        found = without_sensitive(model._default_manager.all()).in_bulk(ids)  # noqa: SLF001
    except (LookupError, ValueError, ValidationError):
        return {}
    return {str(key): str(item) for key, item in found.items()}


def labels_for(objects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Labels of `(type, id)` pairs, one query per type; what is gone shows type and short id."""
    by_type: dict[str, set[str]] = {}
    for on_type, on_id in objects:
        if on_type:
            by_type.setdefault(on_type, set()).add(on_id)
    labels: dict[tuple[str, str], str] = {}
    for on_type, ids in by_type.items():
        wanted = sorted(ids)
        found = _from_model(on_type, wanted)
        for on_id in wanted:
            labels[on_type, on_id] = found.get(on_id) or f"{_type_name(on_type)} {on_id[:8]}"
    return labels


def _type_name(on_type: str) -> str:
    try:
        return str(apps.get_model(on_type)._meta.verbose_name)  # noqa: SLF001
    except (LookupError, ValueError):
        return on_type


def people(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Names of actors; None is the portal itself."""
    wanted = {person for person in ids if person is not None}
    names: dict[UUID | None, str] = {None: _("Guichet (automatique)")}
    if wanted:
        found = without_sensitive(User.objects.all()).in_bulk(list(wanted))
        for person in wanted:
            user = found.get(person)
            names[person] = str(user) if user else _("personne %(id)s") % {"id": str(person)[:8]}
    return names
