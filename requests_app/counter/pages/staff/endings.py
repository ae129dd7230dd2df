"""A request that is over: what can still be done, and its content taken up in a new draft."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.accounts.requests import SignedInRequest
from requests_app import dossier
from requests_app.counter.forms.orientation import organisations_for
from requests_app.counter.pages.helpers import team_request
from requests_app.models import FINAL_STATES, AccessRequest, RequestState
from requests_app.procedures import registry


# State -> what its applicant may still do, in words.
STILL: dict[str, str | Promise] = {
    RequestState.WITHDRAWN: gettext_lazy("Le dossier reste consultable."),
    RequestState.REFUSED: gettext_lazy(
        "Le motif est à l’onglet « Avis et actes ». La lettre de refus dit comment le contester."
    ),
    RequestState.REDIRECTED: gettext_lazy(
        "La procédure à suivre et le motif sont à l’onglet « Échanges »."
    ),
    RequestState.CLOSED_INCOMPLETE: gettext_lazy("Ce qui manquait est à l’onglet « Échanges »."),
    RequestState.CLOSED: gettext_lazy(
        "Les accès sont fermés. Publiez vos résultats et communiquez-les au guichet."
    ),
}


def still(access_request: AccessRequest) -> str:
    """What the applicant of a request that is over may still do; empty while it is not."""
    if access_request.state == RequestState.CLOSED and not access_request.procedure.opens_rights:
        return _("Publiez vos résultats et communiquez-les au guichet.")
    return str(STILL.get(access_request.state, ""))


@require_POST
def copy(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """The content of a request that is over, in a new draft of the same team member."""
    source = team_request(request, pk)
    back = redirect("requests_app:request", pk)
    if source.state not in FINAL_STATES:
        messages.error(request, _("Cette demande est en cours : modifiez-la plutôt."))
        return back
    if not organisations_for(request.user).filter(pk=source.organisation_id).exists():
        messages.error(request, _("Vous n’appartenez plus à l’organisme de cette demande."))
        return back
    procedure = next(iter(registry.current(source.procedure_code)), None)
    if procedure is None:
        messages.error(
            request, _("Cette procédure n’est plus ouverte : recommencez l’orientation.")
        )
        return redirect("requests_app:orientation")
    draft = dossier.copy(source, procedure=procedure, by=request.user)
    messages.success(
        request,
        _("Le contenu est repris dans un nouveau brouillon. Joignez les pièces et les personnes."),
    )
    return redirect("requests_app:draft", draft.pk)
