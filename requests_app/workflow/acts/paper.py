"""A version signed on paper: handed in by the team, compared by the desk, refused or contested.

Nothing is deposited until the desk has compared the paper with the version's fingerprint; the file
is then deposited as of the instant at which the paper was handed in.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role, User
from portal.common.fold import has_letter
from requests_app.dossier import frozen, notices
from requests_app.models import Act, RequestVersion
from requests_app.rights import recipients, standing
from requests_app.workflow.acts.file import (
    awaiting,
    deposit,
    opens_or_goes_on,
    right_version,
    tell_deposited,
)
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.verbs import Verb, register


Status = RequestVersion.Status
SIGNATORY = frozenset({"signatory", "signatory_name", "signatory_capacity"})


def _chosen(ctx: Context) -> User | None:
    """The confirmed signatory who is said to have signed; None: somebody named in words."""
    return ctx.one_person("signatory")


def _named(ctx: Context) -> Iterator[str]:
    """Who signed: a confirmed signatory, or a name and a capacity."""
    chosen = _chosen(ctx)
    if chosen is None:
        if not (has_letter(ctx.line("signatory_name")) and ctx.line("signatory_capacity")):
            yield _("Indiquez qui a signé, avec sa qualité.")
    elif chosen not in standing.confirmed_signatories(ctx.request):
        yield _("Cette personne n’est pas un signataire confirmé de l’organisme : nommez-la.")


def _words(ctx: Context) -> str:
    chosen = _chosen(ctx)
    if chosen is not None:
        return _("%(name)s, signataire confirmé de l’organisme") % {"name": chosen}
    return f"{ctx.line('signatory_name')}, {ctx.line('signatory_capacity')}"[:300]


def to_check(ctx: Context) -> RequestVersion | None:
    """The version signed on paper that nobody has verified yet, None without one."""
    return (
        RequestVersion.objects.filter(request=ctx.request, status=Status.CHECKING)
        .select_related("signed_file")
        .first()
    )


def handed_in(version: RequestVersion) -> Act | None:
    """The act by which the paper now to be checked was handed in."""
    return (
        Act.objects.filter(version=version, code="deposit_paper")
        .select_related("entered_by")
        .order_by("-entered_at", "-effective_at")
        .first()
    )


def _said(version: RequestVersion, **more: Any) -> dict[str, Any]:
    return {"version": version.number, "sha256": version.sha256, **more}


@register
class DepositPaper(Verb):
    """The PDF of the version, signed outside the portal, and who signed it."""

    name = "deposit_paper"
    exchanged = "applicant"
    button = gettext_lazy("Déposer la version signée")
    logged = gettext_lazy("Version signée sur papier déposée")
    takes = SIGNATORY | {"version", "sha256", "file"}

    def not_now(self, ctx: Context) -> Iterator[str]:
        if "paper" not in ctx.procedure.signature.modes:
            yield _("Ce mode de signature n’est pas prévu par la procédure.")

    def check(self, ctx: Context) -> Iterator[str]:
        version = awaiting(ctx)
        if version is None:
            yield _("Aucune version n’attend de signature.")
            return
        yield from right_version(ctx, version)
        yield from _named(ctx)
        file = ctx.file("file")
        if file is None:
            yield _("Déposez le PDF signé de la version %(number)s.") % {"number": version.number}
        elif file.content_type != "application/pdf":
            yield _("La version signée doit être un PDF.")

    def act(self, ctx: Context) -> ActData:
        version = awaiting(ctx)
        assert version is not None  # noqa: S101 - checked above
        chosen = _chosen(ctx)
        data = _said(version, signatory=_words(ctx), _signatory=str(chosen.pk) if chosen else "")
        if chosen is None:
            data |= {
                "_name": ctx.line("signatory_name"),
                "_capacity": ctx.line("signatory_capacity"),
            }
        return ActData(
            data=data,
            version=version,
            document=ctx.file("file"),
            audit={"version": version.number, "sha256": version.sha256},
        )

    def write(self, ctx: Context) -> None:
        version = awaiting(ctx)
        assert version is not None  # noqa: S101 - checked above
        version.status = Status.CHECKING
        version.signature = RequestVersion.Signature.PAPER
        version.signed_file = ctx.file("file")
        version.signatory = _words(ctx)
        version.save()

    def tell(self, ctx: Context) -> None:
        version = ctx.the_act.version
        more = {"version": version.number if version else "", "sha256": ctx.the_act.data["sha256"]}
        more |= {"signatory": ctx.the_act.data["signatory"], "person": str(ctx.by)}
        page = reverse("requests_app:sign", args=[ctx.request.pk])
        notices.PaperDeposited.tell(_both_sides(ctx), ctx.request, page=page, **more)
        notices.SignatureCheckExpected.tell(
            recipients.office(ctx.request, Role.SECRETARIAT),
            ctx.request,
            **more,
        )


@register
class VerifySignature(Verb):
    """The desk has compared the paper with the version: the file is deposited, as of that day."""

    name = "verify_signature"
    exchanged = "counter"
    button = gettext_lazy("Vérifier la signature")
    logged = gettext_lazy("Signature vérifiée")
    takes = SIGNATORY | {"version", "fingerprint", "despite_contest"}

    def when(self, ctx: Context, asked: datetime | date | None) -> datetime:
        """The instant of the deposit: what it opens counts from then."""
        version = to_check(ctx)
        act = handed_in(version) if version is not None else None
        return act.effective_at if act is not None else ctx.effective_at

    def check(self, ctx: Context) -> Iterator[str]:
        version = to_check(ctx)
        if version is None:
            yield _("Aucune signature n’est à vérifier.")
            return
        given = ctx.payload.get("version")
        if str(getattr(given, "pk", given)) not in {str(version.pk), str(version.number)}:
            yield _("Cette version n’est plus celle à vérifier. Rechargez la page.")
        if not frozen.same_fingerprint(ctx.text("fingerprint"), version.sha256):
            yield _(
                "L’empreinte relevée sur le document n’est pas celle de la version : vérifiez votre"
                " saisie ; si elle est juste, refusez la signature."
            )
        yield from _named(ctx)
        if standing.contests(ctx.request) and ctx.payload.get("despite_contest") is not True:
            yield _(
                "Un signataire de l’organisme a contesté cette signature : lisez ce qu’il conteste,"
                " puis dites que vous la retenez malgré tout, ou refusez-la."
            )
        if ctx.request.organisation.suspended_at is not None:
            yield _(
                "L’organisme est suspendu : attendez la fin de la suspension, ou refusez la"
                " signature."
            )
        act = handed_in(version)
        depositor = act.entered_by if act is not None else None
        if depositor is None or standing.why_not_speak(depositor, ctx.request):
            yield _(
                "La personne qui a déposé ce document n’est plus membre confirmé de l’organisme :"
                " refusez la signature, un membre confirmé le déposera à nouveau."
            )

    def act(self, ctx: Context) -> ActData:
        version = to_check(ctx)
        assert version is not None  # noqa: S101 - checked above
        chosen = _chosen(ctx)
        contested = ", ".join({str(one.entered_by): "" for one in standing.contests(ctx.request)})
        return ActData(
            text=_("Signature retenue malgré la contestation de %(who)s.") % {"who": contested}
            if contested
            else "",
            data=_said(
                version,
                **({"contested": contested} if contested else {}),
                signatory=_words(ctx),
                officer=str(ctx.person),
                fingerprint=frozen.grouped(version.sha256),
                mode="paper",
            ),
            version=version,
            audit={
                "version": version.number,
                "sha256": version.sha256,
                "mode": "paper",
                "signatory": str(chosen.pk) if chosen else "named",
            },
        )

    def write(self, ctx: Context) -> None:
        version = to_check(ctx)
        assert version is not None  # noqa: S101 - checked above
        now = timezone.now()  # a signature keeps real time
        version.status = Status.SIGNED
        version.signed_by = _chosen(ctx)
        version.signatory = _words(ctx)
        version.signed_at = version.signed_file.uploaded_at if version.signed_file else now
        version.checked_by, version.checked_at = ctx.person, now
        version.save()
        deposit(ctx)

    def follow(self, ctx: Context) -> None:
        opens_or_goes_on(ctx)

    def tell(self, ctx: Context) -> None:
        notices.SignatureVerified.tell(
            _both_sides(ctx),
            ctx.request,
            signatory=ctx.the_act.data["signatory"],
            officer=ctx.the_act.data["officer"],
            contested=ctx.the_act.data.get("contested", ""),
            deposited=ctx.effective_at,
        )
        tell_deposited(ctx)


def _both_sides(ctx: Context) -> list[User]:
    """The team, and everyone who signs for the organisation."""
    return [*recipients.team(ctx.request), *standing.representatives(ctx.request)]


class _SendBack(Verb):
    """The same version waits for its signature again."""

    takes = frozenset({"reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "reason", self.asked())

    def asked(self) -> str:
        raise NotImplementedError

    def act(self, ctx: Context) -> ActData:
        version = to_check(ctx)
        return ActData(
            data={"version": version.number if version else 0},
            text=ctx.text("reason"),
            version=version,
            audit={"version": version.number if version else 0},
        )

    def tell(self, ctx: Context) -> None:
        contested = ctx.move.name == ContestSignature.name
        said = {"message": ctx.the_act.text, "version": ctx.the_act.data["version"]}
        said |= {"contested": contested}
        page = reverse("requests_app:sign", args=[ctx.request.pk])
        notices.SignatureRefused.tell(_both_sides(ctx), ctx.request, page=page, **said)
        if contested:
            desk = recipients.office(ctx.request, Role.SECRETARIAT)
            notices.SignatureRefused.tell(desk, ctx.request, **said)

    def write(self, ctx: Context) -> None:
        RequestVersion.objects.filter(request=ctx.request, status=Status.CHECKING).update(
            status=Status.AWAITING, signature="", signed_file=None, signatory=""
        )


@register
class RefuseSignature(_SendBack):
    name = "refuse_signature"
    exchanged = "counter"
    button = gettext_lazy("Refuser la signature")
    logged = gettext_lazy("Signature refusée")

    def asked(self) -> str:
        return _("Indiquez pourquoi la signature est refusée, et ce qu’il faut faire.")


@register
class ContestSignature(_SendBack):
    """A confirmed signatory says that they did not sign, or not this."""

    name = "contest_signature"
    exchanged = "applicant"
    button = gettext_lazy("Signaler que vous n’avez pas signé")
    logged = gettext_lazy("Signature contestée")

    def asked(self) -> str:
        return _("Indiquez ce que vous contestez.")
