"""Actions of provisioning in the log."""

from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register


register("grant.start_opening", _("Ouverture de l’accès commencée"))
register("grant.confirm_open", _("Accès ouvert et vérifié"))
register("grant.wait_again", _("Accès remis en attente"))
register("grant.start_closing", _("Fermeture de l’accès commencée"))
register("grant.prove_closed", _("Fermeture prouvée : clé absente, règles relues, refus répétés"))
register("grant.confirm_suspended", _("Accès suspendu, refus vérifié"))
register("grant.confirm_closed", _("Accès fermé, refus vérifié"))
register("grant.close_unopened", _("Accès fermé avant toute ouverture"))
register("grant.fail", _("Échec de l’ouverture ou de la fermeture"))
register("grant.retry_opening", _("Ouverture relancée"))
register("grant.retry_closing", _("Fermeture relancée"))
register("grant.expire", _("Fin de l’autorisation : fermeture demandée"))
register("key.create", _("Clé créée"))
register("key.reveal", _("Clé montrée à sa personne"))
register("key.rotate", _("Nouvelle clé demandée"))
register("key.delete", _("Clé supprimée chez l’hébergeur"))
register("key.unrevealed", _("Clé non affichée dans le délai : suppression demandée"))
register("key.lost", _("Réponse de création perdue : clé supprimée et refaite"))
register("workspace.step", _("Étape de mise à disposition"), reserved=True)
register("workspace.hold", _("Espace mis en attente par un opérateur"))
register("workspace.release", _("Espace rendu au traitement automatique"))
register("workspace.retry", _("Nouvel essai demandé"))
register("workspace.drift", _("Écart constaté chez l’hébergeur"))
register("extract.stage", _("Extraction préparée"))
register("extract.refuse", _("Fichier d’extraction refusé"))
register("extract.send_back", _("Extraction confirmée renvoyée : à préparer à nouveau"))
register("extract.confirm", _("Extraction confirmée par une seconde personne"))
register("extract.deliver", _("Extraction déposée dans l’espace"))
