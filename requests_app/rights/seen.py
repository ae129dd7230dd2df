"""Conditions on rows that belong to a request: whether the person sees that request at all."""

from django.db.models import Q

from requests_app.models import RequestVersion
from requests_app.rights.visibility import Person, requests_with, sees_every


def seen_at(user: Person, at: str) -> Q:
    """For any row; `at`: the path to its request, "pk" for the request itself."""
    if not sees_every(user):
        return Q(**{f"{at}__in": requests_with(user).order_by().values("pk")})
    return Q() if at == "pk" else Q(**{f"{at}__isnull": False})


def deposited_seen(user: Person, at: str) -> Q:
    """For rows that only a deposited request has: an open stage, a task. Whoever sees each
    deposited request needs no more."""
    if sees_every(user, deposited=True):
        return Q(**{f"{at}__number__isnull": False})
    return seen_at(user, at)


def version_seen(user: Person, version: RequestVersion, parts: frozenset[str]) -> bool:
    """Whether whoever sees these parts of its file opens this version: who signs, the one that
    waits for it and those they signed. Its page's links ask the same."""
    mine = version.status in RequestVersion.UNSIGNED or version.signed_by_id == user.pk
    return "versions" in parts or ("version_to_sign" in parts and mine)
