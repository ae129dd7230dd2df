"""A task of the procedure is concluded."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.forms import field_of

from .base import ActForm, text_field


class CloseTaskForm(ActForm):
    """The conclusions are those of the procedure's task."""

    verb = "close_task"
    outcome = forms.ChoiceField(label=_("Conclusion"), widget=forms.RadioSelect)
    note = text_field(_("Analyse"), rows=4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.task is None:
            raise LookupError("a task is concluded on its own page")
        rule = self.procedure.task(self.task.code)
        self.intro = str(rule.expected)
        outcome = field_of(self, "outcome", forms.ChoiceField)
        outcome.choices = [(one.code, str(one.label)) for one in rule.outcomes]
