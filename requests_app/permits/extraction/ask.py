"""An operator asks; the worker prepares; a second person confirms. The row is the truth."""

import logging

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from requests_app.models import AccessRequest, ExtractState, Stage, StageState, Workspace
from requests_app.permits import creating
from requests_app.procedures.kind import Trait
from requests_app.provisioning.extract import confirming, staging
from requests_app.provisioning.extract.approved import ScopeError
from requests_app.provisioning.extract.moves import move
from requests_app.provisioning.extract.preparing import Preparation, PreparationLost, locked
from requests_app.provisioning.extract.sources import ExtractError
from requests_app.provisioning.workspaces import workspace_for
from requests_app.rights import duties, permissions


logger = logging.getLogger(__name__)

MAX_TRIES = 3  # runs that died without a word; then a person looks


class AskRefused(ValueError):
    """The extract cannot be prepared now; the message is French."""


def is_askable(request: AccessRequest) -> bool:
    """Whether the extract may be prepared now, or prepared again."""
    if (
        not Stage.objects.having(Trait.PREPARES_DATA)
        .filter(request=request, state=StageState.RUNNING)
        .exists()
    ):
        return False
    workspace = Workspace.objects.filter(request=request).select_related("extract").first()
    return workspace is None or not confirming.preparation_refusals(workspace)


def ask(request: AccessRequest, *, by: User) -> Workspace:
    """Have the extract prepared, or prepared again before its confirmation.

    Raises AskRefused, also to whoever is no operator or has a part in the file.
    """
    if not permissions.can(by, "prepare_extract", request):
        why = permissions.why_not(by, "prepare_extract", request)
        raise AskRefused(why or _("L’extraction est préparée par un opérateur."))
    if not is_askable(request):
        raise AskRefused(_("L’extraction n’est pas à préparer maintenant."))
    workspace_for(request)
    with transaction.atomic():
        extract = locked(request.pk)
        if reasons := confirming.preparation_refusals(extract.workspace):
            raise AskRefused(reasons[0])
        move(extract, "ask", by=by)
    return extract.workspace


def state(request: AccessRequest) -> str:
    """Where the extract stands, in one sentence."""
    workspace = Workspace.objects.filter(request=request).select_related("extract").first()
    if workspace is None:
        return _("Elle n’est pas encore à préparer.")
    extract = workspace.extract
    if extract.is_confirmed:
        return _("Elle est confirmée par une deuxième personne.")
    if extract.problem:
        return _("Elle n’est pas prête : %(why)s") % {"why": extract.problem}
    if extract.state == ExtractState.ASKED:
        return _("Elle est en cours de préparation.")
    if extract.manifest:
        return _("Elle est préparée ; une deuxième personne doit la confirmer.")
    return _("Elle reste à préparer.")


def prepare(workspace: Workspace) -> bool:
    """Do what was asked, unless another run does; False then.

    What is missing, refused, too long or broken stays on the row, in words: a person asks again.
    A run that dies is taken up after its lease, three times at most.
    """
    run = Preparation.take(workspace.pk, asked=True)
    if run is None or run.asked_by is None:
        return False
    try:
        problem = _prepare(workspace, run, by=run.asked_by)
        if problem:
            staging.give_up(run, problem)
    except PreparationLost:
        logger.warning("extract of workspace %s: taken up by another run", workspace.pk)
        return False
    return True


def _prepare(workspace: Workspace, run: Preparation, *, by: User) -> str:
    """Why there is no extract, in French; empty when there is. Raises PreparationLost."""
    if run.tries > MAX_TRIES:
        return _(
            "La préparation s’est interrompue %(n)d fois sans finir. Prévenez l’exploitant du"
            " portail avant de la demander à nouveau."
        ) % {"n": MAX_TRIES}
    if why := duties.why_apart(by, workspace.request, "operator"):
        return why  # joined the file since they asked
    try:
        staging.stage(workspace, scope=creating.approved_scope(workspace.request), by=by, run=run)
    except PreparationLost:
        raise
    except (ExtractError, ScopeError) as error:
        return str(error)
    except SoftTimeLimitExceeded:
        logger.error("extract of workspace %s: out of time", workspace.pk)
        return _(
            "La préparation n’avait pas fini après %(hours)g h : elle a été arrêtée. Demandez à"
            " l’exploitant d’allonger ce délai, puis demandez-la à nouveau."
        ) % {"hours": settings.PROVISIONING["extract_hours"]}
    except OSError as error:
        return _("Le dossier des dépôts est illisible : %(why)s.") % {"why": error.strerror}
    except Exception:
        logger.exception("extract of workspace %s failed", workspace.pk)
        return _(
            "Une erreur du portail a arrêté la préparation. Demandez-la à nouveau ; si elle"
            " revient, prévenez l’exploitant."
        )
    return ""
