"""Words for what the machine keeps as codes: failures, observations, steps."""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.common.templatetags.portal import hour
from requests_app.provisioning.custody import CustodyError
from requests_app.provisioning.extract.sources import ExtractError
from requests_app.provisioning.providers import configured
from requests_app.provisioning.providers.errors import (
    BucketGone,
    Denied,
    NotAsWritten,
    NotListed,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    Unreachable,
)


OBSERVED: dict[str, Promise] = {
    "allowed": gettext_lazy("essais admis et refusés comme prévu"),
    "refused": gettext_lazy("tous les essais sont refusés"),
    "absent": gettext_lazy("l’identité technique n’existe plus chez l’hébergeur"),
    "still_allowed": gettext_lazy("un essai est encore admis"),
    "not_yet": gettext_lazy("un essai attendu n’est pas encore admis"),
    "no_answer": gettext_lazy("l’hébergeur n’a pas répondu"),
    "vanished": gettext_lazy("un espace de stockage a disparu chez l’hébergeur"),
    "as_wanted": gettext_lazy("conforme à la dernière vérification"),
    "drift": gettext_lazy("écart constaté et corrigé"),
    "waiting": gettext_lazy("à remettre en conformité dès que l’étude n’est plus retenue"),
}
# What `drift` found, and what becomes of it.
FINDINGS: dict[str, Promise] = {
    "fence_changed": gettext_lazy(
        "les règles d’accès d’un espace de stockage ont été modifiées ; celles du portail sont"
        " remises"
    ),
    "no_fence": gettext_lazy(
        "un espace de stockage n’avait plus de règles d’accès ; celles du portail sont remises"
    ),
    "bucket_gone": gettext_lazy(
        "un espace de stockage a disparu, avec ce qu’il contenait ; le portail ne le refait pas :"
        " cherchez qui l’a supprimé, puis rétablissez-le ou fermez l’étude"
    ),
    "bucket_back": gettext_lazy(
        "un espace de stockage disparu est revenu ; les règles du portail y sont remises, vérifiez"
        " que les données y sont"
    ),
    "extract_gone": gettext_lazy(
        "l’extraction déposée n’est plus dans l’espace de stockage ; prévenez les personnes de"
        " l’étude, puis rétablissez-la ou fermez l’étude"
    ),
    "not_encrypted": gettext_lazy(
        "le chiffrement d’un espace de stockage avait été retiré ; il est remis"
    ),
    "lifecycle_rule": gettext_lazy(
        "un espace de stockage a une règle de cycle de vie, exclue pour des données de santé ;"
        " supprimez-la chez l’hébergeur"
    ),
    "members_changed": gettext_lazy(
        "les membres de l’étude ont été modifiés ; ceux du portail sont remis"
    ),
    "rights_gone": gettext_lazy(
        "ce qui tient les membres de l’étude avait disparu ; il est refait"
    ),
    "rights_changed": gettext_lazy(
        "les droits de l’étude ont été modifiés ; ceux du portail sont remis"
    ),
    "rights_moved": gettext_lazy(
        "les droits de l’étude n’étaient plus ceux de ses membres ; ils leur sont rendus"
    ),
    "key_moved": gettext_lazy(
        "une clé du portail était passée à une autre identité ; elle est supprimée"
    ),
    "unknown_key": gettext_lazy(
        "une clé que le portail n’a pas faite ouvrait l’accès d’une personne ; elle est supprimée"
    ),
    "key_gone": gettext_lazy(
        "une clé a été supprimée chez l’hébergeur ; la personne en demande une autre sur sa page"
    ),
}
STEPS: dict[str, Promise] = {
    "configure": gettext_lazy("configuration de l’hébergeur"),
    "read": gettext_lazy("lecture chez l’hébergeur"),
    "quotas": gettext_lazy("lecture des quotas"),
    "ensure_study": gettext_lazy("projet"),
    "ensure_bucket": gettext_lazy("espace de stockage"),
    "ensure_encryption": gettext_lazy("chiffrement"),
    "put_fence": gettext_lazy("règles d’accès de l’espace de stockage"),
    "deliver_extract": gettext_lazy("dépôt de l’extraction"),
    "ensure_person": gettext_lazy("identité technique de la personne"),
    "ensure_rights": gettext_lazy("droits de l’étude"),
    "set_members": gettext_lazy("membres de l’étude"),
    "make_key": gettext_lazy("clé"),
    "verify_open": gettext_lazy("vérification de l’ouverture"),
    "prove_closed": gettext_lazy("preuve de la fermeture"),
    "delete_key": gettext_lazy("suppression de la clé"),
    "remove_person": gettext_lazy("suppression de l’identité technique"),
    "remove_rights": gettext_lazy("suppression des droits de l’étude"),
    "inspect": gettext_lazy("comparaison avec l’hébergeur"),
    "start_opening": gettext_lazy("ouverture commencée"),
    "wait_again": gettext_lazy("remise en attente"),
    "start_closing": gettext_lazy("fermeture commencée"),
    "confirm_suspended": gettext_lazy("suspension confirmée"),
    "confirm_closed": gettext_lazy("fermeture confirmée"),
    "close_unopened": gettext_lazy("fermeture sans ouverture"),
}

