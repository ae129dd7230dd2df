"""Person by file: whoever made a file, signs it or will use its data never rules on it.

One list of ties, each a condition in SQL between a request and a person. It is read three ways: the
requests from which a person stands apart (`set_apart`), the people who stand apart from a request
(`people_apart`), and one pair, with the tie in words (`apart`). Rights, pages, inbox and notices
ask here, so that they cannot differ. What the applicant's side does on its own file is no concern
of these rules.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet
from django.db.models.expressions import Exists, RawSQL
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Invitation, Membership, Role, RoleAssignment, User
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    Piece,
    RequestMember,
    RequestVersion,
)
from requests_app.rights import kept
from requests_app.rights.kept import kept_for_pages


Kind = RequestMember.Kind

# Qualities of the applicant's side: theirs on their own file, whatever else they are.
APPLICANT_SIDE: Final = frozenset({"team", "signatory", "investigator"})
HOLDERS: Final = frozenset({"holder", "main_base_officer"})
OPERATORS: Final = frozenset({"operator", "main_base_officer"})


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows that each tie one person to one request, and the columns that name them."""

    rows: Callable[[], QuerySet[Any]]
    request: str = "request"
    user: str = "user"

    def of(self, *, request: object = None, user: object = None) -> QuerySet[Any]:
        """Rows of one request, of one person, or of both; all of them when neither is given."""
        found = self.rows()
        if user is not None:
            found = found.filter(**{self.user: user})
        return found.filter(**{f"{self.request}__isnull": False} | _given(self.request, request))


def _given(column: str, value: object) -> dict[str, object]:
    return {} if value is None else {column: value}


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties a person to a file. `qualities` empty: it bars all but the applicant's side."""

    code: str
    said: str | Promise
    pairs: tuple[Pairs, ...]
    qualities: frozenset[str] = frozenset()

    def bars(self, quality: str) -> bool:
        """Whether it keeps its person from acting in this quality on the file."""
        return not self.qualities or quality in self.qualities


def _placed(*kinds: str) -> Pairs:
    return Pairs(lambda: RequestMember.objects.current().filter(kind__in=kinds))


def _was_placed() -> QuerySet[RequestMember]:
    """To leave the team a minute before changes nothing: a place held once anything was frozen
    counts. Whoever left a draft before, without having written it, has no part in what is examined.
    """
    frozen = RequestVersion.objects.filter(
        request=OuterRef("request"), frozen_at__lte=OuterRef("removed_at")
    )
    return RequestMember.objects.filter(Exists(frozen), removed_at__isnull=False)


def _belonging() -> QuerySet[Membership]:
    """Confirmed memberships of the applicant's organisation, at any time since the file exists."""
    since = Q(ended_at__isnull=True) | Q(
        ended_at__gte=F("organisation__access_requests__created_at")
    )
    return Membership.objects.filter(since, confirmed_at__isnull=False)


def _representing() -> QuerySet[RoleAssignment]:
    return RoleAssignment.objects.active().filter(
        role__in=[Role.HOLDER_REPRESENTATIVE, Role.MAIN_BASE_OFFICER]
    )


_OF_ORGANISATION: Final = "organisation__access_requests"

TIES: Final = (
    Tie(
        "team",
        gettext_lazy("Vous êtes de l’équipe de ce dossier"),
        (_placed(Kind.INVESTIGATOR, Kind.EDITOR),),
    ),
    Tie(
        "named",
        gettext_lazy("Vous êtes une personne habilitée de ce dossier"),
        (
            _placed(Kind.NAMED),
            Pairs(lambda: RequestMember.objects.current().filter(has_data_access=True)),
        ),
    ),
    Tie(
        "representative",
        gettext_lazy("Vous êtes représentant légal dans ce dossier"),
        (_placed(Kind.REPRESENTATIVE),),
    ),
    Tie(
        "signed",
        gettext_lazy("Vous avez signé ce dossier"),
        (Pairs(RequestVersion.objects.all, user="signed_by"),),
    ),
    Tie(
        "may_sign",
        gettext_lazy("Vous pouvez signer pour l’organisme demandeur"),
        (
            Pairs(
                lambda: _belonging().filter(can_sign_since__isnull=False),
                request=_OF_ORGANISATION,
            ),
        ),
    ),
    Tie("past", gettext_lazy("Vous avez été de l’équipe de ce dossier"), (Pairs(_was_placed),)),
    Tie(
        "wrote",
        gettext_lazy("Vous avez préparé ce dossier"),
        (
            Pairs(AccessRequest.objects.all, request="pk", user="created_by"),
            Pairs(AccessRequest.objects.all, request="pk", user="content_edited_by"),
            Pairs(RequestVersion.objects.all, user="frozen_by"),
            Pairs(Piece.objects.all, user="file__uploaded_by"),
        ),
    ),
    Tie(
        "colleague",
        gettext_lazy("Vous appartenez à l’organisme demandeur"),
        (
            Pairs(_belonging, request=_OF_ORGANISATION),
            # the applicant is a holder too, and this is who represents it
            Pairs(_representing, request="scope__access_requests"),
        ),
        HOLDERS,
    ),
)


