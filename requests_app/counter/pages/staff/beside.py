"""What stands beside an act's form: warnings, facts, the file, reports and remarks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.common.calendar import legal_today
from portal.common.templatetags.portal import long_date, moment
from requests_app.committee import loads, opinion_document
from requests_app.counter.reading import committee as committee_reading
from requests_app.counter.reading import quotas
from requests_app.counter.reading import request as reading
from requests_app.counter.reading.signature import answered_before
from requests_app.deadlines import access_period
from requests_app.dossier.frozen import grouped
from requests_app.models import (
    AccessRequest,
    Act,
    Opinion,
    RequestMember,
    RequestVersion,
    Stage,
    Workspace,
)
from requests_app.permits import extraction
from requests_app.procedures.schema import Procedure
from requests_app.rights import permissions
from requests_app.workflow import completeness_grid


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a callout, with the address of what it names."""

    text: str
    url: str = ""


Callouts = list[tuple[str, list[Line]]]
# Acts that are written with the file before one's eyes.
_WITH_THE_FILE = frozenset(
    {"file_report", "issue_opinion", "file_late_opinion", "file_remark", "answer_points"}
)


def warnings(name: str, stage: Stage | None, procedure: Procedure) -> list[str]:
    """What the person should know before the act."""
    if stage is None:
        return []
    if name == "assign_rapporteurs":
        return loads.loaded_rapporteurs(stage)
    if name == "request_completion":
        return completion_warnings(stage, procedure)
    return []


def completion_warnings(stage: Stage, procedure: Procedure) -> list[str]:
    """One message says everything: what is not judged yet, and whether it is the last."""
    found = []
    if left := completeness_grid.unreviewed(stage.request):
        found.append(
            ngettext(
                "%(n)d pièce n’est pas encore examinée : elle ne sera pas dans ce message.",
                "%(n)d pièces ne sont pas encore examinées : elles ne seront pas dans ce message.",
                left,
            )
            % {"n": left}
        )
    if completeness_grid.is_last_request(stage, procedure):
        found.append(_("Le demandeur a déjà été sollicité : cette demande est la dernière."))
    return found


def callouts(
    name: str, access_request: AccessRequest, procedure: Procedure, corrected: Act | None
) -> Callouts:
    """Figures and documents that the act is made from."""
    match name:
        case "record_convention":
            return _of_convention(access_request, procedure)
        case "record_referral":
            return [(_("À transmettre"), list(_documents(access_request)))]
        case "confirm_extract":
            workspace = (
                Workspace.objects.select_related("extract__confirmed_by")
                .filter(request=access_request)
                .first()
            )
            lines = [Line(one.line) for one in extraction.review(access_request, workspace)]
            return [(_("Spécification approuvée et fichiers préparés"), lines)]
        case "verify_signature" | "refuse_signature" | "contest_signature":
            answered = [Line(text) for text in answered_before(access_request)]
            before = [(_("Signature déjà refusée ou contestée"), answered)] if answered else []
            return [*before, (_("À comparer"), list(_to_compare(access_request)))]
        case "answer_points":
            url = reverse("requests_app:draft", args=[access_request.pk])
            line = Line(_("Corriger le dossier ; la version corrigée part avec la réponse"), url)
            return [(_("Avant de répondre, si l’avis le demande"), [line])]
        case "correct_act" if corrected is not None:
            return [(_("Acte à corriger"), _of_act(corrected, access_request))]
    return []


def _of_convention(access_request: AccessRequest, procedure: Procedure) -> Callouts:
    known = access_period.frame(access_request, procedure)
    persons = (
        RequestMember.objects.current()
        .filter(request=access_request, has_data_access=True)
        .select_related("user")
    )
    names = [Line(str(member.user)) for member in persons]
    return [
        (_("Demandeur"), [Line(str(access_request.organisation))]),
        (
            _("Durée demandée"),
            [Line(text) for text in access_period.lines(known, legal_today())],
        ),
        (_("Personnes habilitées"), names or [Line(_("aucune"))]),
        (_("Extraction"), [Line(extraction.state(access_request))]),
        (
            _("Quotas chez le fournisseur"),
            [Line(text) for text in quotas.lines(persons=max(len(names), 1))],
        ),
    ]


