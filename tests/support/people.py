"""People and organisations for tests: short, fictitious."""

import itertools
from typing import Any

from django.utils import timezone

from portal.accounts.models import Membership, Organisation, Role, RoleAssignment, User


_numbers = itertools.count(1)
PASSWORD = "phrase-de-passe-longue-42"


def a_person(username: str = "", *, password: str = "", **fields: Any) -> User:
    """A person with a confirmed address."""
    username = username or f"personne{next(_numbers)}"
    values = {
        "email": f"{username}@exemple.fr",
        "first_name": username.capitalize(),
        "last_name": "Martin",
        "email_confirmed_at": timezone.now(),
    } | fields
    user = User(username=username, **values)
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.save()
    return user


def an_organisation(code: str = "", *, kind: str = "applicant", **fields: Any) -> Organisation:
    code = code or f"organisme-{next(_numbers)}"
    return Organisation.objects.create(
        code=code, name=fields.pop("name", f"Organisme {code}"), kind=kind, **fields
    )


def a_member(
    organisation: Organisation,
    user: User | None = None,
    *,
    confirmed: bool = True,
    manager: bool = False,
    signs: bool = False,
    asks_to_sign: bool = False,
) -> Membership:
    now = timezone.now()
    return Membership.objects.create(
        user=user or a_person(),
        organisation=organisation,
        confirmed_at=now if confirmed else None,
        is_manager=manager,
        asks_to_sign=asks_to_sign or signs,
        can_sign_since=now if signs else None,
    )


def with_role(role: Role, user: User | None = None, scope: Organisation | None = None) -> User:
    user = user or a_person()
    RoleAssignment.objects.create(user=user, role=role, scope=scope)
    return user
