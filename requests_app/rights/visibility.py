"""Who sees which parts of a request: one list of rules, read as sets and as an object's answer.

Each rule is a condition in SQL on `AccessRequest` and the parts it opens. `parts_visible()`
evaluates the conditions on one row, the `…_visible_to()` querysets on all: they cannot differ by
construction, and a property test compares both with the rules written a second time in Python.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from portal.accounts.models import DeclarationOfInterests, Membership, Organisation, Role, User
from portal.accounts.roles import has_role, organisations_of, scopes
from requests_app.models import (
    AccessRequest,
    Act,
    InterestDeclaration,
    Opinion,
    Permit,
    ReasonedAccess,
    RequestDataset,
    RequestMember,
    RequestState,
    RequestVersion,
    Stage,
    StageState,
)
from requests_app.procedures import file_parts, kinds
from requests_app.procedures.kind import Trait
from requests_app.rights import duties, parts_held
from requests_app.rights.kept import kept_for_pages, kept_until_written
from requests_app.rights.parts_held import PartsHeld


Person = User | AnonymousUser
Condition = Q | Exists | Combinable
Kind = RequestMember.Kind

# Parts of a file by their names, which forms give too.
CARD: Final = file_parts.CARD
FILE: Final = file_parts.FILE
COURSE: Final = file_parts.COURSE
ALL_PARTS: Final = file_parts.PARTS
_COMMITTEES: Final = kinds.having(Trait.OF_COMMITTEE)
_OPINIONS: Final = kinds.having(Trait.GIVES_OPINION)
TEAM_KINDS: Final = (Kind.INVESTIGATOR, Kind.EDITOR)


@dataclass(frozen=True, slots=True)
class Rule:
    """`applicant_side`: holds even for a member who withdrew (their own file stays theirs).

    `quality`: in which a rule of an office opens the file; on their own, only the card is left.
    """

    name: str
    condition: Condition
    parts: frozenset[str]
    applicant_side: bool = False
    quality: str = ""


def _members(**conditions: object) -> Exists:
    return Exists(RequestMember.objects.current().filter(request=OuterRef("pk"), **conditions))


def _stages(**conditions: object) -> Exists:
    return Exists(Stage.objects.filter(request=OuterRef("pk"), **conditions))


def _begun(**conditions: object) -> Exists:
    """A stage that has opened: running, paused or done."""
    return _stages(state__in=[StageState.RUNNING, StageState.PAUSED, StageState.DONE], **conditions)


_DEPOSITED = Q(number__isnull=False)
# A condition without terms: every request. Only `_any()` and `_either()` join it to another, since
# Django takes an empty Q for nothing said.
_EVERY: Final = Q()
_NONE: Final = Q(pk__in=[])


def _applicant_rules(user: User) -> Iterator[Rule]:
    """Those that can apply: whoever has no part in any file is asked nothing of it."""
    held = parts_held.of(user)
    if held.kinds.intersection(TEAM_KINDS):
        team = _members(user=user, kind__in=TEAM_KINDS)
        yield Rule("team", team, FILE | COURSE | {"version_to_sign", "tasks"}, applicant_side=True)
        given = Q(team) & Q(Exists(Opinion.objects.filter(request=OuterRef("pk"))))
        yield Rule("team_after_opinion", given, frozenset({"opinion"}), applicant_side=True)
        # what holders said, not while a committee has still to speak
        waited = [StageState.PENDING, StageState.RUNNING, StageState.PAUSED]
        all_given = given & ~Q(_stages(kind__in=_OPINIONS, state__in=waited))
        remarks = frozenset({"remarks"})
        yield Rule("team_after_every_opinion", all_given, remarks, applicant_side=True)
    if Kind.NAMED in held.kinds:
        named = _members(user=user, kind=Kind.NAMED)
        yield Rule("named_person", named, CARD | {"own_grant"}, applicant_side=True)
    if held.has_data:
        access = _members(user=user, has_data_access=True)
        yield Rule("own_access", access, CARD | {"own_grant"}, applicant_side=True)
    if Kind.REPRESENTATIVE in held.kinds:
        represents = _members(user=user, kind=Kind.REPRESENTATIVE)
        yield Rule("representative", represents, CARD | {"version_to_sign"}, applicant_side=True)
    yield from _signing_rules(user, held)


def _signing_rules(user: User, held: PartsHeld) -> Iterator[Rule]:
    versions = RequestVersion.objects.filter(request=OuterRef("pk"))
    signing = Membership.objects.signing().filter(user=user).values("organisation")
    readable = [Q(Exists(versions.filter(signed_by=user)))] if held.signed else []
    if held.signs:
        awaiting = versions.unsigned()
        readable.append(Q(organisation__in=signing) & Q(Exists(awaiting)))
    if readable:
        either = reduce(or_, readable)
        yield Rule("signatory", either, CARD | {"version_to_sign"}, applicant_side=True)
    if held.signs:
        # asked for a signature once: what the messages about it lead to stays there
        asked = Q(organisation__in=signing) & Q(Exists(versions))
        yield Rule("asked_signatory", asked, CARD, applicant_side=True)


def _site_rules(user: User) -> Iterator[Rule]:
    if has_role(user, Role.SECRETARIAT):
        yield Rule("secretariat", _DEPOSITED, ALL_PARTS - {"full_log", "own_grant", "own_remark"})
        # not deposited yet: what it takes to compare the paper with the version
        to_check = Q(state=RequestState.SIGNATURE_CHECK)
        yield Rule("secretariat_to_check", to_check, CARD | {"version_to_sign"})
        # compared once, then refused, contested or taken back: the desk still finds the file
        handed_in = Act.objects.filter(request=OuterRef("pk"), code="deposit_paper")
        yield Rule("secretariat_told", Exists(handed_in), CARD)
    if has_role(user, Role.LEGAL_OFFICER):
        yield Rule(
            "legal_officer",
            _DEPOSITED,
            FILE | COURSE | {"remarks", "opinion", "notes", "tasks"},
        )
    if has_role(user, Role.OPERATOR):
        # permit, persons, grants; neither protocol nor opinion
        yield Rule(
            "operator",
            Q(_begun(kind__in=kinds.having(Trait.PREPARES_DATA, Trait.OPENS_ACCESS)))
            | Q(Exists(Permit.objects.filter(request=OuterRef("pk")))),
            CARD | {"persons", "permit", "grants", "timeline"},
            quality="operator",
        )
    if has_role(user, Role.DPO):
        yield Rule("dpo", _DEPOSITED, FILE | COURSE | {"full_log"})
    if has_role(user, Role.AUDITOR):
        yield Rule("auditor", _EVERY, ALL_PARTS)
    if has_role(user, Role.ADMINISTRATOR):
        yield Rule("administrator", _EVERY, frozenset({"status"}))


def _reasoned_rules(user: User) -> Iterator[Rule]:
    """What an administrator opened by a reason, while it lasts: made at each question."""
    if has_role(user, Role.ADMINISTRATOR):
        reasoned = ReasonedAccess.objects.filter(
            request=OuterRef("pk"), user=user, expires_at__gt=timezone.now()
        )
        yield Rule("administrator_with_reason", Exists(reasoned), FILE | COURSE)


def _outside_rules(user: User) -> Iterator[Rule]:
    if holders := scopes(user, Role.HOLDER_REPRESENTATIVE):
        yield Rule(
            "holder",
            _begun(kind__in=kinds.having(Trait.CONSULTS_HOLDERS), holder__in=holders),
            CARD | {"summary", "purpose", "persons", "specification", "own_remark"},
            quality="holder",
        )
    if officers := scopes(user, Role.MAIN_BASE_OFFICER):
        main_base = RequestDataset.objects.filter(
            request=OuterRef("pk"),
            dataset__kind="main_base",
            dataset__holder__organisation__in=officers,
        )
        yield Rule(
            "main_base_officer",
            # authorised files: the convention is due or signed (A33b)
            Q(Exists(main_base)) & Q(_begun(kind__in=kinds.having(Trait.AGREES))),
            FILE | {"opinion", "permit", "grants", "timeline"},
            quality="main_base_officer",
        )
    if committees := _committees(user):
        referred = _begun(kind__in=_COMMITTEES, committee__in=committees)
        yield Rule("committee_card", referred, CARD)
        declared = InterestDeclaration.objects.filter(
            request=OuterRef("pk"), member=user, answer=InterestDeclaration.Answer.NONE
        )
        cleared = Q(referred) & Q(Exists(declared))
        yield Rule(
            "committee",
            cleared,
            FILE | {"timeline", "remarks", "reports", "opinion", "committee"},
        )
        if presided := scopes(user, Role.PRESIDENT):
            yield Rule(
                "president",
                Q(_begun(kind__in=_COMMITTEES, committee__in=presided)) & Q(Exists(declared)),
                frozenset({"interests"}),
            )


def _committees(user: Person) -> frozenset[UUID]:
    return scopes(user, Role.PRESIDENT) | scopes(user, Role.COMMITTEE_MEMBER)


def tied_organisations(user: User) -> frozenset[UUID]:
    """Organisations a committee member is tied to: memberships and declared interests (A14)."""
    declared = DeclarationOfInterests.objects.filter(user=user, organisations__isnull=False)
    ids = organisations_of(user) | frozenset(declared.values_list("organisations", flat=True))
    if not ids:
        return ids
    return frozenset(
        Organisation.objects.filter(pk__in=ids)
        .exclude(kind=Organisation.Kind.COMMITTEE)
        .values_list("pk", flat=True)
    )


def conflict(user: User) -> Condition | None:
    """Condition of the requests hidden from a committee member (A14); None for anyone else.

    Withdrawn (by themselves, the president or the machine), of an organisation of the file, or in
    its team. It hides the request in every other quality too, the applicant's side excepted.
    """
    return kept_for_pages(user, "conflict", lambda: _conflict(user))


def _conflict(user: User) -> Condition | None:
    withdrew = InterestDeclaration.objects.filter(
        request=OuterRef("pk"), member=user, answer=InterestDeclaration.Answer.WITHDRAWN
    )
    committees = _committees(user)
    if not committees:
        # A former member stays withdrawn from what they withdrew from.
        return Exists(withdrew) if duties.ever_declared(user) else None
    tied = tied_organisations(user)
    colleague = _members(
        user__memberships__organisation__in=tied,
        user__memberships__confirmed_at__isnull=False,
        user__memberships__ended_at__isnull=True,
    )
    link = Q(organisation__in=tied) | Q(colleague) | Q(_members(user=user))
    return Q(Exists(withdrew)) | (Q(_stages(kind__in=_COMMITTEES, committee__in=committees)) & link)


def hidden_requests(user: User) -> QuerySet[AccessRequest] | None:
    """Requests a committee member may no longer hear of, their own files excepted; None when there
    are none to hide."""
    hidden = conflict(user)
    if hidden is None:
        return None
    own = RequestMember.objects.current().filter(user=user).values("request")
    return AccessRequest.objects.filter(Q(hidden)).exclude(pk__in=own)


def rules(user: Person) -> list[Rule]:
    """Rules that open something to a person; none for a visitor or an inactive account.

    An office opens less on the person's own file (`_left`), and nothing where they withdrew.
    """
    if not isinstance(user, User) or not user.is_active:
        return []
    lasting = kept_until_written(
        user, "rules", lambda: (*_applicant_rules(user), *_site_rules(user), *_outside_rules(user))
    )
    return [*lasting, *_reasoned_rules(user)]


def sees_every(
    user: Person, wanted: frozenset[str] = frozenset(), *, deposited: bool = False
) -> bool:
    """Whether a role opens one of the parts (any when none is named) of each request, or of each
    deposited one, the person's own included, and nothing is hidden from them."""
    if not isinstance(user, User) or not user.is_active:
        return False
    enough = (_EVERY, _DEPOSITED) if deposited else (_EVERY,)
    opens = (one for one in _site_rules(user) if one.condition in enough)
    return any(_left(one) & (wanted or CARD) for one in opens) and conflict(user) is None


