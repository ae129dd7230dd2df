"""The file is sent to the authority."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from requests_app.committee import opinion_document
from requests_app.models import AccessRequest, Opinion, RequestVersion
from requests_app.workflow import completeness_grid

from .base import ActForm, Callouts, Line


class RecordReferralForm(ActForm):
    verb = "record_referral"
    has_date = True

    def callouts(self) -> Callouts:
        return [(gettext("À transmettre"), list(_documents(self.access_request)))]


def _documents(access_request: AccessRequest) -> Iterable[Line]:
    """The file and the opinion, or its attestation when it is tacit (1.3 step 6)."""

    def file(pk: Any) -> str:
        return reverse("requests_app:file", args=[access_request.pk, pk])

    version = RequestVersion.objects.filter(request=access_request).signed().newest()
    if version is not None:
        url = reverse("requests_app:version_pdf", args=[access_request.pk, version.number])
        yield Line(_("Dossier, version %(number)s (PDF)") % {"number": version.number}, url)
    for opinion in Opinion.objects.filter(request=access_request):
        tacit = bool(opinion.deemed)
        label = _("Attestation d’avis tacite %(number)s") if tacit else _("Avis %(number)s")
        url = file(opinion.document_id) if opinion.document_id else ""
        words = label % {"number": opinion.number}
        if missing := opinion_document.document_words(opinion):
            words = f"{words} – {missing}"
        yield Line(words, url)
    for row in completeness_grid.pieces_of(access_request):
        if row["piece"].file_id:
            yield Line(str(row["spec"].label), file(row["piece"].file_id))
