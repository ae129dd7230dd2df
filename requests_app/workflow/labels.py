"""Verbs in words: on buttons, in the log."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


# name: (on a button, in the log)
LABELS: dict[str, tuple[str | Promise, str | Promise]] = {
    "ask_signature": (_("Demander la signature"), _("Signature demandée")),
    "send_completion": (_("Renvoyer le dossier complété"), _("Compléments déposés")),
    "cancel_signature": (_("Annuler la demande de signature"), _("Demande de signature annulée")),
    "sign": (_("Signer et déposer la demande"), _("Demande signée")),
    "deposit_paper": (_("Déposer la version signée"), _("Version signée sur papier déposée")),
    "verify_signature": (_("Vérifier la signature"), _("Signature vérifiée")),
    "refuse_signature": (_("Refuser la signature"), _("Signature refusée")),
    "contest_signature": (_("Signaler que vous n’avez pas signé"), _("Signature contestée")),
    "withdraw": (_("Retirer la demande"), _("Demande retirée")),
    "close_task": (_("Conclure la vérification"), _("Vérification conclue")),
    "correct_act": (_("Corriger l’acte"), _("Acte corrigé")),
    "accept_completeness": (_("Déclarer le dossier complet"), _("Dossier complet")),
    "request_completion": (_("Demander des compléments"), _("Compléments demandés")),
    "redirect": (_("Réorienter la demande"), _("Demande réorientée")),
    "close_incomplete": (_("Clore le dossier incomplet"), _("Dossier clos, incomplet")),
    "file_remark": (_("Envoyer vos remarques"), _("Remarque du responsable de données")),
    "file_no_remark": (_("Indiquer que vous n’avez pas de remarque"), _("Aucune remarque")),
    "declare_interest": (_("Déclarer vos liens d’intérêts"), _("Liens d’intérêts déclarés")),
    "withdraw_member": (_("Déporter un membre"), _("Membre déporté")),
    "assign_rapporteurs": (_("Désigner les rapporteurs"), _("Rapporteurs désignés")),
    "file_report": (_("Déposer votre rapport"), _("Rapport déposé")),
    "extend_opinion": (_("Prolonger le délai de l’avis"), _("Délai de l’avis prolongé")),
    "issue_opinion": (_("Rendre l’avis"), _("Avis rendu")),
    "file_late_opinion": (_("Verser un avis tardif au dossier"), _("Avis tardif versé")),
    "answer_points": (_("Répondre à l’avis"), _("Réponse aux points de l’avis")),
    "record_referral": (_("Enregistrer la saisine de la CNIL"), _("CNIL saisie")),
    "record_receipt": (
        _("Enregistrer l’accusé de réception"),
        _("Accusé de réception de la CNIL"),
    ),
    "record_extension": (_("Enregistrer une prolongation"), _("Délai de la CNIL prolongé")),
    "record_authorisation": (_("Enregistrer l’autorisation"), _("Autorisation de la CNIL")),
    "record_refusal": (_("Enregistrer le refus"), _("Refus de la CNIL")),
    "publish_register": (_("Publier au répertoire"), _("Projet publié au répertoire")),
    "record_conformity": (
        _("Déposer l’engagement de conformité"),
        _("Engagement de conformité déposé"),
    ),
    "record_convention": (_("Enregistrer la convention signée"), _("Convention enregistrée")),
    "confirm_extract": (_("Confirmer l’extraction"), _("Extraction confirmée")),
    "reopen_extract": (_("Rouvrir la préparation"), _("Extraction à préparer à nouveau")),
    "finish_opening": (_("Constater l’ouverture"), _("Accès ouverts")),
    "finish_use": (_("Constater la fin"), _("Fin de l’utilisation")),
    "close": (_("Clore le dossier"), _("Dossier clos")),
    "expire": (_("Constater la fin du délai"), _("Fin du délai")),
}
# Left out of the story that the parties read: the committee's inner work, a holder's remark, whose
# text is the parties' only once the opinion is issued, and the desk's analysis of a task.
RESERVED = frozenset(
    {
        "declare_interest",
        "withdraw_member",
        "assign_rapporteurs",
        "file_report",
        "file_remark",
        "close_task",
    }
)


def label_of(name: str) -> str | Promise:
    """The verb as a button says it."""
    return LABELS[name][0]
