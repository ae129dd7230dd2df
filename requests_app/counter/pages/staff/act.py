"""One page per act: its form, its consequences, and the call to the engine."""

from contextlib import ExitStack
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.otp import files_lost
from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from portal.common.body_limits import accepts_files, largest_piece
from requests_app.counter.forms.acts import ACT_FORMS, ActForm
from requests_app.counter.forms.acts.addresses import ask_addresses
from requests_app.counter.pages.helpers import fresh_factor
from requests_app.counter.pages.request import visible_request
from requests_app.counter.reading import act_words, inbox
from requests_app.dossier import uploads
from requests_app.models import (
    AccessRequest,
    Act,
    Stage,
    Task,
)
from requests_app.rights import permissions
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities, move_of
from requests_app.workflow.labels import label_of

from .beside import beside


def _run(
    request: SignedInRequest,
    form: ActForm,
    name: str,
    *,
    access_request: AccessRequest,
    stage: Stage | None,
) -> HttpResponse | None:
    """Apply the act; None when it was refused, the reasons being on the form."""
    payload = form.payload() | form.addresses()
    upload = form.cleaned_data.get("document")
    try:
        with ExitStack() as files:
            if upload:
                payload["document"] = files.enter_context(
                    uploads.store(access_request, upload, by=request.user)
                )
            applied = engine.apply(
                stage or access_request,
                name,
                by=request.user,
                effective_at=form.effective_at,
                **payload,
            )
    except uploads.UploadRefused as error:
        form.add_error("document", str(error))
        return None
    except engine.TransitionRefused as refused:
        for reason in refused.reasons:
            form.add_error(None, reason)
        if upload:
            form.add_error("document", _("Joignez à nouveau le document."))
        return None
    except engine.NotAllowed as refused:
        raise PermissionDenied(str(refused)) from refused
    if applied.already_done:
        return _done_already(request, access_request)
    if permissions.requests_visible_to(request.user).filter(pk=access_request.pk).exists():
        messages.success(request, _("C’est enregistré."))
        return redirect("requests_app:request", access_request.pk)
    messages.success(request, form.told_once_hidden())
    return redirect("requests_app:inbox")


def _done_already(request: SignedInRequest, access_request: AccessRequest) -> HttpResponse:
    messages.info(request, _("C’était déjà fait : rien n’a changé."))
    return redirect("requests_app:request", access_request.pk)


@accepts_files(largest_piece)
@require_http_methods(["GET", "HEAD", "POST"])
def act(
    request: SignedInRequest,
    pk: UUID,
    name: str,
    stage_id: UUID | None = None,
    task_id: UUID | None = None,
    act_id: UUID | None = None,
) -> HttpResponseBase:
    access_request = visible_request(request, pk)
    if name not in ACT_FORMS:
        raise Http404
    stage = get_object_or_404(Stage, pk=stage_id, request=access_request) if stage_id else None
    if stage is not None:
        stage.request = access_request
    task = get_object_or_404(Task, pk=task_id, request=access_request) if task_id else None
    corrected = get_object_or_404(Act, pk=act_id, request=access_request) if act_id else None
    if corrected is not None and not permissions.can(request.user, "correct_act", corrected):
        why = permissions.why_not(request.user, "correct_act", corrected)
        raise PermissionDenied(why or _("Cet acte ne se corrige pas, ou pas par vous."))
    if (name == "correct_act") != (corrected is not None):
        raise Http404
    ability = next(
        (
            one
            for one in abilities(access_request, user=request.user)
            if one.name == name
            and (one.stage.pk if one.stage else None) == stage_id
            and (one.task.pk if one.task else None) == task_id
        ),
        None,
    )
    move = move_of(access_request, name, user=request.user, stage=stage, task=task)
    if move is None or (ability is None and request.method != "POST"):
        why = permissions.why_not(request.user, name, task or stage or access_request)
        raise PermissionDenied(
            why or _("Cet acte ne vous revient pas, ou il n’est plus temps de le faire.")
        )
    # Else it was just done, by them or another: the engine tells a second click, and why not.
    if (asked := fresh_factor(request, needed=move.needs_fresh_factor)) is not None:
        return asked
    record_view(request, "request.view", on=access_request, about=pk)
    form_of = ACT_FORMS[name]
    form = form_of(
        request.POST or None,
        request.FILES or None,
        initial=form_of.start_from(stage, user=request.user, query=request.GET) if stage else {},
        request=access_request,
        stage=stage,
        user=request.user,
        task=task,
        corrected=corrected,
    )
    ask_addresses(form)
    if move.irreversible:
        form.ask_confirmation(name)
    if files_lost(request) and form.errors is not None:  # reading them cleans the form first
        form.add_error("document", _("Joignez à nouveau le document."))
    if request.method == "POST" and form.is_valid():
        done = _run(request, form, name, access_request=access_request, stage=stage)
        if done is not None:
            return done
    context = {
        "access_request": access_request,
        "stage": stage,
        "stage_label": str(form.procedure.stage(stage.code).label) if stage else "",
        "reminder_at": inbox.reminder_of(stage) if stage else None,
        "silence": act_words.silence_of(stage, form.procedure) if stage else "",
        "form": form,
        "heading": label_of(name, form.procedure.authority),
        "submit_label": label_of(name, form.procedure.authority),
        "warnings": form.warnings(),
        "callouts": form.callouts(),
        "beside": beside(request, form),
    }
    return render(
        request,
        "requests_app/request/act.html",
        context,
        status=422 if request.method == "POST" else 200,
    )
