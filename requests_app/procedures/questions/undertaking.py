"""Something that the applicant undertakes to do or not to do, with its reason where one is asked
for."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.utils.translation import gettext as _

from requests_app.procedures.texts import Text

from .base import PLENTY, LongText, Question, Shape, Stored, made_up


class StoredUndertaking(Stored):
    undertaking: bool = False
    reason: LongText = ""


class Undertaking(Question):
    lack_codes: ClassVar[Mapping[str, str]] = {"undertaking": "undertaking", "reason": "reason"}

    type: Literal["undertaking"]
    statement: Text  # beside the box to tick
    reason: Text | None = None  # the label of the words asked for; none are otherwise
    reason_missing: Text | None = None

    def shape(self) -> Shape:
        return StoredUndertaking, StoredUndertaking()

    def empty(self) -> Any:
        return StoredUndertaking().model_dump()

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return {"undertaking": True, "reason": made_up(rank, PLENTY) if self.reason else ""}

    def needs(self) -> Mapping[str, Text]:
        found = {"undertaking": self.missing or self.label}
        if self.reason is not None:
            found["reason"] = self.reason_missing or self.reason
        return found

    def words(self, value: Any) -> str:
        given = _("Engagement pris.") if value.get("undertaking") else ""
        return f"{given} {value.get('reason', '')}".strip()
