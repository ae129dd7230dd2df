"""What was staged is confirmed against what was approved."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from requests_app.models import Workspace
from requests_app.permits import extraction
from requests_app.provisioning.extract import confirming

from .base import ActForm, Callouts, Line


class ConfirmExtractForm(ActForm):
    verb = "confirm_extract"
    before = ("extraction", _("Préparer et vérifier l’extraction"))
    intro = _(
        "Vous confirmez que l’extraction préparée correspond à l’expression de besoins approuvée."
    )

    manifest = forms.CharField(widget=forms.HiddenInput, required=False)  # the verb refuses none

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Read before what the page shows: of a page that changes meanwhile, the older is sent.
        workspace = (
            Workspace.objects.select_related("extract").filter(request=self.access_request).first()
        )
        self._now = confirming.manifest_sha256(workspace)
        self.fields["manifest"].initial = self._now

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        # A page refused shows what is prepared now: what it sends next is that.
        self.data = self.data.copy()
        self.data["manifest"] = self._now
        return cleaned

    def callouts(self) -> Callouts:
        workspace = (
            Workspace.objects.select_related("extract__confirmed_by")
            .filter(request=self.access_request)
            .first()
        )
        lines = [Line(one.line) for one in extraction.review(self.access_request, workspace)]
        return [(gettext("Spécification approuvée et fichiers préparés"), lines)]