def _left(rule: Rule) -> frozenset[str]:
    """What an office opens on the person's own file: the card."""
    return rule.parts if rule.applicant_side else rule.parts & CARD


def requests_with(user: Person, *parts: str) -> QuerySet[AccessRequest]:
    """Requests of which the person sees at least one of the parts (any part when none is named)."""
    wanted = frozenset(parts)
    if sees_every(user, wanted):
        return AccessRequest.objects.all()
    mine = rules(user)

    def opening(some: Iterable[Rule], shows: Callable[[Rule], frozenset[str]]) -> list[Rule]:
        return [one for one in some if (shows(one) & wanted if wanted else shows(one))]

    total = _any(opening((one for one in mine if one.applicant_side), _left))
    office = [one for one in mine if not one.applicant_side]
    seen = _NONE
    for quality in sorted({one.quality for one in office}):
        group = [one for one in office if one.quality == quality]
        card, whole = opening(group, _left), opening(group, lambda one: one.parts)
        seen = _either(seen, _any(card))
        known = {one.name for one in card}
        if seen != _EVERY and (beyond := [one for one in whole if one.name not in known]):
            apart = duties.set_apart(user, quality)  # type: ignore[arg-type]
            seen = _either(seen, _any(beyond) & ~apart)
    if office and (hidden := conflict(user)) is not None:  # type: ignore[arg-type]
        seen &= ~Q(hidden)
    return AccessRequest.objects.filter(_either(total, seen))


