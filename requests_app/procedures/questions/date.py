"""A day."""

from datetime import date
from typing import Annotated, Any, Literal

from django.utils import formats
from pydantic import Field

from .base import Ordered, Shape


# `today`, so many years from it, or a day.
Bound = Annotated[str, Field(pattern=r"^(today|-?[0-9]{1,3}y|[0-9]{4}-[0-9]{2}-[0-9]{2})$")]


def in_words(value: str | None) -> str:
    return formats.date_format(date.fromisoformat(value), "j F Y") if value else ""


class Date(Ordered):
    type: Literal["date"]
    earliest: Bound = "1900-01-01"
    latest: Bound = "20y"

    def shape(self) -> Shape:
        return date | None, None

    def words(self, value: Any) -> str:
        return in_words(value)
