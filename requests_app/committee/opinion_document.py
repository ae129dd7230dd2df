"""The opinion as a document: made after the commit, tried again, told when it fails."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.common.calendar import legal_today
from portal.common.pdf import render_pdf
from portal.common.templatetags.portal import long_date
from requests_app.dossier import notices, uploads
from requests_app.models import InterestDeclaration, Opinion, StoredFile
from requests_app.models.committee import APART
from requests_app.rights import recipients


Origin = InterestDeclaration.Origin


def opinion_data(opinion: Opinion) -> dict[str, Any]:
    """The opinion as data of `pdf/opinion.typ`: number, version judged and its fingerprint, words.

    Nothing in it is titled a decision or a permit (D6.4's words are not those of this procedure).
    """
    request, version = opinion.request, opinion.version
    tacit = bool(opinion.deemed)
    committee = opinion.stage.committee
    procedure = request.procedure
    spec = procedure.stage(opinion.stage.code)
    rows = [
        [_("Dossier"), f"{request.number} – {version.content.get('title', request.title)}"],
        [_("Responsable de traitement"), version.content["organisation"]["name"]],
        [_("Version examinée"), str(version.number)],
        [_("Empreinte de cette version"), version.sha256],
        [_("Sens"), opinion.sense],
        [_("Daté du"), long_date(opinion.issued_at)],
    ]
    sections: list[dict[str, Any]] = [
        {"title": str(label), "paragraphs": opinion.headings[code]}
        for code, label in spec.rubrics.items()
        if opinion.headings.get(code)
    ]
    if opinion.points:
        sections.append(
            {
                "title": _("Points auxquels le demandeur répond"),
                "points": [point["text"] for point in opinion.points],
            }
        )
    if not tacit:
        sections.append({"title": _("Membres"), "rows": _members(opinion)})
    return {
        "title": _("Attestation d’avis tacite") if tacit else _("Avis du comité"),
        "number": opinion.number,
        "issuer": committee.name if committee else "Guichet",
        "subtitle": opinion.sense.capitalize(),
        "fingerprint": version.sha256,
        "demo": request.organisation.is_demo,
        "rows": rows,
        "intro": _(
            "Le comité n’a pas rendu d’avis dans le délai : son avis est %(deemed)s à la date"
            " ci-dessus."
        )
        % {"deemed": opinion.deemed}
        if tacit
        else "",
        "sections": sections,
        "closing": ""
        if opinion.outcome.request == "in_force"
        else _("Cet avis ne donne par lui-même aucun accès aux données."),
    }


def _members(opinion: Opinion) -> list[list[str]]:
    present = ", ".join(str(member) for member in opinion.present.all())
    apart = [[label, ", ".join(names)] for label, names in standing_apart(opinion)]
    return [
        [_("Rendu par"), str(opinion.issued_by)],
        [_("Présents"), present or _("aucun")],
        *(apart or [[str(APART[Origin.MEMBER]), _("aucun")]]),
    ]


def standing_apart(opinion: Opinion) -> list[tuple[str, list[str]]]:
    """Members who did not sit, by how they came to stand apart; the groups that have somebody."""
    withdrew = {member.pk: member for member in opinion.withdrew.all()}
    if not withdrew:
        return []
    origins = dict(
        InterestDeclaration.objects.filter(
            request=opinion.request_id, member__in=withdrew
        ).values_list("member", "origin")
    )
    return by_origin((member, origins.get(pk, Origin.MEMBER)) for pk, member in withdrew.items())


def by_origin(members: Iterable[tuple[User, str]]) -> list[tuple[str, list[str]]]:
    """The same of members each with the code of its origin."""
    found = list(members)
    groups = [
        (str(label), [str(member) for member, origin in found if origin == code])
        for code, label in APART.items()
    ]
    return [(label, names) for label, names in groups if names]


# The opinion is given whatever becomes of its PDF: the page says that it is missing, operators are
# told at the first failure and at the last, and tries end.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
TRIES = len(_WAITS) + 1


def document_words(opinion: Opinion) -> str:
    """What the pages say of a document that is not there; an empty string when it is."""
    if opinion.document_id:
        return ""
    due = opinion.document_due
    first = opinion.document_tries == 1 and due is not None and due > timezone.now()
    if not opinion.document_tries or first:  # the first try is made now, or made again in a minute
        return _("Le document est en cours de fabrication : revenez dans quelques minutes.")
    return _(
        "Le document n’a pas pu être fait : l’exploitation est prévenue. L’avis vaut sans lui."
    )


def write_opinion_document(opinion_id: UUID) -> bool:
    """Make and keep the PDF of an opinion, once; False when it was there already.

    Raises whatever stopped it, too much time also, once operators are told. A try is counted before
    it is made: of one whose process dies, nobody is there to count.
    """
    if not _count_a_try(opinion_id):
        return False
    try:
        return _write(opinion_id)
    except Exception as error:  # SoftTimeLimitExceeded is one
        _failed(opinion_id, type(error).__name__)
        raise


def _count_a_try(opinion_id: UUID) -> bool:
    """Committed, with when the next is due; False when the document is there or tries have ended.

    Operators are told now of a try that died before it could tell them.
    """
    died = _("essai interrompu, faute de temps ou de mémoire peut-être")
    with transaction.atomic():
        opinion = _locked(opinion_id)
        if opinion.document_id:
            return False
        if opinion.document_tries >= TRIES:
            if opinion.document_due is not None:
                _tell(opinion, died)
            return False
        if opinion.document_tries == 1:
            _tell(opinion, died)
        opinion.document_tries += 1
        wait = _WAITS[min(opinion.document_tries, len(_WAITS)) - 1]
        opinion.document_due = timezone.now() + wait
        opinion.save(update_fields=["document_tries", "document_due"])
    return True


def _locked(opinion_id: UUID) -> Opinion:
    rows = Opinion.objects.select_for_update(of=("self",)).select_related("request__organisation")
    return rows.get(pk=opinion_id)


def _failed(opinion_id: UUID, why: str) -> None:
    with transaction.atomic():
        opinion = _locked(opinion_id)
        if opinion.document_tries in {1, TRIES}:
            _tell(opinion, why)


def _tell(opinion: Opinion, why: str) -> None:
    """Of the first failure, once a day, and of the last, which leaves nothing due."""
    ended = opinion.document_tries >= TRIES
    document = f"{opinion.number}.pdf"
    notices.DocumentFailed.tell(
        recipients.with_role(Role.OPERATOR),
        opinion.request,
        document=document,
        message=why,
        ended=ended,
        once="" if ended else f"document-{opinion.pk}-{document}-{legal_today()}",
    )
    if ended:
        Opinion.objects.filter(pk=opinion.pk).update(document_due=None)


def try_documents_again() -> list[UUID]:
    """Forget the failures: every opinion without a document, given up or not."""
    missing = Opinion.objects.filter(document__isnull=True)
    missing.update(document_tries=0, document_due=None)
    return list(missing.order_by("issued_at").values_list("pk", flat=True))


def _write(opinion_id: UUID) -> bool:
    """The PDF made and stored.

    Rendered outside any transaction: one writer at a time is no reason to make others wait.
    """
    opinion = (
        Opinion.objects.select_related(
            "request__organisation", "version", "stage__committee", "issued_by"
        )
        .filter(pk=opinion_id, document__isnull=True)
        .first()
    )
    if opinion is None:
        return False
    with translation.override(settings.LANGUAGE_CODE):
        content = render_pdf("pdf/opinion.typ", opinion_data(opinion))
    document = StoredFile(
        request=opinion.request,
        name=f"{opinion.number}.pdf",
        content_type="application/pdf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    with uploads.written(document, ContentFile(content)):
        # One of two that made it at once is kept, the other's file goes.
        written = Opinion.objects.filter(pk=opinion_id, document__isnull=True).update(
            document=document, document_tries=0, document_due=None
        )
    return bool(written)


def opinions_without_document() -> list[UUID]:
    """Those to try now: oldest first, those that failed after their wait, none for ever.

    And those whose last try died, of which nobody is told yet.
    """
    due = Q(document_due__lte=timezone.now()) | Q(
        document_due__isnull=True, document_tries__lt=TRIES
    )
    return list(
        Opinion.objects.filter(due, document__isnull=True)
        .order_by("issued_at")
        .values_list("pk", flat=True)[:20]
    )
