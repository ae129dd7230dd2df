"""Several answers among those proposed."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Shape
from .choice import WithOptions, known


class Multiple(WithOptions):
    type: Literal["multiple"]

    @property
    def inputs(self) -> int:
        return len(self.labels)

    def shape(self) -> Shape:
        code = Annotated[
            str, known(self.labels), Field(json_schema_extra={"enum": list(self.labels)})
        ]
        return list[code], []

    def empty(self) -> Any:
        return []

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        """All of them: whatever hangs on one is asked."""
        return self.offered

    def words(self, value: Any) -> str:
        return "\n".join(self.said(code) for code in value or [])
