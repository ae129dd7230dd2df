"""A text of several lines."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Question, Shape, made_up


class LongText(Question):
    type: Literal["long_text"]
    rows: Annotated[int, Field(ge=2, le=30)] = 4  # lines shown at first
    max_length: Annotated[int, Field(ge=1, le=20_000)] = 20_000

    def shape(self) -> Shape:
        return Annotated[str, Field(max_length=self.max_length)], ""

    def empty(self) -> Any:
        return ""

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return made_up(rank, self.max_length)
