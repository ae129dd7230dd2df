"""The grid of the completeness check: one verdict per piece."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.forms import mark_conditional
from requests_app.models import Piece


class PieceReviewForm(forms.Form):
    """A verdict and, when the piece is to mend, what to mend."""

    review = forms.ChoiceField(
        label=_("Verdict"), choices=Piece.Review.choices, widget=forms.RadioSelect
    )
    comment = forms.CharField(
        label=_("Ce qu’il faut corriger"),
        required=False,
        max_length=2000,
        help_text=_("Obligatoire si la pièce est à corriger."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, piece: Piece, **kwargs: Any) -> None:
        initial = {"review": piece.review, "comment": piece.review_comment}
        super().__init__(*args, initial=initial, prefix=str(piece.pk), **kwargs)
        self.piece = piece
        mark_conditional(self, "comment")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("review") == Piece.Review.TO_MEND and not cleaned.get("comment"):
            self.add_error("comment", _("Dites au demandeur ce qu’il doit corriger."))
        return cleaned

    @property
    def verdict(self) -> tuple[UUID, tuple[str, str]]:
        data = self.cleaned_data
        comment = data["comment"] if data["review"] == Piece.Review.TO_MEND else ""
        return self.piece.pk, (data["review"], comment)
