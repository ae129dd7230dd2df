"""What one move knows while it is checked and written."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, User
from portal.common.calendar import PARIS
from portal.common.fold import one_line
from portal.common.machine import Transition
from requests_app.models import (
    AccessRequest,
    Act,
    RequestVersion,
    Stage,
    StoredFile,
    Task,
)
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure

from .errors import TransitionRefused


_NOBODY = UUID(int=0)
T = TypeVar("T")


@dataclass(slots=True)
class ActData:
    """What the act of a move says: numbers and dates, words, a document."""

    data: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    document: StoredFile | None = None
    version: RequestVersion | None = None
    # Ids and codes for the log's chain, which refuses words.
    audit: dict[str, str | int | bool | list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One move while it is played: what is asked (`payload`), by whom, and what it has written.

    `now` is the instant of the entry, `effective_at` when it took effect by law: aware datetimes,
    equal unless the act is backdated. `by` is None for the clock. Readers of `payload` raise
    TransitionRefused, with a sentence, for what they cannot read.
    """

    request: AccessRequest
    stage: Stage | None
    procedure: Procedure
    move: Transition
    by: User | None
    now: datetime
    effective_at: datetime
    payload: Mapping[str, Any]
    act: Act | None = None
    task: Task | None = None
    after_commit: list[Callable[[], object]] = field(default_factory=list)
    started: list[Stage] = field(default_factory=list)
    scratch: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> StageSpec:
        """The stage as the procedure writes it. Raises LookupError for a move of the request."""
        return self.procedure.stage(self.the_stage.code)

    @property
    def the_stage(self) -> Stage:
        """The stage. Raises LookupError for a move of the request."""
        if self.stage is None:
            raise LookupError(f"{self.move.name} is a move of a stage")
        return self.stage

    @property
    def the_act(self) -> Act:
        """The act just written. Raises LookupError for a move that writes none."""
        if self.act is None:
            raise LookupError(f"{self.move.name} writes no act")
        return self.act

    @property
    def person(self) -> User:
        """Who acts. Raises LookupError where it is the clock."""
        if self.by is None:
            raise LookupError(f"{self.move.name} is a person's move")
        return self.by

    def once(self, name: str, read: Callable[[], T]) -> T:
        """What several rules ask of the rows, read once for the move, or for the page."""
        if name not in self.scratch:
            self.scratch[name] = read()
        known: T = self.scratch[name]
        return known

    def text(self, name: str) -> str:
        """A text of the payload without the spaces around it, empty when not given."""
        return str(self.payload.get(name) or "").strip()

    def line(self, name: str) -> str:
        """A text of one line as it is kept, whoever calls."""
        return one_line(self.text(name))

    def day(self, name: str) -> date | None:
        """A day of the payload: a date, or an ISO text. Refuses anything else."""
        value = self.payload.get(name)
        if value in (None, ""):
            return None
        if isinstance(value, datetime):
            return value.astimezone(PARIS).date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise TransitionRefused(
                [_("Cette date n’est pas lisible. Écrivez-la ainsi : 2027-03-31.")]
            ) from None

    def file(self, name: str = "document") -> StoredFile | None:
        """A file of this request: another request's is refused like an unknown one."""
        value = self.payload.get(name)
        if not value:
            return None
        pk = value.pk if isinstance(value, StoredFile) else value
        found = StoredFile.objects.filter(pk=_uuid(pk) or _NOBODY, request=self.request).first()
        if found is None:
            raise TransitionRefused(
                [_("Ce fichier n’est pas dans le dossier. Déposez-le à nouveau.")]
            )
        return found

    def latest_version(self) -> RequestVersion | None:
        """The version that counts: the last one signed, or frozen without needing a signature."""
        return RequestVersion.objects.filter(request=self.request).signed().newest()

    def people(self, name: str) -> list[User]:
        """Accounts named by their ids, in order. Raises TransitionRefused for an unknown one."""
        return [self._person(value) for value in _several(self.payload.get(name))]

    def one_person(self, name: str) -> User | None:
        """One account, None when not given. Raises as `people`."""
        value = self.payload.get(name)
        return self._person(value) if value else None

    def _person(self, value: object) -> User:
        if isinstance(value, User):
            return value
        found = User.objects.filter(pk=_uuid(value) or _NOBODY).first()
        if found is None:
            raise TransitionRefused([_("Cette personne n’existe pas.")])
        return found

    def organisations(self, name: str) -> list[Organisation]:
        """Organisations named by id or code, in order. Raises TransitionRefused likewise."""
        found = []
        for value in _several(self.payload.get(name)):
            if isinstance(value, Organisation):
                found.append(value)
                continue
            pk = _uuid(value)
            one = Organisation.objects.filter(**({"pk": pk} if pk else {"code": value})).first()
            if one is None:
                raise TransitionRefused([_("Cet organisme n’existe pas.")])
            found.append(one)
        return found


def _several(value: object) -> Iterable[object]:
    if value is None or value == "":
        return []
    if isinstance(value, str | UUID | Model):
        return [value]
    return list(value)  # type: ignore[call-overload,no-any-return]


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        return None


def resolve_effective(
    value: datetime | date | None, *, now: datetime, floor: datetime | None
) -> datetime:
    """The instant at which an act takes effect; now when nothing is given.

    A day without an hour takes the earliest instant of that day that respects `floor`, the act it
    follows: two acts of one day stay in the order in which they are recorded.
    """
    if value is None:
        return now
    if isinstance(value, datetime):
        return value
    start = datetime.combine(value, time.min, tzinfo=PARIS)
    if floor is not None and floor.astimezone(PARIS).date() == value:
        return floor
    return start


def digest(name: str, payload: Mapping[str, Any], effective_at: object = None) -> str:
    """Fingerprint of what was asked, to tell a second click from a second act.

    A file counts by its bytes: sent twice, it is stored under two ids.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, StoredFile):
            return value.sha256
        if isinstance(value, Model):
            return str(value.pk)
        if isinstance(value, Mapping):
            return {str(key): plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset) or (
            hasattr(value, "__iter__") and not isinstance(value, str)
        ):
            return [plain(one) for one in value]
        return str(value) if not isinstance(value, bool | int | str | None) else value

    asked = [name, plain(dict(payload))]
    if effective_at is not None:
        asked.append(str(effective_at))
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
