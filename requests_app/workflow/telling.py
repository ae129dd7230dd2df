"""Messages that several verbs send."""

from requests_app.dossier import notices
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Task
from requests_app.rights import recipients

from .context import Context


def tell_team(ctx: Context, notice: type[RequestNotice]) -> None:
    """The act's words and references, to the applicant's team."""
    act = ctx.act
    notice.tell(
        recipients.team(ctx.request),
        ctx.request,
        message=act.text if act else "",
        route=act.data.get("route", "") if act else "",
        reference=act.data.get("number", "") if act else "",
        due=ctx.stage.due_at if ctx.stage else None,
    )


def tell_authorised(ctx: Context, *, tacit: bool = False) -> None:
    """The team hears of the authorisation, and what it still waits for; `tacit`: by silence."""
    waiting = Task.objects.filter(request=ctx.request, closed_at__isnull=True).exclude(blocks="")
    notices.Authorised.tell(
        recipients.team(ctx.request),
        ctx.request,
        tacit=tacit,
        concluded=ctx.task is not None and ctx.task.closed_at is not None,
        reference=ctx.the_act.data.get("number", ""),
        checking=waiting.exists(),
        rights=ctx.procedure.opens_rights,
    )
