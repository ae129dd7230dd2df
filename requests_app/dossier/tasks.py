"""Housekeeping of files, and what a page may not write itself."""

from portal.accounts.models import Role
from portal.common.background import task
from portal.common.calendar import legal_today
from requests_app.dossier import notices, uploads
from requests_app.models import AccessRequest
from requests_app.rights import recipients


@task(name="requests_app.tasks.tell_document_failed")
def tell_document_failed(request_id: str, document: str, why: str) -> None:
    """A page could not give a document: operators are told, once a day for each document."""
    request = AccessRequest.objects.select_related("organisation").filter(pk=request_id).first()
    if request is None:
        return
    notices.DocumentFailed.tell(
        recipients.with_role(Role.OPERATOR),
        request,
        document=document,
        message=why,
        ended=False,
        once=f"document-{request_id}-{document}-{legal_today()}",
    )


@task(name="requests_app.tasks.forget_lost_files")
def forget_lost_files() -> int:
    """Delete files that a killed upload left, of no piece, act or document; how many."""
    return uploads.forget_lost()
