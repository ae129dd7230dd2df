"""A text of one line."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Question, Shape, made_up


class ShortText(Question):
    type: Literal["short_text"]
    max_length: Annotated[int, Field(ge=1, le=300)] = 300

    def shape(self) -> Shape:
        return Annotated[str, Field(max_length=self.max_length)], ""

    def empty(self) -> Any:
        return ""

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return made_up(rank, self.max_length)
