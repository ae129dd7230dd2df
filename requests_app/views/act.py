"""One page per act: its form, its consequences, and the call to the engine."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.models import Organisation
from requests_app import desk, permissions, quotas, uploads
from requests_app.abilities import abilities
from requests_app.forms.acts import ACT_FORMS, ActForm
from requests_app.models import AccessRequest, Act, Opinion, Stage, Task
from requests_app.workflow import engine

from .request import visible_request


def _parties(access_request: AccessRequest) -> Any:
    """A convention's parties by what the file asks for: CNAM for the main base, HDH and holders."""
    return Organisation.objects.filter(pk__in=permissions.convention_parties(access_request))


def _extra(
    name: str, access_request: AccessRequest, task: Task | None, corrected: Act | None
) -> dict[str, Any]:
    if name == "record_convention":
        return {"parties": _parties(access_request)}
    if name == "answer_points":
        opinion = Opinion.objects.filter(request=access_request).order_by("-issued_at").first()
        return {"points": opinion.points if opinion else []}
    if name == "close_task":
        return {"task": task}
    if name == "correct_act":
        return {"act": corrected}
    return {}


def _warnings(name: str, stage: Stage | None) -> list[str]:
    """What the person should know before the act."""
    if name == "record_convention":
        return quotas.lines()
    if name == "assign_rapporteurs" and stage is not None:
        return desk.loaded_rapporteurs(stage)
    return []


def _run(
    request: HttpRequest,
    form: ActForm,
    name: str,
    *,
    access_request: AccessRequest,
    stage: Stage | None,
) -> HttpResponse | None:
    """Apply the act; None when it was refused, the reasons being on the form."""
    payload = form.payload()
    if upload := form.cleaned_data.get("document"):
        try:
            payload["document"] = uploads.store(access_request, upload, by=request.user)
        except uploads.UploadRefused as error:
            form.add_error("document", str(error))
            return None
    try:
        applied = engine.apply(
            stage or access_request,
            name,
            by=request.user,
            effective_at=form.effective_at,
            **payload,
        )
    except engine.TransitionRefused as refused:
        for reason in refused.reasons:
            form.add_error(None, reason)
        return None
    if applied.already_done:
        messages.info(request, _("C’était déjà fait : rien n’a changé."))
    else:
        messages.success(request, _("C’est enregistré."))
    return redirect("requests_app:request", access_request.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def act(
    request: HttpRequest,
    pk: UUID,
    name: str,
    stage_id: UUID | None = None,
    task_id: UUID | None = None,
    act_id: UUID | None = None,
) -> HttpResponse:
    access_request = visible_request(request, pk)
    if name not in ACT_FORMS:
        raise Http404
    stage = get_object_or_404(Stage, pk=stage_id, request=access_request) if stage_id else None
    task = get_object_or_404(Task, pk=task_id, request=access_request) if task_id else None
    corrected = get_object_or_404(Act, pk=act_id, request=access_request) if act_id else None
    if corrected is not None and not permissions.can(request.user, "correct_act", corrected):
        raise PermissionDenied(_("Cet acte ne se corrige pas, ou pas par vous."))
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
    if ability is None:
        raise PermissionDenied(
            _("Cet acte ne vous revient pas, ou il n’est plus temps de le faire.")
        )
    form = ACT_FORMS[name](
        request.POST or None,
        request.FILES or None,
        request=access_request,
        stage=stage,
        user=request.user,
        **_extra(name, access_request, task, corrected),
    )
    if request.method == "POST" and form.is_valid():
        done = _run(request, form, name, access_request=access_request, stage=stage)
        if done is not None:
            return done
    if name == "request_completion" and request.method != "POST":
        form.initial["message"] = desk.completion_message(access_request)
    context = {
        "access_request": access_request,
        "stage": stage,
        "stage_label": form.procedure.stage(stage.code).label if stage else "",
        "form": form,
        "heading": ability.label,
        "submit_label": ability.label,
        "warnings": _warnings(name, stage),
    }
    return render(
        request,
        "requests_app/request/act.html",
        context,
        status=422 if request.method == "POST" else 200,
    )
