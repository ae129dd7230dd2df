"""Verbs on the file: asking for the signature, signing online, completing, withdrawing."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role, User
from requests_app import dossier
from requests_app.dossier import notices, numbers
from requests_app.models import AccessRequest, RequestState, RequestVersion, Stage, StageState
from requests_app.procedures.kind import Trait
from requests_app.procedures.schema import Procedure
from requests_app.rights import permissions, recipients, standing
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.verbs import Verb, register


Status = RequestVersion.Status


def freeze(ctx: Context, *, signed: bool) -> RequestVersion:
    """Write the next version: awaiting its signature, or counting without a new one."""
    content = dossier.snapshot(ctx.request)
    last = RequestVersion.objects.filter(request=ctx.request).order_by("-number").first()
    return RequestVersion.objects.create(
        request=ctx.request,
        number=last.number + 1 if last else 1,
        content=content,
        sha256=dossier.fingerprint(content),
        status=Status.SIGNED if signed else Status.AWAITING,
        signature=RequestVersion.Signature.NONE if signed else "",
        frozen_by=ctx.person,
        frozen_at=ctx.now,
        signed_at=timezone.now() if signed else None,
    )


def to_sign_again(request: AccessRequest, procedure: Procedure) -> list[str]:
    """Labels of what changed since the last counting version and must be signed again.

    Sections with an answer that the form says so of, and pieces marked `needs_signature`.
    """
    last = RequestVersion.objects.filter(request=request).signed().newest()
    if last is None:
        return [_("le dossier entier")]
    old, new = last.content, dossier.snapshot(request)
    changed = [
        _("section « %(section)s »") % {"section": section.label}
        for section in request.form.changed(old, new, signed_again=True)
    ]
    signed = [piece for piece in procedure.pieces if piece.needs_signature]
    return changed + [
        str(piece.label) for piece in signed if _piece(old, piece.code) != _piece(new, piece.code)
    ]


def _piece(content: dict[str, Any], code: str) -> object:
    return next((one for one in content.get("pieces", []) if one["code"] == code), None)


def nothing_missing(ctx: Context) -> Iterator[str]:
    """A sentence for each thing the file still lacks."""
    for item in dossier.missing_items(ctx.request):
        yield _("Il manque : %(label)s.") % {"label": item.label}


@register
class AskSignature(Verb):
    """Check the whole file at once and freeze version n."""

    name = "ask_signature"
    button = gettext_lazy("Demander la signature")
    logged = gettext_lazy("Signature demandée")

    def check(self, ctx: Context) -> Iterator[str]:
        yield from nothing_missing(ctx)

    def act(self, ctx: Context) -> ActData:
        version = freeze(ctx, signed=False)
        return ActData(
            data={"version": version.number, "sha256": version.sha256},
            version=version,
            audit={"version": version.number, "sha256": version.sha256},
        )

    def tell(self, ctx: Context) -> None:
        version = awaiting(ctx)
        if version is not None:
            notices.SignatureAsked.tell(
                recipients.signatories(ctx.request),
                ctx.request,
                version=version.number,
                sha256=version.sha256,
                page=reverse("requests_app:sign", args=[ctx.request.pk]),
            )


@register
class SendCompletion(Verb):
    """Answer a completeness request when nothing that changed must be signed again."""

    name = "send_completion"
    exchanged = "applicant"
    button = gettext_lazy("Renvoyer le dossier complété")
    logged = gettext_lazy("Compléments déposés")

    def not_now(self, ctx: Context) -> Iterator[str]:
        for label in to_sign_again(ctx.request, ctx.procedure):
            yield _("À signer à nouveau par le représentant légal : %(label)s.") % {"label": label}

    def check(self, ctx: Context) -> Iterator[str]:
        yield from nothing_missing(ctx)

    def act(self, ctx: Context) -> ActData:
        version = freeze(ctx, signed=True)
        return ActData(
            data={"version": version.number, "sha256": version.sha256},
            version=version,
            audit={"version": version.number, "sha256": version.sha256},
        )

    def follow(self, ctx: Context) -> None:
        opens_or_goes_on(ctx)

    def tell(self, ctx: Context) -> None:
        tell_deposited(ctx)


def awaiting(ctx: Context) -> RequestVersion | None:
    """The version that waits for a signature, None without one."""
    return RequestVersion.objects.filter(request=ctx.request, status=Status.AWAITING).first()


def unsigned(ctx: Context) -> QuerySet[RequestVersion]:
    """The frozen version that is not signed yet: one or none."""
    return RequestVersion.objects.filter(request=ctx.request).unsigned()


def right_version(ctx: Context, version: RequestVersion) -> Iterator[str]:
    """The page that was sent showed this version and its fingerprint."""
    given = ctx.payload.get("version")
    if str(getattr(given, "pk", given)) not in {str(version.pk), str(version.number)}:
        yield _("Cette version n’est plus celle à signer. Rechargez la page.")
    elif ctx.text("sha256") != version.sha256:
        yield _("L’empreinte n’est pas celle de la version à signer. Rechargez la page.")


def deposit(ctx: Context) -> None:
    """The first signed version gives the file its number, and its date."""
    if ctx.request.number is None:
        ctx.request.number = numbers.request_number(ctx.effective_at, case=ctx.request.case)
        ctx.request.submitted_at = ctx.effective_at


def opens_or_goes_on(ctx: Context) -> None:
    """First deposit: the stages are there and the first opens. Later: the stopped check goes on."""
    stages = Stage.objects.filter(request=ctx.request)
    if not stages.exists():
        steps.create_stages(ctx)
        first = ctx.procedure.stages[0]
        steps.start_stage(ctx, first, ctx.effective_at)
        return
    for stage in stages.filter(state=StageState.PAUSED):
        stage.request = ctx.request
        steps.resume_stage(ctx, stage, ctx.effective_at)


def tell_deposited(ctx: Context) -> None:
    """The receipt at the first deposit; later, to whoever waits for completions."""
    version = ctx.the_act.version
    if ctx.started:
        due = ctx.started[0].due_at
        # The receipt is for the team and for whoever signed.
        to = {one.pk: one for one in recipients.team(ctx.request)}
        if version is not None:  # as the verb wrote it
            signed = RequestVersion.objects.filter(pk=version.pk).values("signed_by")
            to |= {one.pk: one for one in User.objects.filter(pk__in=signed)}
        notices.Deposited.tell(to.values(), ctx.request, due=due)
        return
    stage = Stage.objects.having(Trait.FIRST).filter(request=ctx.request).first()
    if stage is not None:
        notices.CompletionReceived.tell(
            recipients.of_stage(stage),
            ctx.request,
            version=version.number if version else "",
            due=stage.due_at,
        )


@register
class CancelSignature(Verb):
    """Back to a draft: the version that waited is given up."""

    name = "cancel_signature"
    button = gettext_lazy("Annuler la demande de signature")
    logged = gettext_lazy("Demande de signature annulée")

    def act(self, ctx: Context) -> ActData:
        version = unsigned(ctx).first()
        ctx.scratch["checking"] = version is not None and version.status == Status.CHECKING
        return ActData(
            data={"version": version.number if version else 0},
            version=version,
            audit={"version": version.number if version else 0},
        )

    def write(self, ctx: Context) -> None:
        unsigned(ctx).update(status=Status.CANCELLED)

    def tell(self, ctx: Context) -> None:
        to = [*recipients.signatories(ctx.request)]
        if ctx.scratch.get("checking"):
            to += [
                *standing.representatives(ctx.request),
                *recipients.office(ctx.request, Role.SECRETARIAT),
            ]
        notices.SignatureCancelled.tell(to, ctx.request)


@register
class Sign(Verb):
    """The representative signs the fingerprint."""

    name = "sign"
    exchanged = "applicant"
    button = gettext_lazy("Signer et déposer la demande")
    logged = gettext_lazy("Demande signée")
    takes = frozenset({"version", "sha256", "mode", "file"})

    def check(self, ctx: Context) -> Iterator[str]:
        version = awaiting(ctx)
        if version is None:
            yield _("Aucune version n’attend de signature.")
            return
        if (ctx.text("mode") or "online") != "online":
            yield _("Une signature sur papier se dépose, puis le secrétariat la vérifie.")
        if "online" not in ctx.procedure.signature.modes:
            yield _("Ce mode de signature n’est pas prévu par la procédure.")
        yield from right_version(ctx, version)
        if not permissions.is_signatory(ctx.by or ctx.person, ctx.request):
            yield _(
                "Seul un représentant dont la capacité de signer est confirmée peut signer en"
                " ligne."
            )

    def act(self, ctx: Context) -> ActData:
        version = awaiting(ctx)
        assert version is not None  # noqa: S101 - checked above
        return ActData(
            data={"version": version.number, "sha256": version.sha256, "mode": "online"},
            version=version,
            audit={"version": version.number, "sha256": version.sha256, "mode": "online"},
        )

    def write(self, ctx: Context) -> None:
        version = awaiting(ctx)
        assert version is not None  # noqa: S101 - checked above
        version.status = Status.SIGNED
        version.signature = RequestVersion.Signature.ONLINE
        version.signed_by = ctx.by
        version.signed_at = timezone.now()  # a signature keeps real time
        version.save()
        deposit(ctx)

    def follow(self, ctx: Context) -> None:
        opens_or_goes_on(ctx)

    def tell(self, ctx: Context) -> None:
        tell_deposited(ctx)


@register
class Withdraw(Verb):
    """Any time before effect; nothing is deleted."""

    name = "withdraw"
    exchanged = "applicant"
    button = gettext_lazy("Retirer la demande")
    logged = gettext_lazy("Demande retirée")
    takes = frozenset({"reason"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        if ctx.request.number is not None:  # before, it is nobody's but the team's
            yield from standing.why_not_speak(ctx.person, ctx.request)

    def check(self, ctx: Context) -> Iterator[str]:
        if ctx.request.state != RequestState.DRAFT:
            yield from required_text(ctx, "reason", _("Indiquez le motif du retrait."))

    def act(self, ctx: Context) -> ActData:
        version = unsigned(ctx).first()
        ctx.scratch["unsigned"] = version is not None
        ctx.scratch["checking"] = version is not None and version.status == Status.CHECKING
        return ActData(text=ctx.text("reason"))

    def write(self, ctx: Context) -> None:
        unsigned(ctx).update(status=Status.CANCELLED)
