"""An amount of money, kept as digits with two decimals: no float ever holds it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from portal.common.templatetags.portal import NARROW_NBSP, number

from .base import Ordered, Shape


CURRENCIES = {"EUR": "€"}


class Amount(Ordered):
    type: Literal["amount"]
    currency: Literal["EUR"] = "EUR"
    most: Annotated[int, Field(ge=1, le=1_000_000_000_000)] = 1_000_000_000

    def shape(self) -> Shape:
        return Annotated[str, Field(pattern=r"^([0-9]{1,13}\.[0-9]{2})?$")], ""

    def empty(self) -> Any:
        return ""

    def comparable(self, value: Any) -> Any:
        return Decimal(value)

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return self.not_below(f"{min(rank + 1, self.most)}.00", facts)

    def words(self, value: Any) -> str:
        return f"{number(Decimal(value))}{NARROW_NBSP}{CURRENCIES[self.currency]}" if value else ""
