"""Acts of a data holder consulted on a request."""

from django.utils.translation import gettext_lazy as _

from .base import ActForm, text_field


class RemarkForm(ActForm):
    verb = "file_remark"
    with_the_file = True
    text = text_field(
        _("Vos remarques"),
        help_text=_("Elles sont transmises au comité, et au demandeur une fois l’avis rendu."),
    )


class NoRemarkForm(ActForm):
    verb = "file_no_remark"
    intro = _("Vous indiquez n’avoir pas de remarque sur ce dossier.")
