"""The key in a real browser: asked again, shown once, never twice."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from requests_app.models import Workspace
from tests.requests_app.provisioning import world
from tests.requests_app.provisioning.conftest import player, quick  # noqa: F401 (a fixture)
from tests.requests_app.provisioning.fake import FakeBackend


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_is_shown_once_and_asked_again(
    page: Page,
    live_server: LiveServer,
    login: Callable[..., None],
    accessible: Callable[[], None],
    no_console_errors: list[str],
) -> None:
    """Browsers send an Origin that scripts do not: what CSRF and Referrer-Policy make of it."""
    backend = FakeBackend()
    play: Callable[..., Workspace] = player(lambda: backend)
    workspace = play(world.study())
    grant: Any = workspace.grants.get()
    login(grant.person, verified=True)
    secrets = []
    for _time in range(2):
        page.goto(f"{live_server.url}/mes-acces/")
        accessible()
        page.get_by_role("link", name="Afficher la clé").click()
        accessible()
        page.get_by_role("button", name="Afficher la clé").click()
        accessible()
        secrets.append(page.locator("#secret-key").inner_text())
        page.reload()  # the browser asks to send again: the same answer to a second demand
        assert secrets[-1] not in page.content()
        page.goto(f"{live_server.url}/mes-acces/")
        assert "Votre clé a été affichée" in page.inner_text("main")
        page.get_by_role("link", name="Renouveler la clé").click()
        accessible()
        page.get_by_role("button", name="Renouveler la clé").click()
        assert "se prépare" in page.inner_text("main article")
        assert page.get_by_role("link", name="Renouveler la clé").count() == 0
        accessible()
        play(workspace)
    assert len(set(secrets)) == 2
    assert {key.secret_key for key in backend.keys.values()}.isdisjoint(secrets)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_of_the_key_keeps_to_its_screen(
    width: int, page: Page, live_server: LiveServer, login: Callable[..., None]
) -> None:
    backend = FakeBackend()
    grant: Any = player(lambda: backend)(world.study()).grants.get()
    login(grant.person, verified=True)
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{live_server.url}/mes-acces/{grant.pk}/afficher/")
    page.get_by_role("button", name="Afficher la clé").click()
    assert page.locator("#secret-key").inner_text()
    assert not page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
