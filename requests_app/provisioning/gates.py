"""Conditions before any key: each a dated fact, told to person and operator when it is missing.

Named in the convention, training valid, current terms accepted, second factor enrolled (A30); then
what depends on the study: addresses of a daughter system, a workspace, the staged extract.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from django.conf import settings
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from portal.accounts import conditions
from portal.accounts.conditions import Condition
from portal.accounts.models import User
from portal.common.calendar import PARIS, legal_now
from requests_app.models import ExtractState, Grant, RequestMember, Workspace
from requests_app.procedures.parts import DAUGHTER_SYSTEM
from requests_app.provisioning.extract.confirming import matches


# Conditions the person can meet; then those of the study; in the order they are told.
LABELS = {
    "named": _("Personne non nommée dans l’acte qui accorde l’accès"),
    "training": _("Formation à la sécurité des données absente ou échue"),
    "terms": _("Conditions d’utilisation en vigueur non acceptées"),
    "second_factor": _("Second facteur d’authentification non enregistré"),
    "account": _("Compte désactivé"),
    "organisation": _("Organisme suspendu"),
    "addresses": _("Adresse réseau de la personne non déclarée"),
    "worker_addresses": _("Adresse de vérification du portail non configurée"),
    "workspace": _("En attente d’un espace projet : sa mise à disposition viendra plus tard"),
    "extract_missing": _("Extraction des données en attente de dépôt"),
    "extract_differs": _("L’extraction préparée ne correspond pas à l’autorisation : à refaire"),
    "extract_unconfirmed": _("Extraction en attente de confirmation par une seconde personne"),
    "not_started": _("L’autorisation n’a pas encore commencé"),
}
# The same when they hold.
MET = {
    "named": _("Nommée dans le dossier depuis le %(since)s"),
    "training": _("Formation suivie le %(since)s, valable jusqu’au %(until)s"),
    "terms": _("Conditions d’utilisation acceptées le %(since)s"),
    "second_factor": _("Second facteur enregistré le %(since)s"),
    "addresses": _("Adresses réseau déclarées"),
    "extract_missing": _("Extraction déposée dans l’espace le %(since)s"),
    "extract_unconfirmed": _("Extraction confirmée le %(since)s"),
    "not_started": _("Autorisation commencée le %(since)s"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One condition: whether it holds, since when, until when (None: no end)."""

    code: str
    holds: bool
    since: datetime | None = None
    until: datetime | None = None

    @property
    def label(self) -> str:
        """What is missing."""
        return label(self.code)

    @property
    def said(self) -> str:
        """The condition as it stands, with its dates where it holds."""
        if not self.holds:
            return self.label
        values = {
            "since": date_format(localtime(self.since), "j F Y") if self.since else "",
            "until": date_format(localtime(self.until), "j F Y") if self.until else "",
        }
        return str(MET.get(self.code, "")) % values


def label(code: str) -> str:
    """What a missing condition means, in the reader's language; unknown codes as they are."""
    return str(LABELS.get(code, code))


def labels(codes: list[str]) -> list[str]:
    return [label(code) for code in codes]


def _personal(condition: Condition) -> Fact:
    """As the room of accounts says it (A30), days as instants."""
    since, until = condition.since, condition.until
    if since is not None and not isinstance(since, datetime):
        since = datetime.combine(since, time(), tzinfo=PARIS)
    end = None if until is None else datetime.combine(until, time.max, tzinfo=PARIS)
    return Fact(condition.code, condition.met, since, end)


def missing(user: User) -> list[str]:
    """Codes of the personal conditions (training, terms, second_factor) that do not hold."""
    return [condition.code for condition in conditions.missing(user)]


def facts_of(grants: Sequence[Grant]) -> dict[UUID, list[Fact]]:
    """Every condition of each grant, met or not, in the order they are told.

    Grants come with `permit__request__organisation`, `person`, `workspace__extract` read.
    """
    now = legal_now()  # read once for all
    people = {grant.person for grant in grants}
    known = conditions.conditions_for(people, on=now.astimezone(PARIS).date())
    members: dict[tuple[UUID, UUID], datetime] = {}
    named = RequestMember.objects.current().filter(
        request__in={grant.permit.request_id for grant in grants}, has_data_access=True
    )
    for request, user, added in named.order_by("-added_at").values_list(
        "request", "user", "added_at"
    ):
        members[request, user] = added
    extracts: dict[tuple[UUID, UUID], Fact] = {}  # by study and permit: persons share it
    found = {}
    for grant in grants:
        added_at = members.get((grant.permit.request_id, grant.person_id))
        key = (grant.workspace_id, grant.permit_id)
        if key not in extracts:
            extracts[key] = _extract_fact(grant)
        found[grant.pk] = [
            Fact("named", added_at is not None, added_at),
            *map(_personal, known[grant.person_id]),
            *_facts_of_study(grant, now=now),
            extracts[key],
        ]
    return found


def _facts_of_study(grant: Grant, *, now: datetime) -> Iterator[Fact]:
    permit = grant.permit
    if not grant.person.is_active:
        yield Fact("account", False)
    if permit.request.organisation.suspended_at is not None:  # A30
        yield Fact("organisation", False)
    yield Fact("not_started", permit.starts_at <= now, permit.starts_at)
    if permit.delivery_mode == DAUGHTER_SYSTEM:
        # Fail closed: without declared addresses the fence would let the key in from anywhere.
        yield Fact("addresses", bool(grant.source_addresses))
        if not settings.PROVISIONING["worker_addresses"]:
            yield Fact("worker_addresses", False)
    else:
        yield Fact("workspace", False)


def _extract_fact(grant: Grant) -> Fact:
    workspace: Workspace = grant.workspace
    extract = workspace.extract
    if extract.state == ExtractState.DELIVERED:
        return Fact("extract_missing", True, extract.delivered_at)
    if extract.manifest and not matches(workspace, grant.permit):
        return Fact("extract_differs", False)
    if extract.is_confirmed:
        return Fact("extract_unconfirmed", True, extract.confirmed_at)
    if extract.manifest:
        return Fact("extract_unconfirmed", False)
    return Fact("extract_missing", False)


def missing_for(grants: Sequence[Grant]) -> dict[UUID, list[str]]:
    """Codes of all conditions of each grant that do not hold now."""
    return {
        pk: [fact.code for fact in facts if not fact.holds]
        for pk, facts in facts_of(grants).items()
    }
