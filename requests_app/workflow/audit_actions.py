"""Actions of requests in the log; those of the verbs come from the workflow's tables."""

from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register
from requests_app.workflow.catalogue import VERBS
from requests_app.workflow.definition import REQUEST_MOVES
from requests_app.workflow.labels import logged_lazily


def _of_verbs() -> None:
    for name, verb in VERBS.items():
        asked_of_request = name in REQUEST_MOVES and REQUEST_MOVES[name].public
        room = "request" if asked_of_request else "stage"
        register(f"{room}.{name}", logged_lazily(name), reserved=verb.reserved)


_of_verbs()
register("request.create", _("Brouillon créé"))
register("request.edit", _("Brouillon modifié"))
register("request.rename", _("Titre modifié"))
register("request.view", _("Demande consultée"), reserved=True)
register("request.act_refused", _("Acte refusé"), reserved=True)
register("request.look_refused", _("Consultation refusée"), reserved=True)
register("request.review_piece", _("Pièce examinée"), reserved=True)
register("request.assign", _("Étape attribuée"), reserved=True)
register("request.note", _("Note interne"), reserved=True)
register("request.reasoned_access", _("Consultation motivée par un administrateur"))
register("request.remove_person", _("Personne retirée du dossier"))
register("stage.start", _("Étape ouverte"))
register("task.open", _("Vérification ouverte"), reserved=True)
register("permit.create", _("Accès autorisé"))
register("grant.want", _("Accès demandé pour une personne"))
register("grant.suspend", _("Accès suspendu"))
register("grant.resume", _("Accès repris"))
register("grant.revoke", _("Accès retiré"))

register("extract.ask", _("Préparation de l’extraction demandée"), reserved=True)
register("extract.view", _("Extraction consultée par un opérateur"), reserved=True)
register("grant.holder_view", _("Accès à ses données consultés par un responsable"))
register("grant.operations_view", _("Liste des accès consultée"), reserved=True)
register("grant.bodies_view", _("Personnes et organismes consultés"), reserved=True)
register("grant.workspace_view", _("Espace consulté par un opérateur"), reserved=True)
