"""What people are told when a clock's end stands for their act."""

from portal.accounts.models import Role
from requests_app.dossier import notices
from requests_app.models import Opinion
from requests_app.rights import recipients

from .context import Context


def tell(ctx: Context) -> None:
    """Nothing tacit happens in silence: whoever had to act learns it from the portal."""
    request, stage, due = ctx.request, ctx.the_stage, ctx.effective_at
    given = Opinion.objects.filter(stage=stage).first()
    if given is None:
        notices.SilenceRecorded.tell(
            recipients.of_stage(stage),
            request,
            due=due,
            stage=str(ctx.spec.label),
            outcome=str(ctx.spec.outcome(stage.outcome).label),
        )
        return
    chair = recipients.office(request, Role.PRESIDENT, scope=stage.committee_id)
    others = [*recipients.office(request, Role.SECRETARIAT), *recipients.of_stage(stage)]
    notices.TacitOpinion.tell_apart(chair, others, request, due=due, deemed=str(given.deemed))
