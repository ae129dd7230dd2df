"""Yes or no; or a box to tick, when no answer and no are the same."""

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _

from .base import Question, Shape


class YesNo(Question):
    type: Literal["yes_no"]
    tick: bool = False

    def shape(self) -> Shape:
        return (bool, False) if self.tick else (bool | None, None)

    def empty(self) -> Any:
        return False if self.tick else None

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return rank % 2 == 0

    def lacks(self, value: Any) -> Any:
        """« No » is an answer, except to a box that must be ticked."""
        return () if value is False and not self.tick else super().lacks(value)

    def words(self, value: Any) -> str:
        if value:
            return _("oui")
        return _("non") if value is False and not self.tick else ""
