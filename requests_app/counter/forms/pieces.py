"""Forms of one piece: a file, or the reason it is not needed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.dossier import uploads
from requests_app.dossier.pieces import max_bytes
from requests_app.procedures.parts import Piece as PieceRule


EXTENSIONS = {
    uploads.PDF: ".pdf",
    uploads.DOCX: ".docx",
    uploads.XLSX: ".xlsx",
    uploads.ODT: ".odt",
    uploads.ODS: ".ods",
    "image/png": ".png",
    "image/jpeg": ".jpg,.jpeg",
    "text/plain": ".txt",
    "text/csv": ".csv",
}


def accepted(rule: PieceRule) -> str:
    """Accepted formats in words, with the size: `PDF, DOCX, 25 Mo au plus`."""
    names = ", ".join(uploads.LABELS[t] for t in rule.content_types if t in uploads.LABELS)
    return str(_("%(names)s, %(n)s Mo au plus")) % {
        "names": names,
        "n": max_bytes(rule) // 1024**2,
    }


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Fichier"), error_messages={"required": _("Choisissez un fichier.")}
    )

    def __init__(self, *args: Any, rule: PieceRule, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"id_{rule.code}_%s", label_suffix="", **kwargs)
        self.fields["file"].help_text = accepted(rule)
        extensions = [EXTENSIONS[t] for t in rule.content_types if t in EXTENSIONS]
        self.fields["file"].widget.attrs["accept"] = ",".join(extensions)


class WaiverForm(forms.Form):
    waiver_reason = forms.CharField(
        label=_("Motif de la dispense"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5000,
        error_messages={"required": _("Expliquez pourquoi cette pièce n’est pas nécessaire.")},
    )

    def __init__(self, *args: Any, rule: PieceRule, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"id_{rule.code}_%s", label_suffix="", **kwargs)
