"""A reader's marks on the answers of a version: a verdict and words for each, all optional."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.models import AnswerMark


class MarkForm(forms.Form):
    verdict = forms.ChoiceField(
        label=_("Verdict"),
        choices=[("", _("aucun")), *AnswerMark.Verdict.choices],
        required=False,
    )
    text = forms.CharField(
        label=_("Remarque"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("text") and not cleaned.get("verdict"):
            self.add_error("verdict", _("Choisissez le verdict que cette remarque explique."))
        return cleaned

    @property
    def mark(self) -> tuple[str, str]:
        return self.cleaned_data["verdict"], self.cleaned_data["text"].replace("\r\n", "\n")
