"""Documents of a request's frozen versions: their PDF, what changed, the receipts."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app import dossier
from requests_app.dossier import version_pdf
from requests_app.models import RequestVersion
from requests_app.rights import permissions
from requests_app.rights.seen import version_seen

from .helpers import pdf_answer
from .request import visible_request


Status = RequestVersion.Status


def _readable_version(request: SignedInRequest, pk: UUID, number: int) -> RequestVersion:
    access_request = visible_request(request, pk)
    parts = permissions.parts_visible(request.user, access_request)
    if not parts & {"versions", "version_to_sign"}:
        raise Http404
    version = get_object_or_404(RequestVersion, request=access_request, number=number)
    version.request = access_request
    if not version_seen(request.user, version, parts):
        raise Http404
    return version


@require_safe
def version_document(request: SignedInRequest, pk: UUID, number: int) -> HttpResponse:
    """The PDF of a frozen version."""
    version = _readable_version(request, pk, number)
    record_view(request, "request.download_document", on=version, about=pk, always=True)
    name = f"{version.request.number or 'demande'}-version-{version.number}"
    parts = _parts_read(request, version)
    return pdf_answer(request, lambda: version_pdf.version_pdf(version, parts), name, about=pk)


def _parts_read(request: SignedInRequest, version: RequestVersion) -> frozenset[str] | None:
    """Parts of the file that a reader sees; None for who sees the version whole, its signatory
    included."""
    parts = permissions.parts_visible(request.user, version.request)
    mine = version.signed_by_id == request.user.pk
    return None if mine or permissions.reads_whole(version.request, parts) else parts


@require_safe
def differences(request: SignedInRequest, pk: UUID, number: int) -> HttpResponse:
    """What changed from the version before, whatever became of that one."""
    version = _readable_version(request, pk, number)
    if "versions" not in permissions.parts_visible(request.user, version.request):
        raise Http404
    record_view(request, "request.view", on=version.request, about=pk)
    before = (
        RequestVersion.objects.filter(request=pk, number__lt=number).order_by("-number").first()
    )
    procedure, parts = version.request.procedure, _parts_read(request, version)
    context = {
        "access_request": version.request,
        "version": version,
        "before": before,
        "whole": parts is None,
        "changes": dossier.differences(
            before.content,
            version.content,
            procedure=procedure,
            parts=parts,
        )
        if before
        else [],
    }
    return render(request, "requests_app/draft/differences.html", context)


@require_safe
def receipt(request: SignedInRequest, pk: UUID, kind: str) -> HttpResponse:
    """Receipt of the deposit, or of the complete file."""
    access_request = visible_request(request, pk)
    if not permissions.parts_visible(request.user, access_request) & {
        "versions",
        "version_to_sign",
    }:
        raise Http404
    signed = access_request.versions.signed()
    if kind == "depot" and access_request.submitted_at:
        version, make = signed.order_by("number").first(), version_pdf.deposit_receipt
    elif kind == "complet" and access_request.completed_at:
        counting = signed.filter(frozen_at__lte=access_request.completed_at)
        version, make = counting.newest(), version_pdf.completeness_receipt
    else:
        raise Http404
    if version is None:
        raise Http404
    record_view(request, "request.download_document", on=version, about=pk, always=True)
    name = f"{access_request.number}-recepisse-{kind}"
    return pdf_answer(request, lambda: make(access_request, version), name, about=pk)
