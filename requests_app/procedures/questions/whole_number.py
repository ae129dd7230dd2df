"""A whole number, bounds included."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from portal.common.templatetags.portal import number

from .base import Ordered, Shape


class WholeNumber(Ordered):
    type: Literal["whole_number"]
    low: int = 0
    high: int = 1_000_000_000

    @model_validator(mode="after")
    def bounds_are_in_order(self) -> "WholeNumber":
        if self.high < self.low:
            raise ValueError(f"question {self.code!r}: high is below low")
        return self

    def shape(self) -> Shape:
        return Annotated[int, Field(ge=self.low, le=self.high)] | None, None

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return self.not_below(min(max(self.low, 1) + rank, self.high), facts)

    def words(self, value: Any) -> str:
        return "" if value is None else number(value)
