"""Who of the desk takes a stage, and its private notes."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Role, RoleAssignment, User
from portal.audit.record import record
from requests_app.models import (
    AccessRequest,
    Note,
    Stage,
)
from requests_app.rights import duties


class DeskRefused(ValueError):
    """Nothing was changed; `str()` is a French sentence for the person."""


# Stages of these roles are the desk's: a person of the role takes them. Holders, committees and
# applicants share out their own work.
ASSIGNABLE_ROLES = frozenset({Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR, Role.DPO})


def _not_own(request: AccessRequest, *, by: User, quality: str = "secretariat") -> None:
    if why := duties.why_apart(by, request, quality):
        raise DeskRefused(why)


def colleagues(role: str, request: AccessRequest) -> QuerySet[User]:
    """Active people who hold a desk's role and may act on the file: those to whom one of its stages
    may be given."""
    if role not in ASSIGNABLE_ROLES:
        return User.objects.none()
    held = RoleAssignment.objects.active().filter(role=role).values("user")
    people = User.objects.filter(pk__in=held, is_active=True)
    return duties.without(people, request, [Role(role)]).order_by("last_name", "first_name")


def assign(stage: Stage, *, to: User | None, by: User) -> None:
    """Give an open stage to a person of the desk, or to nobody. Raises DeskRefused, also on a file
    of their own or of one's own."""
    _not_own(stage.request, by=by)
    if to is not None and duties.apart(to, stage.request, stage.role) is not None:
        raise DeskRefused(
            _("%(who)s est partie à ce dossier : choisissez une autre personne.") % {"who": to}
        )
    with transaction.atomic():
        found = Stage.objects.open().select_for_update(of=("self",)).filter(pk=stage.pk).first()
        if found is None:
            raise DeskRefused(_("Cette étape n’est pas en cours : elle ne s’attribue pas."))
        if found.assignee_id == (to.pk if to else None):
            return
        found.assignee = to
        found.save(update_fields=["assignee"])
        record(
            "request.assign",
            by=by,
            on=stage,
            about=stage.request_id,
            data={"stage": stage.code, "to": str(to.pk) if to else ""},
        )


def add_note(request: AccessRequest, *, text: str, by: User) -> Note:
    """Keep a private note of the desk. Raises DeskRefused on a file of one's own."""
    _not_own(request, by=by)
    with transaction.atomic():
        note = Note(request=request, author=by, text=text)
        note.save(force_insert=True)
        record("request.note", by=by, on=note, about=request.pk)
    return note
