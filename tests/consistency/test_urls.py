"""Every address needs a login, unless it is on the short public list below."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.test import Client
from django.urls import URLPattern, URLResolver, converters, get_resolver
from django.urls.resolvers import RegexPattern


pytestmark = pytest.mark.both


# Names (with their namespace) that a person without an account may open.
PUBLIC = {
    "home",
    "help",
    "legal",
    "accessibility",
    "personal_data",
    "health_live",
    "health_ready",
    "accounts:login",
    "accounts:logout",  # POST only; ends a session if there is one
    "accounts:terms",
    "accounts:terms_version",
    "accounts:invitation",
    "accounts:invitation_register",
}
# Rooms that are public as a whole: the catalogue, and what comes before an account or without one.
PUBLIC_PREFIXES = (
    "catalog:",
    "catalog_api:",
    "accounts:register",
    "accounts:password_reset",
    "requests_app:basket",
    "requests_app:orientation",
    "requests_app:register",
)

SAMPLES: dict[type, str] = {
    converters.IntConverter: "1",
    converters.StringConverter: "x",
    converters.SlugConverter: "x",
    converters.PathConverter: "x/y",
    converters.UUIDConverter: str(uuid.UUID(int=7)),
}


def addresses(
    patterns: list[Any], prefix: str = "/", namespace: str = ""
) -> Iterator[tuple[str, str]]:
    """`(name, address)` of every pattern, path parameters filled with harmless values."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, prefix + fill(pattern), inner)
        else:
            name = (
                f"{namespace}{pattern.name}" if pattern.name else f"{namespace}?{pattern.pattern}"
            )
            yield name, prefix + fill(pattern)


def fill(pattern: URLPattern | URLResolver) -> str:
    if isinstance(pattern.pattern, RegexPattern):
        return ""  # the admin's catch-all: its folder stands for it
    text = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        sample = next((v for k, v in SAMPLES.items() if type(converter) is k), None)
        for kind in (f"<{name}>", *(f"<{c}:{name}>" for c in registered())):
            text = text.replace(kind, sample or "x")
    return text


def registered() -> list[str]:
    return list(converters.get_converters())


ALL = sorted(set(addresses(get_resolver().url_patterns)))


def is_public(name: str) -> bool:
    return name in PUBLIC or name.startswith(PUBLIC_PREFIXES)


def asks_for_login(response: Any) -> bool:
    """Refused, or sent to a login page; the page itself showed nothing."""
    if response.status_code in {401, 403}:
        return True
    if response.status_code not in {301, 302}:
        return False
    login = resolve_url(settings.LOGIN_URL)
    return response["Location"].startswith((login, "/admin/login/"))


def test_addresses_are_found() -> None:
    assert len(ALL) > 10
    assert all("<" not in address for _, address in ALL), "unknown path converter: add a sample"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_anonymous_visitor_is_asked_for_a_login(method: str) -> None:
    client = Client(raise_request_exception=False)
    open_to_anybody = {
        f"{name} {address}": response.status_code
        for name, address in ALL
        if not is_public(name)
        if not asks_for_login(response := getattr(client, method)(address))
    }
    assert open_to_anybody == {}


def test_public_list_names_addresses_that_exist() -> None:
    names = {name for name, _ in ALL}
    assert names >= PUBLIC
    assert all(any(name.startswith(prefix) for name in names) for prefix in PUBLIC_PREFIXES)
