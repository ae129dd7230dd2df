"""How many files each rapporteur has this month: a warning, since the president decides."""

from uuid import UUID

from django.db.models import Count
from django.utils.translation import ngettext

from portal.accounts.models import User
from portal.common.calendar import PARIS, legal_now
from requests_app.models import (
    RapporteurAssignment,
    Stage,
)


# A14: at most four files per rapporteur and month; a warning, since the president decides.
MONTHLY_LOAD = 4


def rapporteur_loads(stage: Stage) -> dict[UUID, int]:
    """Files given this month to each member of the stage's committee, this one left out."""
    month = legal_now().astimezone(PARIS).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    counts = (
        RapporteurAssignment.objects.filter(
            stage__committee_id=stage.committee_id, assigned_at__gte=month, ended_at__isnull=True
        )
        .exclude(stage=stage)
        .values("member")
        .annotate(n=Count("pk"))
    )
    return {row["member"]: row["n"] for row in counts}


def loaded_rapporteurs(stage: Stage) -> list[str]:
    """A sentence per committee member who already reports on four files this month or more."""
    loads = {pk: n for pk, n in rapporteur_loads(stage).items() if n >= MONTHLY_LOAD}
    return [
        ngettext(
            "%(who)s rapporte déjà %(n)d dossier ce mois-ci.",
            "%(who)s rapporte déjà %(n)d dossiers ce mois-ci.",
            loads[member.pk],
        )
        % {"who": member, "n": loads[member.pk]}
        for member in User.objects.filter(pk__in=loads)
    ]
