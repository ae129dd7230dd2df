"""Whether a person has a part in any file at all: which rules of the applicant's side can apply."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BooleanField, CharField, QuerySet, Value

from portal.accounts.models import Membership, User
from requests_app.models import RequestMember, RequestVersion
from requests_app.rights import duties
from requests_app.rights.kept import kept_until_written


@dataclass(frozen=True, slots=True)
class PartsHeld:
    """Qualities the person has in some file, whichever; `signs`: for some organisation."""

    kinds: frozenset[str] = frozenset()
    has_data: bool = False
    signed: bool = False
    signs: bool = False


NONE: Final = PartsHeld()


def of(user: User) -> PartsHeld:
    """Each of them is a tie: whoever has no tie is asked nothing more."""
    return kept_until_written(
        user, "parts_held", lambda: _read(user) if duties.ties_of(user).files else NONE
    )


def _read(user: User) -> PartsHeld:
    places = RequestMember.objects.current().filter(user=user)
    rows = _named(RequestVersion.objects.filter(signed_by=user), "signed").union(
        _named(Membership.objects.signing().filter(user=user), "signs"),
        places.order_by().values_list("kind", "has_data_access"),
    )
    found = set(rows)
    kinds = frozenset(kind for kind, _access in found)
    return PartsHeld(
        kinds=kinds & frozenset(RequestMember.Kind.values),
        has_data=any(access for _kind, access in found),
        signed="signed" in kinds,
        signs="signs" in kinds,
    )


def _named(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    return rows.order_by().values_list(
        Value(name, output_field=CharField()), Value(False, output_field=BooleanField())
    )
