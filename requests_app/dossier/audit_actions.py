"""Actions of the applicant's side in the log, beside those of the workflow."""

from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register


register("request.upload_piece", _("Pièce déposée"))
register("request.waive_piece", _("Dispense de pièce motivée"))
register("request.remove_piece", _("Pièce retirée du dossier"))
register("request.invite", _("Personne invitée dans le dossier"))
register("request.add_member", _("Personne ajoutée au dossier"))
register("request.change_member", _("Accès aux données d’une personne changé"))
register("request.mark_answers", _("Réponses du dossier annotées"), reserved=True)
register("request.download", _("Fichier téléchargé"), reserved=True)
register("request.download_document", _("Document du dossier téléchargé"), reserved=True)
register("request.view_draft", _("Brouillon consulté"), reserved=True)
register("request.view_version", _("Version à signer consultée"), reserved=True)
register("grant.my_view", _("Mes accès consultés"), reserved=True)
