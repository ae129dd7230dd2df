"""Messages of requests: one class per event, its words in `templates/email/request_<event>.txt`.

Sent to whoever must act next, or must know: what to do, the link, why, by when.
"""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.notifications.base import Notice
from requests_app.models import AccessRequest, Grant
from requests_app.procedures.words import period_in_words
from requests_app.rights import recipients


class RequestNotice(Notice):
    """A message about one request; nothing is said to a member who withdrew from it (A14)."""

    @classmethod
    def tell(
        cls,
        to: Iterable[User],
        request: AccessRequest,
        *,
        once: str = "",
        page: str = "",
        otherwise: str = "",
        **context: Any,
    ) -> None:
        """Write the message. `once`: key of an event that may be announced twice; `page`: where the
        link goes, the request's page when empty; `otherwise`: where it goes for whoever may not
        open the file, nowhere when empty."""
        path = page or reverse("requests_app:request", args=[request.pk])
        by_link: dict[str, list[User]] = {}
        of_file = str(request.pk) in path
        for one, opens in recipients.reached(to, request, page=of_file):
            by_link.setdefault(path if opens or not of_file else otherwise, []).append(one)
        for link, people in by_link.items():
            cls.send(
                people,
                {
                    "number": request.number or "",
                    "title": request.title,
                    "organisation": request.organisation.name,
                    "path": link,
                    "authority": request.procedure.authority,
                    "by_convention": request.procedure.by_convention,
                    **context,
                },
                about=request.pk,
                once=once,
            )

    @classmethod
    def tell_apart(
        cls, acting: Iterable[User], knowing: Iterable[User], request: AccessRequest, **more: Any
    ) -> None:
        """Those to whom the event gives something to do, then those who only must know of it: the
        template words it by `acts`."""
        first = {one.pk: one for one in acting}
        cls.tell(first.values(), request, acts=True, **more)
        cls.tell([one for one in knowing if one.pk not in first], request, acts=False, **more)


class SignatureAsked(RequestNotice):
    code = "request.signature_asked"
    label = _("signature demandée")


class SignatureCancelled(RequestNotice):
    code = "request.signature_cancelled"
    label = _("demande de signature annulée")


class PaperDeposited(RequestNotice):
    code = "request.paper_deposited"
    label = _("version signée déposée, à vérifier")


class SignatureCheckExpected(RequestNotice):
    code = "request.expected_signature_check"
    label = _("signature à vérifier")


class SignatureVerified(RequestNotice):
    code = "request.signature_verified"
    label = _("signature vérifiée")


class SignatureRefused(RequestNotice):
    code = "request.signature_refused"
    label = _("signature non retenue")


class Deposited(RequestNotice):
    code = "request.deposited"
    label = _("demande déposée")


class CompletionReceived(RequestNotice):
    code = "request.completion_received"
    label = _("compléments reçus")


class Withdrawn(RequestNotice):
    code = "request.withdrawn"
    label = _("demande retirée")


class Ended(RequestNotice):
    code = "request.ended"
    label = _("dossier terminé")


class SetApart(Notice):
    """To a member whom the machine set apart: the number of the file, and nothing else of it.

    Not a message about the request: those are hidden from whoever stands apart (A14).
    """

    code = "request.set_apart"
    label = _("écarté d’office d’un dossier du comité")

    @classmethod
    def say(cls, member: User, request: AccessRequest) -> None:
        cls.send(member, {"number": request.number or ""}, once=f"apart-{request.pk}")


class AnswerReminder(RequestNotice):
    code = "request.answer_reminder"
    label = _("relance : réponse à l’avis")


class Authorised(RequestNotice):
    code = "request.authorised"
    label = _("autorisation enregistrée")


class Refused(RequestNotice):
    code = "request.refused"
    label = _("demande refusée")

    @classmethod
    def tell(cls, to: Iterable[User], request: AccessRequest, **context: Any) -> None:
        """With the routes of appeal that the procedure names."""
        appeals = [
            {"label": one.label, "before": one.before, "period": period_in_words(one.period)}
            for one in request.procedure.appeals
        ]
        super().tell(to, request, appeals=appeals, **context)


class TaskOpened(RequestNotice):
    code = "request.task_opened"
    label = _("vérification à faire")


class Escalated(RequestNotice):
    code = "request.escalated"
    label = _("échéance dépassée")


class TacitOpinion(RequestNotice):
    code = "request.tacit_opinion"
    label = _("avis réputé rendu")


class SilenceRecorded(RequestNotice):
    code = "request.silence_recorded"
    label = _("délai passé sans réponse")


class SilenceUnannounced(RequestNotice):
    code = "request.silence_unannounced"
    label = _("délai passé sans avoir été annoncé")


class SilenceDecided(RequestNotice):
    code = "request.silence_decided"
    label = _("délai passé : effet sur la demande")


class NothingFollows(RequestNotice):
    code = "request.nothing_follows"
    label = _("dossier sans suite prévue")


class ClockReminder(RequestNotice):
    code = "request.clock_reminder"
    label = _("rappel d’une échéance")


class RightsOpened(RequestNotice):
    code = "request.rights_opened"
    label = _("accès autorisé")


class AccessSuspended(RequestNotice):
    code = "request.access_suspended"
    label = _("accès suspendu")


class AccessResumed(RequestNotice):
    code = "request.access_resumed"
    label = _("accès repris")


class AccessRevoked(RequestNotice):
    code = "request.access_revoked"
    label = _("accès retiré")


class KeyReady(RequestNotice):
    code = "request.key_ready"
    label = _("clé d’accès prête")


class KeyUnrevealed(RequestNotice):
    code = "request.key_unrevealed"
    label = _("clé détruite faute d’affichage")


class KeyExpiring(RequestNotice):
    code = "request.key_expiring"
    label = _("clé d’accès à renouveler")


class AccessExpiring(RequestNotice):
    code = "request.access_expiring"
    label = _("fin d’accès prochaine")


class AccessClosed(RequestNotice):
    code = "request.access_closed"
    label = _("accès fermé")


class ExtractStaged(RequestNotice):
    code = "request.extract_staged"
    label = _("extraction à confirmer")


class WorkspaceFailed(RequestNotice):
    code = "request.workspace_failed"
    label = _("échec de mise à disposition")


class DocumentFailed(RequestNotice):
    code = "request.document_failed"
    label = _("document qui n’a pas pu être fait")


class DriftFound(RequestNotice):
    code = "request.drift_found"
    label = _("écart constaté chez l’hébergeur")


_OF_ACCESS: dict[str, type[RequestNotice]] = {
    "suspend": AccessSuspended,
    "resume": AccessResumed,
    "revoke": AccessRevoked,
}


def of_access(notice: type[RequestNotice], grant: Grant, **context: Any) -> None:
    """A person's right: they act, the investigators and the holders of the data only know."""
    request = grant.permit.request
    context |= {"person": str(grant.person)}
    notice.tell(
        [grant.person], request, acts=True, page=reverse("requests_app:my_access"), **context
    )
    others = [*recipients.investigators(request), *recipients.data_holders(request)]
    notice.tell(
        [one for one in others if one.pk != grant.person_id],
        request,
        acts=False,
        otherwise=reverse("requests_app:holder_accesses"),
        **context,
    )


def access_changed(verb: str, grants: Iterable[Grant], *, reason: str) -> None:
    """Person, investigators and holders are told of each right stopped or resumed."""
    for grant in grants:
        of_access(_OF_ACCESS[verb], grant, message=reason, key=grant.has_key)
