"""Creating a file and saving its sections.

Every section keeps who changed it last and at which revision: two editors of different steps never
disturb each other, two editors of one step are told.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Organisation, User
from portal.audit.record import record
from requests_app.models import AccessRequest, RequestMember, kept
from requests_app.procedures import forms
from requests_app.procedures.cases import CASES
from requests_app.procedures.content import Row
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure
from requests_app.rights import permissions

from .reading import keep_datasets, section_of, sync_datasets


EDITS = "_edits"  # beside the sections in `content`, never frozen
SAME_SITTING = timedelta(minutes=10)  # autosaves of one sitting make one event of the log


class EditConflict(Exception):
    """Someone else changed the same section since it was read; nothing was saved."""

    def __init__(
        self, *, theirs: dict[str, Any], by: User | None, at: datetime, revision: int
    ) -> None:
        super().__init__("the section changed meanwhile")
        self.theirs, self.by, self.at, self.revision = theirs, by, at, revision


class NotEditable(Exception):
    """The file is not the applicant's to edit now (awaiting signature, being examined, over)."""


def create(
    *,
    title: str,
    organisation: Organisation,
    procedure: Procedure,
    orientation: Mapping[str, Any],
    rows: list[Row] | None = None,
    parent: AccessRequest | None = None,
    by: User,
) -> AccessRequest:
    """A draft of which `by` is the investigator; what the portal knows already is filled in.

    Its type is its procedure's. Raises ValueError when the type needs a `parent` and there is none,
    or the other way round.
    """
    with transaction.atomic():
        procedure = kept.keep(procedure)  # an edited file is not what rows of its name follow
        if CASES[procedure.type].has_parent != (parent is not None):
            raise ValueError(f"a case of type {procedure.type}: parent {parent and parent.pk}")
        request = AccessRequest(
            title=title,
            type=str(procedure.type),
            parent=parent,
            organisation=organisation,
            procedure_code=procedure.code,
            procedure_version=procedure.version,
            orientation=dict(orientation),
            created_by=by,
            content=_begun(forms.of(procedure), organisation, rows or []),
        )
        request.save(force_insert=True)
        RequestMember(
            request=request, user=by, kind=RequestMember.Kind.INVESTIGATOR, added_by=by
        ).save(force_insert=True)
        sync_datasets(request)
        if request.form.asks_for_whole:
            keep_datasets(request, {row.dataset for row in rows or ()})
        record(
            "request.create",
            by=by,
            on=request,
            about=request.pk,
            data={"procedure": procedure.code, "version": procedure.version},
        )
    return request


def _begun(form: Form, organisation: Organisation, rows: list[Row]) -> dict[str, Any]:
    """The sections in which the portal knows an answer."""
    known = {
        "controller": {
            "name": organisation.name,
            "address": organisation.address,
            "email": organisation.contact_email,
        },
        "data_specification": [row.model_dump() for row in rows],
    }
    content: dict[str, Any] = {}
    for role, value in known.items():
        if found := form.of_role(role):
            section, question = found
            content.setdefault(section.code, {})[question.code] = value
    return {code: form.cleaned(code, data) for code, data in content.items()}


def copy(source: AccessRequest, *, procedure: Procedure, by: User) -> AccessRequest:
    """A new draft with the answers of another file that its form asks for too; its persons and
    pieces stay with that one."""
    with transaction.atomic():
        request = create(
            title=source.title,
            organisation=source.organisation,
            procedure=procedure,
            orientation=source.orientation,
            parent=source.parent,
            by=by,
        )
        request.content = request.form.taken_over(source.content)
        request.save(update_fields=["content", "updated_at"])
        sync_datasets(request)
        if request.form.asks_for_whole:
            keep_datasets(request, source.datasets.values_list("dataset__code", flat=True))
    return request


def save_section(
    request: AccessRequest, section: str, data: dict[str, Any], *, by: User, revision: int
) -> int:
    """Save one section and return the revision that pages read from now on.

    `revision` is the one the person's page was made from. Raises EditConflict when someone, or
    another tab, changed this section since; NotEditable; pydantic.ValidationError on wrong shapes.
    """
    mine = request.form.cleaned(section, data)
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update().get(pk=request.pk)
        if not permissions.is_editable(locked):
            raise NotEditable
        theirs = section_of(locked, section)
        last = _last_edit(locked, section)
        if theirs == mine:
            request.content, request.content_revision = locked.content, locked.content_revision
            return int(locked.content_revision)
        if last.get("revision", 0) > revision:
            raise_conflict(locked, section)
        now = timezone.now()
        _write(locked, section, mine, by=by, now=now)
        if not _same_sitting(last, by=by, now=now):
            record(
                "request.edit",
                by=by,
                on=locked,
                about=locked.pk,
                data={"section": section, "revision": locked.content_revision},
            )
    request.content, request.content_revision = locked.content, locked.content_revision
    request.content_edited_by, request.content_edited_at = by, now
    return int(locked.content_revision)


def _last_edit(request: AccessRequest, section: str) -> dict[str, Any]:
    edit: dict[str, Any] = request.content.get(EDITS, {}).get(section, {})
    return edit


def raise_conflict(request: AccessRequest, section: str) -> NoReturn:
    """Tell who changed the section last, and what it holds now. Always raises EditConflict."""
    last = _last_edit(request, section)
    raise EditConflict(
        theirs=section_of(request, section),
        by=User.objects.filter(pk=last.get("by")).first(),  # type: ignore[misc]
        at=datetime.fromisoformat(last["at"]) if last else request.updated_at,
        revision=request.content_revision,
    )


def _write(
    request: AccessRequest, section: str, data: dict[str, Any], *, by: User, now: datetime
) -> None:
    request.content_revision += 1
    edit = {"revision": request.content_revision, "by": str(by.pk), "at": now.isoformat()}
    edits = {**request.content.get(EDITS, {}), section: edit}
    request.content = {**request.content, section: data, EDITS: edits}
    request.content_edited_by, request.content_edited_at = by, now
    request.save(
        update_fields=[
            "content",
            "content_revision",
            "content_edited_by",
            "content_edited_at",
            "updated_at",
        ]
    )
    data_specification = request.form.of_role("data_specification")
    if data_specification and data_specification[0].code == section:
        sync_datasets(request)


def _same_sitting(last: dict[str, Any], *, by: User, now: datetime) -> bool:
    return last.get("by") == str(by.pk) and now - datetime.fromisoformat(last["at"]) < SAME_SITTING


def rename(request: AccessRequest, *, title: str, by: User) -> None:
    """Change the title. Raises NotEditable."""
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update().get(pk=request.pk)
        if not permissions.is_editable(locked):
            raise NotEditable
        if locked.title != title:
            locked.title = title
            locked.save(update_fields=["title", "updated_at"])
            record("request.rename", by=by, on=locked, about=locked.pk)
    request.title = title
