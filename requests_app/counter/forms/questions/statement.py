"""Words to read, in their place."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from .base import Control, Group


class Statement(Control):
    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        return {}

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        yield Group(
            str(self.question.label),
            [],
            str(self.question.text),
            anchor=self.question.code,
            template="requests_app/questions/statement.html",
        )


CONTROL = Statement
