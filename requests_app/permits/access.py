"""Who has access to what, since when, until when and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.common.calendar import legal_now
from requests_app.models import (
    Grant,
    GrantState,
    RequestDataset,
    Workspace,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One case of the predicate: yes or no, since, until, and why in French sentences."""

    has_access: bool
    since: datetime | None
    until: datetime | None
    reasons: list[str]

    @property
    def why(self) -> str:
        """The reasons as one text."""
        return " ".join(self.reasons)


def accesses(*, at: datetime | None = None) -> QuerySet[Grant]:
    """Grants that give access at a legal instant (now): open as proven, and wanted so.

    Annotated with `since` and `until`; why is the permit's act. The set form of `explain()`.
    """
    giving: QuerySet[Grant] = Grant.objects.giving_access(at or legal_now())
    return giving.annotate(since=F("opened_at"), until=F("expires_at"))


def explain(person: User, workspace: Workspace, *, at: datetime | None = None) -> Explanation:
    """Whether a person has access to a study at a legal instant (now), and every reason."""
    now = at or legal_now()
    grants = Grant.objects.filter(person=person, workspace=workspace).select_related("permit__act")
    live = [grant for grant in grants if grant.state != GrantState.CLOSED]
    if not live:
        if not grants:
            return Explanation(
                False, None, None, [_("Aucun accès n’est accordé à cette personne.")]
            )
        return Explanation(False, None, None, [_("Son accès est fermé.")])
    grant = live[0]
    permit = grant.permit
    against: list[str] = []
    if grant.state != GrantState.OPEN:
        against.append(_("Son accès est %(state)s.") % {"state": grant.get_state_display()})
    if grant.wanted != Grant.Wanted.OPEN:
        against.append(
            _("Il a été demandé qu’il soit %(wanted)s : %(reason)s")
            % {"wanted": grant.get_wanted_display(), "reason": grant.reason}
        )
    if permit.starts_at > now:
        against.append(_("La période d’accès n’a pas commencé."))
    if permit.revoked_at is not None:
        against.append(_("L’accès de l’étude est retiré."))
    if permit.suspended_at is not None:
        against.append(_("L’accès de l’étude est suspendu."))
    if min(permit.expires_at, grant.expires_at) < now:
        against.append(_("La période d’accès est terminée."))
    if not person.is_active:
        against.append(_("Le compte de cette personne est désactivé."))
    if against:
        return Explanation(False, None, None, against)
    return Explanation(
        True,
        grant.opened_at,
        grant.expires_at,
        [
            _("Accès accordé par un acte du %(date)s.")
            % {"date": f"{permit.act.effective_at:%d/%m/%Y}"}
        ],
    )


def for_holders(
    organisation_ids: Iterable[UUID], *, main_base: Iterable[UUID] = ()
) -> QuerySet[Grant]:
    """ "Who uses my data": accesses of studies whose permit holds a database of the holders.

    `main_base`: organisations of which only the main base counts (A33b).
    """
    held = RequestDataset.objects.filter(
        Q(dataset__holder__organisation__in=list(organisation_ids))
        | Q(dataset__kind="main_base", dataset__holder__organisation__in=list(main_base))
    )
    return accesses().filter(permit__request__in=held.values("request"))
