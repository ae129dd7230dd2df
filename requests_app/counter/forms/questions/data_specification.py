"""The chosen rows: no field of their own, but buttons that the page answers (`draft_rows`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from .base import Control, Group


class DataSpecification(Control):
    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        return {}

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        template = "requests_app/questions/data_specification.html"
        yield Group(
            str(self.question.label), [], anchor=f"id_{self.question.code}", template=template
        )


CONTROL = DataSpecification
