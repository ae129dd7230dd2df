"""Asking for the signature, signing, and the documents of frozen versions."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import Invitation
from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from portal.common.body_limits import accepts_files, largest_piece
from requests_app import dossier
from requests_app.counter.forms.signature import SignedVersionForm, SignForm
from requests_app.counter.pages.helpers import fresh_factor, posted, team_request
from requests_app.counter.pages.request import visible_request
from requests_app.counter.reading import draft_steps
from requests_app.counter.reading.signature import answered_before
from requests_app.dossier import orientation, uploads
from requests_app.dossier.frozen import grouped
from requests_app.models import AccessRequest, RequestMember, RequestState, RequestVersion
from requests_app.permits import team
from requests_app.procedures.content import Row
from requests_app.rights import permissions, standing
from requests_app.selection.specification import describe
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities
from requests_app.workflow.definition import REQUEST_MOVES

from .draft import frame


Status = RequestVersion.Status


@require_safe
def summary(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Everything read at once, what is missing, and the button that freezes it."""
    access_request = team_request(request, pk)
    described = describe(dossier.rows_of(access_request))
    missing = dossier.missing_items(access_request, described)
    names = {one.name for one in abilities(access_request, user=request.user)}
    frozen = dossier.snapshot(access_request, described)
    last = _last_signed(access_request)
    procedure = access_request.procedure
    context = frame(request, access_request, current="summary", missing=missing) | {
        "missing_links": draft_steps.links(access_request, missing),
        "sections": [
            *orientation.readable(access_request.orientation),
            *access_request.form.readable(frozen),
        ],
        "described": described,
        "persons": frozen["persons"],
        "invited": _invited(access_request) if names & {"ask_signature", "send_completion"} else [],
        "kinds": dict(RequestMember.Kind.choices),
        "can_ask": "ask_signature" in names,
        "can_send": "send_completion" in names,
        "cannot_bind": []
        if names & {"ask_signature", "send_completion"}
        else standing.why_not_bind(request.user, access_request),
        **(_asked_of(access_request) if "ask_signature" in names and not missing else {}),
        "last": last,
        "changes": dossier.differences(last.content, frozen, procedure=procedure) if last else [],
    }
    return render(request, "requests_app/draft/summary.html", context)


def _asked_of(access_request: AccessRequest, *, invites: bool = True) -> dict[str, Any]:
    """Whom a demand for the signature is told to; or that nobody is, why, and what comes next."""
    people = standing.told_to_sign(access_request)
    return {
        "asked": standing.names(people),
        "nobody": [] if people else standing.nobody_signs(access_request, invites=invites),
    }


def _invited(access_request: AccessRequest) -> list[Invitation]:
    """Persons whose place in the file waits for them: a version frozen now leaves them out."""
    places = {Invitation.Kind.TEAM, Invitation.Kind.NAMED_PERSON}
    return [one for one in team.pending(access_request) if one.kind in places]


def _last_signed(access_request: AccessRequest) -> RequestVersion | None:
    return access_request.versions.signed().newest()


def _apply(request: SignedInRequest, access_request: AccessRequest, name: str, done: str) -> bool:
    """Do a verb of the request; reasons of a refusal become messages. False when refused."""
    try:
        applied = engine.apply(access_request, name, by=request.user)
    except engine.TransitionRefused as refused:
        for reason in refused.reasons:
            messages.error(request, reason)
        return False
    except engine.NotAllowed as refused:
        raise Http404 from refused
    if applied.already_done:
        messages.info(request, _("C’était déjà fait : rien n’a changé."))
    else:
        messages.success(request, done)
    return True