def _documents(access_request: AccessRequest) -> Iterable[Line]:
    """The file and the opinion, or its attestation when it is tacit (1.3 step 6)."""

    def file(pk: Any) -> str:
        return reverse("requests_app:file", args=[access_request.pk, pk])

    version = RequestVersion.objects.filter(request=access_request).signed().newest()
    if version is not None:
        url = reverse("requests_app:version_pdf", args=[access_request.pk, version.number])
        yield Line(_("Dossier, version %(number)s (PDF)") % {"number": version.number}, url)
    for opinion in Opinion.objects.filter(request=access_request):
        tacit = bool(opinion.deemed)
        label = _("Attestation d’avis tacite %(number)s") if tacit else _("Avis %(number)s")
        url = file(opinion.document_id) if opinion.document_id else ""
        words = label % {"number": opinion.number}
        if missing := opinion_document.document_words(opinion):
            words = f"{words} – {missing}"
        yield Line(words, url)
    for row in completeness_grid.pieces_of(access_request):
        if row["piece"].file_id:
            yield Line(str(row["spec"].label), file(row["piece"].file_id))


def _to_compare(access_request: AccessRequest) -> Iterable[Line]:
    """The frozen version, its fingerprint, and the document that was handed in as signed."""
    version = (
        access_request.versions.filter(status=RequestVersion.Status.CHECKING)
        .select_related("signed_file__uploaded_by")
        .first()
    )
    if version is None or version.signed_file is None:
        return
    args = [access_request.pk, version.number]
    label = _("Version %(number)s figée (PDF)") % {"number": version.number}
    yield Line(label, reverse("requests_app:version_pdf", args=args))
    file = reverse("requests_app:file", args=[access_request.pk, version.signed_file_id])
    yield Line(_("Document déposé comme signé (PDF)"), file)
    yield Line(_("Empreinte de la version : %(sha)s") % {"sha": grouped(version.sha256)})
    yield Line(
        _("Déposé par %(who)s le %(date)s, comme signé par %(signatory)s")
        % {
            "who": version.signed_file.uploaded_by,
            "date": moment(version.signed_file.uploaded_at),
            "signatory": version.signatory,
        }
    )
    page = reverse("requests_app:sign", args=[access_request.pk])
    yield Line(_("Contenu de la version, à l’écran"), page)


def _of_act(act: Act, access_request: AccessRequest) -> list[Line]:
    said = [Line(f"{reading.act_label(act.code)}, {long_date(act.effective_at)}")]
    said += [Line(words) for words in reading.act_details(act)]
    if act.document is not None:
        url = reverse("requests_app:file", args=[access_request.pk, act.document_id])
        said.append(Line(act.document.name, url))
    return said


def beside(
    request: HttpRequest, name: str, access_request: AccessRequest, procedure: Procedure
) -> dict[str, Any]:
    """The file as this person may read it, its pieces, reports, remarks, who withdrew."""
    if name not in _WITH_THE_FILE:
        return {}
    parts = permissions.parts_visible(request.user, access_request)
    reader = reading.Reader(access_request, procedure=procedure, parts=parts, user=request.user)  # type: ignore[arg-type]
    found = reader.content(version="")
    shown = {"content": found["content"], "rows": found.get("rows", [])}
    if "pieces" in parts:
        shown["pieces"] = reader.pieces()
    if name in {"issue_opinion", "answer_points"}:
        said = reader.opinions_and_acts()
        shown |= {"reports": said["reports"], "remarks": said["remarks"]}
    if name == "answer_points":
        shown["opinions"] = said["opinions"]
    if name == "issue_opinion":
        sitting = committee_reading.sitting(access_request, user=request.user, parts=parts)  # type: ignore[arg-type]
        shown["apart"] = opinion_document.by_origin(
            (seat.member, seat.cause) for seat in sitting["seats"] if seat.stands_down
        )
        shown["silent"] = [seat for seat in sitting["seats"] if not seat.said]
    return shown
