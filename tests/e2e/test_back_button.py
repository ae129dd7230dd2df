"""The back button on a shared machine, with the browser's back/forward cache as people have it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright
from pytest_django.live_server_helper import LiveServer

from tests.e2e.conftest import CHROMIUM
from tests.support.client import client_for
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ordinary(playwright: Playwright) -> Iterator[Page]:
    """A page of a browser whose back/forward cache is on: Playwright turns it off."""
    with playwright.chromium.launch(
        executable_path=CHROMIUM,
        headless=True,
        ignore_default_args=["--disable-back-forward-cache"],
        args=["--disable-dev-shm-usage", "--disable-gpu"],
    ) as browser:
        yield browser.new_page(locale="fr-FR")


def sign_in(page: Page, user: Any, url: str) -> None:
    value = client_for(user).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": value, "url": url}])


def go_back(page: Page) -> None:
    """A page that comes back from memory is not loaded again: no load event to wait for."""
    page.go_back(wait_until="commit")
    page.wait_for_function("document.readyState === 'complete'")


def from_memory(page: Page) -> bool:
    """Whether the page shown came out of the back/forward cache."""
    return bool(page.evaluate("window.cameBack === true"))


WATCH = "addEventListener('pageshow', e => { window.cameBack = e.persisted })"


def test_after_logout_the_back_button_shows_nothing(
    ordinary: Page, live_server: LiveServer
) -> None:
    catalogue()
    alix = person("alix", of=organisation("univ"))
    file = draft(by=alix, of=organisation("univ"), title="Étude confidentielle")
    page, address = ordinary, f"{live_server.url}/dossiers/{file.pk}/brouillon/"
    page.add_init_script(WATCH)
    sign_in(page, alix, live_server.url)
    page.goto(address)
    assert "Étude confidentielle" in page.content()
    page.goto(f"{live_server.url}/aide/")
    page.get_by_role("button", name="Se déconnecter").first.click()
    page.wait_for_load_state()
    for _step in range(2):
        go_back(page)
        assert "Étude confidentielle" not in page.content()
    assert "connexion" in page.url


def test_the_cache_is_on_in_this_browser(ordinary: Page, live_server: LiveServer) -> None:
    """Otherwise the test above could not fail: public pages of nobody do come back from it."""
    page = ordinary
    page.add_init_script(WATCH)
    page.goto(f"{live_server.url}/aide/")
    page.goto(f"{live_server.url}/mentions-legales/")
    go_back(page)
    assert from_memory(page)
