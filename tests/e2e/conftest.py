"""Browser tests: Debian's Chromium driven by Playwright, with axe's accessibility rules.

Nothing is downloaded (never `playwright install`): `TEST_CHROMIUM` names the package's binary.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer


CHROMIUM = os.environ.get("TEST_CHROMIUM") or shutil.which("chromium") or ""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Playwright's synchronous API runs an event loop in this thread; Django's ORM is used beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
if CHROMIUM:
    os.environ.setdefault("TEST_CHROMIUM", CHROMIUM)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine("chromium"))
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    # Playwright adds --no-sandbox by itself, which is what lets root run it.
    options = {"executable_path": CHROMIUM, "headless": True}
    return {
        **browser_type_launch_args,
        **options,
        "args": ["--disable-dev-shm-usage", "--disable-gpu"],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "locale": "fr-FR",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 1280, "height": 800},
    }


@pytest.fixture
def axe(page: Page) -> Callable[..., list[dict[str, Any]]]:
    """`axe()`: violations of WCAG 2.2 A and AA on the page as it stands."""
    from axe_playwright_python.sync_playwright import Axe

    def run(**options: Any) -> list[dict[str, Any]]:
        chosen = {"runOnly": {"type": "tag", "values": WCAG}, **options}
        return list(Axe().run(page, options=chosen).response["violations"])

    return run


@pytest.fixture
def accessible(axe: Callable[..., list[dict[str, Any]]], page: Page) -> Callable[[], None]:
    """`accessible()` fails, saying rule and element, when axe finds a violation."""

    def check() -> None:
        found = [
            f"{v['id']} ({v['impact']}): {v['help']}\n    "
            + "\n    ".join(node["html"][:160] for node in v["nodes"][:3])
            for v in axe()
        ]
        assert not found, f"{page.url}\n" + "\n".join(found)

    return check


@pytest.fixture
def no_console_errors(page: Page) -> Iterator[list[str]]:
    """Fails at the end of the test when the console got an error; a CSP refusal is one."""
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield errors
    assert errors == []


@pytest.fixture
def login(page: Page, live_server: LiveServer) -> Callable[..., None]:
    """`login(user, verified=True)`: the browser gets the session of a logged-in client."""
    from tests.support.client import client_for

    def run(user: Any, *, verified: bool = False) -> None:
        cookie = client_for(user, verified=verified).cookies["sessionid"]
        page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )

    return run