def requests_with_each(user: Person, parts: Iterable[str]) -> QuerySet[AccessRequest]:
    """Requests of which the person sees each of the parts."""
    mine = rules(user)
    # Parts that the same rules open are asked once; the card last, of which an office leaves more.
    by_rules: dict[frozenset[str], str] = {}
    for part in sorted(parts, key=lambda part: (part in CARD, part)):
        by_rules.setdefault(frozenset(one.name for one in mine if part in one.parts), part)
    found = AccessRequest.objects.all()
    for part in by_rules.values():
        found = found.filter(pk__in=requests_with(user, part))
    return found


def _either(one: Q, other: Q) -> Q:
    return _EVERY if _EVERY in (one, other) else one | other


def _any(found: Iterable[Rule]) -> Q:
    conditions = (rule.condition for rule in found)
    return reduce(_either, (one if isinstance(one, Q) else Q(one) for one in conditions), _NONE)


def parts_visible(user: Person, request: AccessRequest) -> frozenset[str]:
    """Parts of one request that the person sees; empty: the request does not exist for them."""
    if request.pk is None or not rules(user):
        return frozenset()
    found = with_parts(user, AccessRequest.objects.filter(pk=request.pk).only("pk"))
    return found[1] if found is not None else frozenset()


def with_parts(
    user: Person, one: QuerySet[AccessRequest]
) -> tuple[AccessRequest, frozenset[str]] | None:
    """One request and the parts of it that the person sees, in one statement; None when it does not
    exist for them."""
    mine = rules(user)
    if not isinstance(user, User) or not mine:
        return None
    asked: dict[str, Condition] = {
        f"rule_{n}": rule.condition for n, rule in enumerate(mine) if rule.condition != _EVERY
    }
    hidden = conflict(user) if any(not rule.applicant_side for rule in mine) else None
    if hidden is not None:
        asked["hidden"] = hidden
    flags = {
        name: Case(
            When(Q(condition), then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        )
        for name, condition in asked.items()
    }
    request = one.annotate(**flags).first()
    if request is None:
        return None
    found: set[str] = set()
    for number, rule in enumerate(mine):
        if getattr(request, f"rule_{number}", True):
            if rule.applicant_side:
                found |= rule.parts
            elif not getattr(request, "hidden", False):
                # asked only where the office has more than the card to lose
                own = rule.parts - CARD and duties.apart(user, request, rule.quality)
                found |= _left(rule) if own else rule.parts
    return (request, frozenset(found)) if found else None
