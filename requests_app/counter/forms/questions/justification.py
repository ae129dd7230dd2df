"""Why an item is asked for: one text, among the others."""

from collections.abc import Iterator, Mapping

from django import forms

from requests_app.counter.forms.fields import text

from .base import Compound, Group


class Justification(Compound):
    def places(self) -> Mapping[str, forms.Field]:
        one = self.question
        help = one.help_for(self.asked.facts)
        return {"justification": text(str(one.label), rows=one.rows, help=help)}

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        yield from ()


CONTROL = Justification