@require_POST
def ask(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    if _apply(request, access_request, "ask_signature", _("La version est arrêtée.")):
        asked = _asked_of(access_request)
        if asked["asked"]:
            told = _("Un message demande la signature à : %(names)s.") % {"names": asked["asked"]}
            messages.info(request, told)
        for line in asked["nobody"]:
            messages.warning(request, line)
        return redirect("requests_app:draft", pk)
    return redirect("requests_app:draft_step", pk, "recapitulatif")


@require_POST
def send_completion(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = team_request(request, pk)
    if _apply(request, access_request, "send_completion", _("Vos compléments sont déposés.")):
        return redirect("requests_app:request", pk)
    return redirect("requests_app:draft_step", pk, "recapitulatif")


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Editing again cancels the demand; the next one makes another version."""
    access_request = team_request(request, pk)
    awaiting = access_request.versions.unsigned().first()
    if awaiting is None:
        messages.info(request, _("Aucune version n’attend de signature."))
        return redirect("requests_app:draft", pk)
    if request.method == "POST":
        done = _("La demande de signature est annulée : vous pouvez modifier le dossier.")
        _apply(request, access_request, "cancel_signature", done)
        return redirect("requests_app:draft", pk)
    context = {
        "heading": _("Modifier le dossier"),
        "lead": access_request.title,
        "consequences": [
            _("La version %(n)s ne pourra plus être signée.") % {"n": awaiting.number},
            _("Vous demanderez à nouveau la signature, pour une nouvelle version."),
        ],
        "submit_label": _("Annuler la demande de signature"),
        "cancel_url": reverse("requests_app:draft", args=[pk]),
        "cancel_label": _("Revenir"),
    }
    return render(request, "layout/confirm.html", context)


@accepts_files(largest_piece)
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """One page: the version, its fingerprint, one button. Or the signed PDF of that version."""
    access_request = visible_request(request, pk)
    if "version_to_sign" not in permissions.parts_visible(request.user, access_request):
        if not permissions.is_signatory(request.user, access_request):
            raise Http404
        return _nothing_to_sign(request, access_request)  # asked once, signed or taken back since
    unsigned = access_request.versions.unsigned()
    version = unsigned.select_related("signed_file").first()
    if version is None or (request.method == "POST" and version.status != Status.AWAITING):
        return _nothing_to_sign(request, access_request)
    version.request = access_request
    # Who signs is asked before reading; who files the paper, before choosing the file.
    files = "paper" in request.POST or "papier" in request.GET
    if request.method == "POST" or files or permissions.is_signatory(request.user, access_request):
        verb = "deposit_paper" if files else "sign"
        asked = fresh_factor(request, needed=REQUEST_MOVES[verb].needs_fresh_factor)
        if asked is not None:
            return asked
    record_view(request, "request.view_version", on=version, about=pk)
    online, paper = _forms(request, version)
    if request.method == "POST":
        sent = _deposit(request, version, paper) if "paper" in request.POST else None
        if sent or ("paper" not in request.POST and _sign(request, version, online)):
            return redirect("requests_app:request", pk)
    last = _last_signed(access_request)
    procedure = access_request.procedure
    names = {one.name for one in abilities(access_request, user=request.user)}
    context = _version_context(access_request, version) | {
        "online": online,
        "files": "deposit_paper" in names,
        "paper": paper if files and "deposit_paper" in names else None,
        "signatory": "sign" in names,
        "contests": "contest_signature" in names,
        "answered_before": answered_before(access_request),
        **({} if "sign" in names else _who_signs(request, access_request)),
        "last": last,
        "changes": dossier.differences(last.content, version.content, procedure=procedure)
        if last
        else [],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "requests_app/draft/sign.html", context, status=status)


def _forms(request: SignedInRequest, version: RequestVersion) -> tuple[SignForm, SignedVersionForm]:
    sent = posted(request)
    paper = sent is not None and "paper" in sent
    initial = {"version": version.number, "sha256": version.sha256}
    online = SignForm(None if paper else sent, initial=initial, label_suffix="")
    return online, SignedVersionForm(
        sent if paper else None,
        request.FILES if paper else None,
        request=version.request,
        label_suffix="",
    )


def _who_signs(request: SignedInRequest, access_request: AccessRequest) -> dict[str, Any]:
    """For who does not sign: what they lack, whom the signature is asked of, and why a person of
    the team may not hand in a signed version."""
    user = request.user
    in_team = permissions.in_team(user, access_request)
    lacks = standing.why_not_sign(user, access_request)
    # Whoever is to sign is told what they lack themselves; to invite is the team's.
    asked = {} if lacks and not in_team else _asked_of(access_request, invites=in_team)
    return asked | {
        "lacks": lacks,
        "cannot_bind": standing.why_not_bind(user, access_request) if in_team else [],
    }


def _run(
    request: SignedInRequest,
    version: RequestVersion,
    form: SignForm | SignedVersionForm,
    name: str,
    payload: dict[str, Any],
) -> engine.Applied | None:
    """Do the verb by the engine; None with the reasons on the form."""
    try:
        return engine.apply(version.request, name, by=request.user, **payload)
    except engine.TransitionRefused as refused:
        for reason in refused.reasons:
            form.add_error(None, reason)
    except engine.NotAllowed:
        lacks = standing.why_not_sign(request.user, version.request)
        text = _("Votre capacité de signer pour cet organisme n’est pas confirmée.")
        form.add_error(None, lacks or text)
    return None


def _sign(request: SignedInRequest, version: RequestVersion, form: SignForm) -> bool:
    """Sign online; False with the reasons on the form."""
    if not form.is_valid():
        return False
    payload = {
        "version": str(form.cleaned_data["version"]),
        "sha256": form.cleaned_data["sha256"],
        "mode": "online",
    }
    if _run(request, version, form, "sign", payload) is None:
        return False
    messages.success(request, _("La demande est signée et déposée. Le récépissé est prêt."))
    return True


def _deposit(request: SignedInRequest, version: RequestVersion, form: SignedVersionForm) -> bool:
    """Hand in the version signed on paper; False with the reasons on the form."""
    if not form.is_valid():
        return False
    payload = {
        "version": str(request.POST.get("version", "")),
        "sha256": str(request.POST.get("sha256", "")),
        **form.signatory(),
    }
    try:
        with uploads.store(version.request, form.cleaned_data["file"], by=request.user) as stored:
            payload["file"] = stored
            applied = _run(request, version, form, "deposit_paper", payload)
    except uploads.UploadRefused as refusal:
        form.add_error("file", str(refusal))
        return False
    if applied is None:
        form.add_error("file", _("Joignez à nouveau le document."))
        return False
    done = _(
        "Le document est remis au secrétariat, qui vérifie la signature. La demande n’est pas"
        " encore déposée : aucun délai ne court. Une fois la signature vérifiée, la date du dépôt"
        " sera celle d’aujourd’hui."
    )
    messages.success(request, done)
    people = standing.names(standing.told_of_paper(version.request))
    told = _("Sont aussi prévenus par message : %(names)s.") % {"names": people}
    none = _("Aucun signataire de l’organisme n’a de compte : seul le secrétariat est prévenu.")
    messages.info(request, told if people else none)
    return True


def _nothing_to_sign(request: SignedInRequest, access_request: AccessRequest) -> HttpResponse:
    """A second click on a signed version, or a demand cancelled meanwhile."""
    if access_request.state in {RequestState.DRAFT, RequestState.INCOMPLETE}:
        text = _("La demande de signature est annulée : le dossier est en cours de modification.")
    elif access_request.state == RequestState.SIGNATURE_CHECK:
        text = _("La version signée sur papier est déposée : le secrétariat vérifie la signature.")
    else:
        text = _("Aucune version n’attend de signature : la demande est déjà signée.")
    messages.info(request, text)
    return redirect("requests_app:request", access_request.pk)


def _version_context(access_request: AccessRequest, version: RequestVersion) -> dict[str, Any]:
    frozen = version.content
    form = access_request.form
    rows = [Row.model_validate(row) for row in form.rows(frozen)]
    labels = {piece.code: str(piece.label) for piece in access_request.procedure.pieces}
    return {
        "access_request": access_request,
        "procedure": access_request.procedure,
        "version": version,
        "fingerprint": grouped(version.sha256),
        "sections": [
            *orientation.readable(frozen.get("orientation") or {}),
            *form.readable(frozen),
        ],
        "described": describe(rows),
        "persons": frozen["persons"],
        "kinds": dict(RequestMember.Kind.choices),
        "pieces": [
            piece | {"label": labels.get(piece["code"], piece["code"])}
            for piece in frozen["pieces"]
        ],
    }
