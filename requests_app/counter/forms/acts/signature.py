"""A signature on paper: compared by the desk, refused, contested."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.common.templatetags.portal import moment
from requests_app.counter.forms.signature import PaperSignatory
from requests_app.counter.reading.signature import answered_before
from requests_app.dossier.frozen import grouped
from requests_app.models import AccessRequest, Act, RequestVersion
from requests_app.rights import standing

from .base import ActForm, Callouts, Line, text_field


class VerifySignatureForm(PaperSignatory, ActForm):
    verb = "verify_signature"
    intro = _(
        "Ouvrez le document déposé et la version figée. Vérifiez que ce sont les mêmes pages, qui a"
        " signé et en quelle qualité, et que l’empreinte imprimée est celle de la version."
    )

    version = forms.IntegerField(widget=forms.HiddenInput)
    fingerprint = forms.CharField(
        label=_("Derniers caractères de l’empreinte imprimée sur le document signé"),
        max_length=100,
        help_text=_("Les huit derniers, ou l’empreinte entière, tels que vous les lisez."),
        error_messages={"required": _("Recopiez la fin de l’empreinte lue sur le document.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version = self.access_request.versions.filter(status=RequestVersion.Status.CHECKING).first()
        act = (
            Act.objects.filter(version=version, code="deposit_paper").order_by("entered_at").last()
        )
        self.fields["version"].initial = version.number if version else None
        self.name_signatory(self.access_request, known=act.data if act else None)
        if contests := standing.contests(self.access_request):
            names = ", ".join(dict.fromkeys(str(one.entered_by) for one in contests))
            self.fields["despite_contest"] = forms.BooleanField(
                label=_("J’ai lu la contestation de %(who)s, et je retiens cette signature")
                % {"who": names},
                help_text=_("Sinon, refusez la signature. La personne est prévenue."),
                error_messages={"required": _("Cochez cette case, ou refusez la signature.")},
            )

    def payload(self) -> dict[str, Any]:
        return {
            "version": self.cleaned_data["version"],
            "fingerprint": self.cleaned_data["fingerprint"],
            "despite_contest": self.cleaned_data.get("despite_contest", False),
            **self.signatory(),
        }

    def callouts(self) -> Callouts:
        return to_compare(self.access_request)


class RefuseSignatureForm(ActForm):
    verb = "refuse_signature"
    intro = _("La même version attend de nouveau sa signature. L’équipe lit votre motif.")
    reason = text_field(_("Motif, et ce qu’il faut faire"), rows=4, max_length=2000)

    def callouts(self) -> Callouts:
        return to_compare(self.access_request)


class ContestSignatureForm(ActForm):
    verb = "contest_signature"
    intro = _(
        "La version déposée comme signée n’est pas retenue : elle attend de nouveau votre"
        " signature. L’équipe et le secrétariat lisent votre message."
    )
    reason = text_field(_("Ce que vous contestez"), rows=4, max_length=2000)

    def callouts(self) -> Callouts:
        return to_compare(self.access_request)


def to_compare(access_request: AccessRequest) -> Callouts:
    """What was refused or contested before, and what is to be compared."""
    answered = [Line(text) for text in answered_before(access_request)]
    before = [(gettext("Signature déjà refusée ou contestée"), answered)] if answered else []
    return [*before, (gettext("À comparer"), list(_to_compare(access_request)))]


def _to_compare(access_request: AccessRequest) -> Iterable[Line]:
    """The frozen version, its fingerprint, and the document that was handed in as signed."""
    version = (
        access_request.versions.filter(status=RequestVersion.Status.CHECKING)
        .select_related("signed_file__uploaded_by")
        .first()
    )
    if version is None or version.signed_file is None:
        return
    args = [access_request.pk, version.number]
    label = _("Version %(number)s figée (PDF)") % {"number": version.number}
    yield Line(label, reverse("requests_app:version_pdf", args=args))
    file = reverse("requests_app:file", args=[access_request.pk, version.signed_file_id])
    yield Line(_("Document déposé comme signé (PDF)"), file)
    yield Line(_("Empreinte de la version : %(sha)s") % {"sha": grouped(version.sha256)})
    yield Line(
        _("Déposé par %(who)s le %(date)s, comme signé par %(signatory)s")
        % {
            "who": version.signed_file.uploaded_by,
            "date": moment(version.signed_file.uploaded_at),
            "signatory": version.signatory,
        }
    )
    page = reverse("requests_app:sign", args=[access_request.pk])
    yield Line(_("Contenu de la version, à l’écran"), page)