# --- Invited, not there yet -----------------------------------------------------------------------

# It bars whoever opens access, and nobody else: an applicant would otherwise choose who judges the
# file by inviting the others. Whoever ruled meanwhile may not accept (`permissions.has_ruled`).
INVITED: Final = Tie(
    "invited", gettext_lazy("Vous êtes invité à accéder aux données de ce dossier"), (), OPERATORS
)


def _invitations() -> QuerySet[Any]:
    return (
        Invitation.objects.open()
        .filter(kind=Invitation.Kind.NAMED_PERSON, request_id__isnull=False)
        .annotate(address=Lower("email"))
    )


# --- Three readings -------------------------------------------------------------------------------

_SOMEONE: Final = UUID(int=1)
_SOMETHING: Final = UUID(int=2)


@cache
def _compiled(tie: Tie, *, one_request: bool, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The requests of someone by a tie, as SQL: built once, since every page asks several times.

    `_SOMEONE` and `_SOMETHING` stand among the parameters for the person and the request.
    """
    texts: list[str] = []
    given: list[Any] = []
    for pairs in tie.pairs:
        rows = pairs.of(user=_SOMEONE, request=_SOMETHING if one_request else None)
        sql, params = rows.order_by().values(pairs.request).query.sql_with_params()
        texts.append(sql)
        given += params
    return " UNION ALL ".join(texts), tuple(given)


def _sql(tie: Tie, user: User, request: AccessRequest | None = None) -> tuple[str, list[Any]]:
    sql, params = _compiled(tie, one_request=request is not None, vendor=connection.vendor)
    real = {_SOMEONE: user.pk, _SOMETHING: request.pk if request is not None else None}
    # as the database adapter wrote them: a UUID, or its 32 digits
    stand_ins: dict[Any, Any] = {**real, **{k.hex: v.hex for k, v in real.items() if v}}
    return sql, [stand_ins.get(one, one) for one in params]


def _union(user: User, ties: Iterable[Tie]) -> tuple[str, list[Any]]:
    texts: list[str] = []
    given: list[Any] = []
    for tie in ties:
        sql, params = _sql(tie, user)
        texts.append(sql)
        given += params
    return " UNION ALL ".join(texts), given


@dataclass(frozen=True, slots=True)
class Ties:
    """Whether the person has any tie to any file, and whether they ever declared interests."""

    files: bool
    declared: bool


def ties_of(user: User) -> Ties:
    """Asked once a request: hardly anyone of the desk has a tie, and every page asks of them."""
    return kept_for_pages(user, "ties", lambda: _ties(user))


def _ties(user: User) -> Ties:
    sql, given = _union(user, TIES)
    mine = InterestDeclaration.objects.filter(member=user).order_by().values("pk")
    declared, more = mine.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({sql}), EXISTS ({declared})", [*given, *more])
        return Ties(*map(bool, cursor.fetchone()))


def ever_declared(user: User) -> bool:
    """Whether the person ever declared interests on a file. Inside a transaction nothing is kept:
    this is then asked alone."""
    if kept.in_transaction():
        return InterestDeclaration.objects.filter(member=user).exists()
    return ties_of(user).declared


def set_apart(user: User, quality: str = "", *, at: str = "pk") -> Q:
    """Requests on which the person may not act in a quality; `at`: the column of their id."""
    found = Q(pk__in=[])
    if ties_of(user).files:
        sql, given = _union(user, (tie for tie in TIES if tie.bars(quality)))
        found = Q(**{f"{at}__in": RawSQL(sql, given)})  # noqa: S611 - the ORM's own SQL
    if INVITED.bars(quality):
        mine = _invitations().filter(address=user.email.lower()).values("request_id")
        found |= Q(**{f"{at}__in": mine})
    return found


@cache
def _people_sql(tie: Tie, *, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The people tied to something, as SQL: built once, as `_compiled` is."""
    texts: list[str] = []
    given: list[Any] = []
    for pairs in tie.pairs:
        rows = pairs.of(request=_SOMETHING).filter(**{f"{pairs.user}__isnull": False})
        sql, params = rows.order_by().values(pairs.user).query.sql_with_params()
        texts.append(sql)
        given += params
    return " UNION ALL ".join(texts), tuple(given)


def _apart_from(request: AccessRequest, quality: str) -> Q:
    """Condition on people, with their `address`, that sets them apart from the request."""
    stand_ins = {_SOMETHING: request.pk, _SOMETHING.hex: request.pk.hex}
    texts: list[str] = []
    given: list[Any] = []
    for tie in TIES:
        if tie.bars(quality):
            sql, params = _people_sql(tie, vendor=connection.vendor)
            texts.append(sql)
            given += [stand_ins.get(one, one) for one in params]
    found = Q(pk__in=RawSQL(" UNION ALL ".join(texts), given))  # noqa: S611 - the ORM's own SQL
    if INVITED.bars(quality):
        invited = _invitations().filter(request_id=request.pk)
        found |= Q(address__in=invited.values("address"))
    return found


def people_apart(request: AccessRequest, quality: str = "") -> QuerySet[User]:
    """People who may not act on the request in a quality: the same ties, from the other side."""
    people = User.objects.alias(address=Lower("email"))
    return people.filter(_apart_from(request, quality))


def apart(user: User, request: AccessRequest, quality: str = "") -> Tie | None:
    """The first tie that bars the person in a quality on this request, None when none does."""
    if quality in APPLICANT_SIDE:
        return None
    # most qualities are barred by the same ties: a page asks them of the database once
    mine = tuple(tie for tie in (*TIES, INVITED) if tie.bars(quality))
    name = f"apart {request.pk} {' '.join(tie.code for tie in mine)}"
    return kept_for_pages(user, name, lambda: _first(user, request, mine))


def _first(user: User, request: AccessRequest, ties: Sequence[Tie]) -> Tie | None:
    if ties[-1] is not INVITED and not ties_of(user).files:
        return None
    mine = [tie for tie in ties if tie is not INVITED]
    cases, given = [], []
    for number, tie in enumerate(mine):
        sql, params = _sql(tie, user, request)
        cases.append(f"WHEN EXISTS ({sql}) THEN {number}")
        given += params
    if INVITED in ties:
        theirs = _invitations().filter(address=user.email.lower(), request_id=request.pk)
        sql, invited = theirs.order_by().values("pk").query.sql_with_params()
        cases.append(f"WHEN EXISTS ({sql}) THEN {len(mine)}")
        given += invited
        mine.append(INVITED)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CASE {' '.join(cases)} END", given)
        (found,) = cursor.fetchone()
    return None if found is None else mine[found]


_OTHERS: dict[str, str | Promise] = {
    "secretariat": gettext_lazy("un autre membre du secrétariat"),
    "legal_officer": gettext_lazy("un autre juriste"),
    "operator": gettext_lazy("un autre opérateur"),
    "administrator": gettext_lazy("un autre administrateur"),
    "holder": gettext_lazy("un autre représentant du responsable de données"),
    "main_base_officer": gettext_lazy("un autre correspondant de la base principale"),
    "president": gettext_lazy("un autre président du comité"),
    "member": gettext_lazy("un autre membre du comité"),
    "declared_member": gettext_lazy("un autre membre du comité"),
    "rapporteur": gettext_lazy("un autre rapporteur"),
}


def refusal(tie: Tie, quality: str = "") -> str:
    """Why the person may not, and who may instead."""
    other = _OTHERS.get(quality)
    if other is None:
        return _("%(tie)s : cet acte revient à un autre agent.") % {"tie": tie.said}
    return _("%(tie)s : cet acte revient à un autre agent (%(who)s).") % {
        "tie": tie.said,
        "who": other,
    }


def why_apart(user: User, request: AccessRequest, quality: str = "") -> str:
    """The refusal in words, empty when the person may act."""
    tie = apart(user, request, quality)
    return refusal(tie, quality) if tie is not None else ""


_QUALITY_OF: dict[str, str] = {
    Role.HOLDER_REPRESENTATIVE: "holder",
    Role.COMMITTEE_MEMBER: "member",
}


def quality_of(role: Role | str) -> str:
    """The quality in which a role acts on a file."""
    return _QUALITY_OF.get(str(role), str(role))


def without(
    people: QuerySet[User], request: AccessRequest, roles: Collection[Role]
) -> QuerySet[User]:
    """Holders of roles, less those who stand apart from the request in one of them."""
    people = people.alias(address=Lower("email"))
    for quality in sorted({quality_of(role) for role in roles}):
        people = people.exclude(_apart_from(request, quality))
    return people
