"""Rights that the outcome of a stage opens by itself, where no convention says them: from the day
of the act, for what the file asks, within the terms of the procedure (`[access]`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.common.calendar import PARIS, end_of_day
from requests_app.deadlines import access_period
from requests_app.dossier import notices
from requests_app.models import AccessRequest, RequestMember, RequestVersion, StageState
from requests_app.permits import creating
from requests_app.permits.source_addresses import AddressRefused, network
from requests_app.procedures.content import is_available
from requests_app.procedures.parts import DAUGHTER_SYSTEM
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure
from requests_app.rights import recipients

from .context import Context
from .definition import stage_moves


TAKES = frozenset({"addresses"})  # of the payload of such an act, besides what its verb takes


@dataclass(frozen=True, slots=True)
class Opened:
    """What is opened: how, between which days, for whom, from where."""

    delivery_mode: str
    starts_on: date
    ends_on: date
    persons: tuple[User, ...]
    addresses: Mapping[str, list[str]]


def may_open(procedure: Procedure, spec: StageSpec) -> bool:
    """Whether an outcome of this stage opens rights by itself."""
    return procedure.access is not None and procedure.grants_on == spec.code


def asked_of(procedure: Procedure, spec: StageSpec, verb: str) -> bool:
    """Whether the verb may end such a stage, hence says from where people come."""
    move = stage_moves(spec).get(verb)
    return move is not None and move.target == StageState.DONE and may_open(procedure, spec)


def opens(ctx: Context, outcome: str) -> bool:
    """Whether this very outcome does."""
    if ctx.stage is None or not may_open(ctx.procedure, ctx.spec):
        return False
    return any(one.code == outcome and one.request == "in_force" for one in ctx.spec.outcomes)


def addresses_of(payload: Mapping[str, Any]) -> dict[str, list[str]]:
    """CIDR by the id of a person. Raises AddressRefused."""
    given = payload.get("addresses") or {}
    return {
        str(getattr(person, "pk", person)): [network(str(one)) for one in values]
        for person, values in given.items()
    }


def why_no_addresses(persons: Iterable[User], payload: Mapping[str, Any]) -> list[str]:
    """Reasons, of a daughter system, for which nobody could come in."""
    try:
        addresses = addresses_of(payload)
    except AddressRefused as refused:
        return [str(refused)]
    return [
        _("Indiquez les adresses d’où %(person)s accédera aux données.") % {"person": person}
        for person in persons
        if not addresses.get(str(person.pk))
    ]


def delivery_mode(request: AccessRequest, procedure: Procedure) -> str:
    """As the signed file asks, where the procedure allows it; else what the procedure names first
    of what the portal has."""
    version = RequestVersion.objects.filter(request=request).signed().only("content").newest()
    content = version.content if version is not None else request.content
    asked = request.form.value(content, "delivery_mode")
    modes = procedure.terms.delivery_modes
    if asked in modes:
        return str(asked)
    return next((one for one in modes if is_available(one)), modes[0])


def persons_of(request: AccessRequest) -> list[User]:
    members = RequestMember.objects.current().filter(request=request, has_data_access=True)
    return [member.user for member in members.select_related("user").order_by("added_at", "pk")]


def refusals(ctx: Context) -> Iterator[str]:
    """Why nothing can be opened, in words that say what to do."""
    starts, ends = _period(ctx)
    frame = access_period.frame(ctx.request, ctx.procedure)
    for _field, words in access_period.faults(frame, starts=starts, ends=ends, reason="-"):
        yield words
    people = persons_of(ctx.request)
    if not people:
        yield _("Nommez au moins une personne habilitée.")
    mode = delivery_mode(ctx.request, ctx.procedure)
    if not is_available(mode):
        yield _("L’espace projet n’est pas encore disponible dans ce portail.")
    if mode == DAUGHTER_SYSTEM:
        yield from why_no_addresses(people, ctx.payload)


def _period(ctx: Context) -> tuple[date, date]:
    frame = access_period.frame(ctx.request, ctx.procedure)
    starts = ctx.effective_at.astimezone(PARIS).date()
    longest = frame.latest_end(starts)
    return starts, min(frame.asked_end(starts) or longest, longest)


def wanted(ctx: Context) -> Opened:
    starts, ends = _period(ctx)
    people = tuple(persons_of(ctx.request))
    mode = delivery_mode(ctx.request, ctx.procedure)
    return Opened(mode, starts, ends, people, addresses_of(ctx.payload))


def said(one: Opened) -> dict[str, Any]:
    """What the act keeps of it."""
    return {
        "delivery_mode": one.delivery_mode,
        "starts_on": str(one.starts_on),
        "ends_on": str(one.ends_on),
        "persons": [str(person.pk) for person in one.persons],
        "addresses": dict(one.addresses),
    }


def open_rights(ctx: Context, one: Opened) -> None:
    """The permit, of the act just written."""
    version = ctx.latest_version()
    if version is None:
        raise LookupError("a file in process has a signed version")
    ctx.request.delivery_mode = one.delivery_mode
    permit = creating.create_version(
        ctx.request,
        ctx.the_act,
        version=version,
        delivery_mode=one.delivery_mode,
        starts_at=datetime.combine(one.starts_on, time.min, tzinfo=PARIS),
        expires_at=end_of_day(one.ends_on),
        persons=one.persons,
        addresses=one.addresses,
    )
    ctx.scratch["granted"] = permit
    ctx.after_commit.append(lambda: creating.hint(permit.request_id))


def announce(ctx: Context) -> None:
    """To those who get an access, and to the team, where the act opened rights by itself."""
    permit = ctx.scratch.get("granted")
    if permit is None:
        return
    notices.RightsOpened.tell_apart(
        recipients.named(ctx.request),
        recipients.team(ctx.request),
        ctx.request,
        due=permit.expires_at,
    )
