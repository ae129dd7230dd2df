"""A person's own accesses: state in words, what is missing and how to mend it, how to connect."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import User
from requests_app.models import FINAL_STATES, AccessRequest, Grant, GrantState, RequestMember
from requests_app.procedures.registry import UnknownProcedure
from requests_app.provisioning import gates, reveal
from requests_app.provisioning.storage_settings import Settings


# Where the person mends what they can mend themselves.
MENDS = {"terms": "accounts:terms", "second_factor": "accounts:second_factor"}


@dataclass(frozen=True, slots=True)
class Lacking:
    """A condition that does not hold: what it is, whose it is to mend, and where."""

    label: str
    url: str = ""
    link: str = ""
    who: str = ""


@dataclass(slots=True)
class Access:
    """One study on the page of a person."""

    grant: Grant
    words: str
    tone: str
    lacking: list[Lacking] = field(default_factory=list)
    met: list[str] = field(default_factory=list)  # conditions that hold, with their dates
    settings: Settings | None = None
    key: reveal.KeyState | str = ""  # empty while the access is not open
    colleagues: list[RequestMember] = field(default_factory=list)  # whom an investigator may remove


def _words(grant: Grant) -> tuple[str, str]:
    """State in words, and the tone of its badge."""
    match grant.state:
        case GrantState.OPEN if grant.wanted == Grant.Wanted.SUSPENDED:
            return _("Suspension en cours"), "warning"
        case GrantState.OPEN if grant.wanted == Grant.Wanted.CLOSED:
            return _("Fermeture en cours"), "warning"
        case GrantState.OPEN:
            return _("Ouvert"), "success"
        case GrantState.WANTED:
            return _("En attente"), "info"
        case GrantState.OPENING:
            return _("En cours d’ouverture"), "info"
        case GrantState.SUSPENDED:
            return _("Suspendu"), "warning"
        case GrantState.CLOSING:
            return _("En cours de fermeture"), "warning"
        case GrantState.FAILED:
            return _("En échec : l’opérateur s’en occupe"), "error"
    return _("Fermé"), ""


def _lacking(codes: Iterable[str]) -> Iterable[Lacking]:
    for code in codes:
        if name := MENDS.get(code):
            link = {
                "terms": _("Lire et accepter les conditions"),
                "second_factor": _("Enregistrer un second facteur"),
            }[code]
            yield Lacking(gates.label(code), reverse(name), link)
        elif code == "training":
            who = _("Suivez la formation, puis transmettez l’attestation au secrétariat.")
            yield Lacking(gates.label(code), who=who)
        elif code in {"named", "addresses"}:
            who = _("Demandez au secrétariat de compléter l’acte qui accorde l’accès.")
            yield Lacking(gates.label(code), who=who)
        else:
            who = _("Vous n’avez rien à faire : l’équipe du portail s’en occupe.")
            yield Lacking(gates.label(code), who=who)


def of(user: User) -> list[Access]:
    """Every access of a person, live ones first, then the most recent."""
    grants = (
        Grant.objects.filter(person=user)
        .select_related("permit__request__organisation", "workspace__extract", "person")
        .order_by("-created_at")
    )
    live = [grant for grant in grants if grant.state != GrantState.CLOSED]
    facts = gates.facts_of(live) if live else {}
    found = [_access(grant, facts.get(grant.pk, [])) for grant in grants]
    _add_colleagues(found, user)
    return sorted(found, key=lambda one: one.grant.state == GrantState.CLOSED)


def _access(grant: Grant, facts: list[gates.Fact]) -> Access:
    words, tone = _words(grant)
    access = Access(grant, words, tone)
    resuming = grant.state == GrantState.SUSPENDED and grant.wanted == Grant.Wanted.OPEN
    if grant.state in {GrantState.WANTED, GrantState.OPENING} or resuming:
        access.lacking = list(_lacking(fact.code for fact in facts if not fact.holds))
    access.met = [fact.said for fact in facts if fact.holds]
    if grant.state == GrantState.OPEN and grant.wanted == Grant.Wanted.OPEN:
        access.settings = reveal.settings_of(grant)
        access.key = reveal.key_state(grant)
    return access


def _add_colleagues(found: list[Access], user: User) -> None:
    """Persons of the studies that the user leads, whom they may remove at once."""
    studies = [one.grant.permit.request_id for one in found if one.grant.state != GrantState.CLOSED]
    members = RequestMember.objects.current().filter(request__in=studies)
    led = set(
        members.filter(user=user, kind=RequestMember.Kind.INVESTIGATOR).values_list(
            "request_id", flat=True
        )
    )
    others = members.filter(request__in=led, has_data_access=True).exclude(user=user)
    for member in others.select_related("user"):
        for one in found:
            if one.grant.permit.request_id == member.request_id:
                one.colleagues.append(member)


def awaiting(user: User) -> list[RequestMember]:
    """Studies that name the person and have no access yet, and whose procedure gives one: what they
    wait for is said."""
    members = (
        RequestMember.objects.current()
        .filter(user=user, has_data_access=True)
        .exclude(request__permits__grants__person=user)
    )
    found = members.exclude(request__state__in=FINAL_STATES)
    rows = found.select_related("request__organisation")
    return [one for one in rows if _opens_rights(one.request)]


def _opens_rights(request: AccessRequest) -> bool:
    """Not said of a file whose procedure cannot be read: the others are."""
    try:
        return request.procedure.opens_rights
    except UnknownProcedure:
        return False
