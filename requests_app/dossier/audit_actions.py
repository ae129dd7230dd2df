"""Actions of the applicant's side in the log."""

from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register


register("request.create", _("Brouillon créé"))
register("request.rename", _("Titre changé"))
register("request.edit", _("Dossier modifié"))
register("request.upload_piece", _("Pièce déposée"))
register("request.waive_piece", _("Dispense de pièce motivée"))
register("request.remove_piece", _("Pièce retirée du dossier"))
register("request.invite", _("Personne invitée dans le dossier"))
register("request.add_member", _("Personne ajoutée au dossier"))
register("request.change_member", _("Qualité d’une personne changée"))
register("request.remove_member", _("Personne retirée du dossier"))
register("request.download", _("Fichier téléchargé"))
register("request.download_version", _("Version du dossier téléchargée"))
register("request.view_draft", _("Brouillon consulté"))
register("request.view_version", _("Version à signer consultée"))
