"""One answer among several, or none yet."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from requests_app.procedures.content import DELIVERY_MODES, Label, is_available

from .base import Option, Question, Shape


# Answers that are the portal's own, whatever the form: named by `source` instead of written.
SOURCES: dict[str, Mapping[str, Label]] = {"delivery_modes": DELIVERY_MODES}


def known(codes: Mapping[str, Any]) -> Any:
    """A check that a stored code is one of these, or empty."""

    def check(value: str) -> str:
        if value and value not in codes:
            raise ValueError(f"unknown code {value!r} (expected one of {', '.join(codes)})")
        return value

    return AfterValidator(check)


class WithOptions(Question):
    options: tuple[Option, ...] = ()
    source: Literal["delivery_modes"] | None = None

    @model_validator(mode="after")
    def has_options(self) -> "WithOptions":
        if bool(self.options) == bool(self.source):
            raise ValueError(f"question {self.code!r}: give options, or their source")
        codes = [option.code for option in self.options]
        if len(codes) != len(set(codes)):
            raise ValueError(f"question {self.code!r}: an option is named twice")
        return self

    @property
    def labels(self) -> dict[str, Any]:
        """Words of each code, in order."""
        if self.source:
            return dict(SOURCES[self.source])
        return {option.code: option.label for option in self.options}

    def said(self, code: str) -> str:
        return str(self.labels.get(code, code))

    @property
    def offered(self) -> list[str]:
        """Codes that the portal can honour today."""
        ours = self.source is not None
        return [code for code in self.labels if not ours or is_available(code)]


class Choice(WithOptions):
    type: Literal["choice"]

    def shape(self) -> Shape:
        codes = list(self.labels)
        return Annotated[
            str, known(self.labels), Field(json_schema_extra={"enum": ["", *codes]})
        ], ""

    def empty(self) -> Any:
        return ""

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return self.offered[rank % len(self.offered)]

    def words(self, value: Any) -> str:
        return self.said(value) if value else ""
