"""A reader's marks on the answers of a version: a verdict and words for each, all optional."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.dossier import marks
from requests_app.models import AnswerMark


class MarkForm(forms.Form):
    """`own`: the mark held now. The page keeps its digest, as drafts do of their answers: what was
    not changed in it is not written."""

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

    def __init__(self, data: Any = None, *, own: AnswerMark | None, prefix: str) -> None:
        initial = {"verdict": own.verdict, "text": own.text} if own else {}
        super().__init__(data, prefix=prefix, initial=initial)
        self.base: str = marks.digest(own) if data is None else self.data.get(self.base_name, "")

    @property
    def base_name(self) -> str:
        return self.add_prefix("base")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("text") and not cleaned.get("verdict"):
            self.add_error("verdict", _("Choisissez le verdict que cette remarque explique."))
        return cleaned

    def tell_moved(self, held: AnswerMark | None) -> None:
        """Another page of the person's changed this mark: to save again is to choose this one."""
        if held is None:
            said = _("Vous avez retiré cette annotation dans une autre page.")
        else:
            said = _("Dans une autre page, vous avez enregistré : %(verdict)s. %(text)s") % {
                "verdict": held.get_verdict_display(),
                "text": held.text,
            }
        self.add_error("verdict", said)
        self.base = marks.digest(held)

    @property
    def mark(self) -> tuple[str, str]:
        return self.cleaned_data["verdict"], self.cleaned_data["text"].replace("\r\n", "\n")
