"""An operator asks; the worker prepares; a second person confirms. The row is the truth."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from requests_app import permits
from requests_app.models import AccessRequest, Stage, StageState, Workspace
from requests_app.provisioning import extract
from requests_app.provisioning.approved import ScopeError
from requests_app.provisioning.extract_sources import ExtractError
from requests_app.provisioning.run import workspace_for


class AskRefused(ValueError):
    """The extract cannot be prepared now; the message is French."""


def is_askable(request: AccessRequest) -> bool:
    """Whether the extract may be prepared now, or prepared again."""
    return Stage.objects.filter(request=request, kind="extract", state=StageState.RUNNING).exists()


def ask(request: AccessRequest, *, by: User) -> Workspace:
    """Have the extract prepared, or prepared again before its confirmation. Raises AskRefused."""
    with transaction.atomic():
        stage = Stage.objects.select_for_update().filter(request=request, kind="extract").first()
        if stage is None or stage.state != StageState.RUNNING:
            raise AskRefused(_("L’extraction n’est pas à préparer maintenant."))
        workspace = workspace_for(request)
        Workspace.objects.filter(pk=workspace.pk).update(
            extract_asked_at=timezone.now(), extract_asked_by=by, extract_problem=""
        )
        record("extract.ask", by=by, on=workspace, about=request.pk)
    workspace.refresh_from_db()
    return workspace


def state(request: AccessRequest) -> str:
    """Where the extract stands, in one sentence."""
    workspace = Workspace.objects.filter(request=request).first()
    if workspace is None:
        return _("Elle n’est pas encore à préparer.")
    if workspace.extract_confirmed_at is not None:
        return _("Elle est confirmée par une deuxième personne.")
    if workspace.extract_problem:
        return _("Elle n’est pas complète : %(why)s") % {"why": workspace.extract_problem}
    if workspace.extract_asked_at is not None:
        return _("Elle est en cours de préparation.")
    if workspace.extract_manifest:
        return _("Elle est préparée ; une deuxième personne doit la confirmer.")
    return _("Elle reste à préparer.")


def prepare(workspace: Workspace) -> None:
    """Do what was asked. What is missing or refused stays on the row, in words, for a new try."""
    asked_at, asked_by = workspace.extract_asked_at, workspace.extract_asked_by
    if asked_at is None or asked_by is None:
        return
    problem = ""
    try:
        extract.stage(workspace, scope=permits.approved_scope(workspace.request), by=asked_by)
    except (ExtractError, ScopeError) as error:
        problem = str(error)
    except OSError as error:
        problem = _("Le dossier des dépôts est illisible : %(why)s.") % {"why": error.strerror}
    done = Workspace.objects.filter(pk=workspace.pk, extract_asked_at=asked_at)
    values: dict[str, object] = {"extract_asked_at": None, "extract_asked_by": None}
    if problem:
        values["extract_problem"] = problem
    done.update(**values)