NOT_AS_WRITTEN: dict[str, Promise] = {
    "fence": gettext_lazy("les règles relues ne sont pas celles qui sont écrites"),
    "members": gettext_lazy("les membres relus ne sont pas ceux qui sont écrits"),
    "rights": gettext_lazy("les droits relus ne sont pas ceux de l’étude"),
    "data": gettext_lazy("le fichier relu n’est pas chiffré comme il a été demandé"),
}
NOT_OFFERED: dict[str, Promise] = {
    "not_built": gettext_lazy("le portail ne sait pas encore le faire chez cet hébergeur"),
    "not_there": gettext_lazy("cet hébergeur ne l’offre pas"),
}


def observed(code: str) -> str:
    return str(OBSERVED.get(code, code))


def finding(code: str) -> str:
    """A difference with the provider, and what is done about it, in words."""
    return str(FINDINGS.get(code, code))


def step(code: str) -> str:
    return str(STEPS.get(code, code))


def _why(error: ProviderError) -> str:
    if isinstance(error, Denied):
        return _("l’hébergeur refuse l’opération au portail")
    if isinstance(error, BucketGone):
        return _("un espace de stockage de l’étude n’existe pas chez l’hébergeur")
    if isinstance(error, NotAsWritten):
        return str(NOT_AS_WRITTEN.get(error.what, error.what))
    if isinstance(error, NotListed):
        return _("existe déjà, pas encore dans la liste")
    if isinstance(error, NotOffered):
        return str(NOT_OFFERED.get(error.reason, error.reason))
    if isinstance(error, Unreachable):
        return _("l’hébergeur ne répond pas (%(detail)s)") % {"detail": error}
    if error.status == 401:
        return _("l’hébergeur refuse la clé du portail ; vérifiez %(names)s") % {
            "names": _(" et ").join(configured.shape().key_settings)
        }
    return str(error)


def _on_their_way(again: datetime, *, young: bool) -> str:
    if young:
        text = _("l’hébergeur n’a pas encore propagé les droits du projet, nouvel essai à %(hour)s")
    else:
        text = _(
            "l’hébergeur refuse l’opération au portail, ce que des droits récents peuvent"
            " expliquer pendant quelques minutes, nouvel essai à %(hour)s"
        )
    return text % {"hour": hour(again)}


def failure(
    error: Exception, *, action: str, again: datetime | None = None, young: bool = False
) -> str:
    """What failed and why, in French for an operator, with the provider's request id.

    `again`: when a refusal that rights on their way may explain is tried again; `young`: the
    study's project was just made.
    """
    if isinstance(error, QuotaExceeded):
        return _("Quota atteint chez l’hébergeur : %(resource)s (%(current)s sur %(limit)s).") % {
            "resource": error.resource,
            "current": error.current,
            "limit": error.limit,
        }
    if isinstance(error, ExtractError):
        return str(error)
    if isinstance(error, CustodyError):
        return _("Clés de séquestre absentes ou invalides dans ce processus : %(detail)s") % {
            "detail": error
        }
    if isinstance(error, ProviderError):
        why = _why(error)
        if again is not None and isinstance(error, Denied):
            why = _on_their_way(again, young=young)
        text = _("Étape « %(step)s » : %(why)s.") % {"step": step(action), "why": why}
        if error.request_id:
            text += " " + _("Référence de l’hébergeur : %(id)s.") % {"id": error.request_id}
        return text
    return _("Étape « %(step)s » : erreur interne (%(kind)s).") % {
        "step": step(action),
        "kind": type(error).__name__,
    }
