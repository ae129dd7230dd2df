"""A signature on paper: compared by the desk, refused, contested."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.counter.forms.signature import PaperSignatory
from requests_app.models import Act, RequestVersion
from requests_app.rights import standing

from .base import ActForm, text_field


class VerifySignatureForm(PaperSignatory, ActForm):
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


class RefuseSignatureForm(ActForm):
    intro = _("La même version attend de nouveau sa signature. L’équipe lit votre motif.")
    reason = text_field(_("Motif, et ce qu’il faut faire"), rows=4, max_length=2000)


class ContestSignatureForm(ActForm):
    intro = _(
        "La version déposée comme signée n’est pas retenue : elle attend de nouveau votre"
        " signature. L’équipe et le secrétariat lisent votre message."
    )
    reason = text_field(_("Ce que vous contestez"), rows=4, max_length=2000)
