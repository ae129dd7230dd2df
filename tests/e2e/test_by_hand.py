"""What people do on the pages, in Chromium.

They type, lose the network, open two tabs, use the keyboard alone, switch JavaScript off.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from requests_app.models import AccessRequest
from tests.support.client import client_for
from tests.support.factories import World


pytestmark = pytest.mark.django_db(transaction=True)
SAVED = "[data-save-state]"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def purpose(world: World, live_server: LiveServer, login: Callable[..., None]) -> str:
    """Address of the step « finalité » of a draft, its investigator logged in."""
    login(world.investigator)
    return f"{live_server.url}/dossiers/{world.draft().pk}/brouillon/finalite/"


def _summary() -> str:
    return str(AccessRequest.objects.get().content["purpose"].get("summary", ""))


def test_what_is_typed_saves_itself(page: Page, purpose: str) -> None:
    page.goto(purpose)
    page.fill("#id_summary", "Un résumé tapé sans cliquer.")
    expect(page.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    assert _summary() == "Un résumé tapé sans cliquer."


def test_a_lost_network_is_said_and_the_next_save_holds(page: Page, purpose: str) -> None:
    page.goto(purpose)
    cut = [True]

    def through(route: Route) -> None:
        if cut[0] and route.request.method == "POST":
            route.abort()
        else:
            route.continue_()

    page.route("**/brouillon/**", through)
    page.fill("#id_summary", "Tapé pendant la coupure.")
    expect(page.locator(SAVED)).to_contain_text("Enregistrement impossible", timeout=15_000)
    assert _summary() != "Tapé pendant la coupure."
    cut[0] = False
    page.locator("#id_summary").press_sequentially(" Puis après.")
    expect(page.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    assert _summary().endswith("Puis après.")


def test_an_ended_session_keeps_the_page_and_saves_after_login(
    page: Page, purpose: str, world: World, login: Callable[..., None]
) -> None:
    page.goto(purpose)
    page.context.clear_cookies(name="sessionid")
    page.fill("#id_summary", "Tapé après la fin de la session.")
    expect(page.locator(SAVED)).to_contain_text("Votre session est terminée", timeout=15_000)
    page.locator("button.fr-btn--secondary[name=save]").click()  # keeps the page too
    expect(page.locator(SAVED)).to_contain_text("Se reconnecter")
    assert page.input_value("#id_summary") == "Tapé après la fin de la session."
    login(world.investigator)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    assert _summary() == "Tapé après la fin de la session."


def test_a_title_without_a_space_never_widens_the_page(
    page: Page, world: World, live_server: LiveServer, login: Callable[..., None]
) -> None:
    file = world.draft()
    AccessRequest.objects.update(title="x" * 250)
    login(world.investigator)
    page.set_viewport_size({"width": 360, "height": 700})
    for place in (
        f"dossiers/{file.pk}/",
        f"dossiers/{file.pk}/brouillon/",
        f"dossiers/{file.pk}/brouillon/duree/",
        f"dossiers/{file.pk}/brouillon/recapitulatif/",
        f"dossiers/{file.pk}/actes/withdraw/",
        "mes-demandes/",
    ):
        page.goto(f"{live_server.url}/{place}")
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, place
        assert "None" not in page.inner_text("main")


def test_two_tabs_on_one_field_show_both_versions(page: Page, purpose: str) -> None:
    page.goto(purpose)
    other = page.context.new_page()
    other.goto(purpose)
    other.fill("#id_summary", "Version de l’autre onglet.")
    expect(other.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    page.fill("#id_summary", "Version de cet onglet.")
    compare = page.get_by_role("button", name="Comparer les deux versions")
    expect(compare).to_be_visible(timeout=15_000)
    assert _summary() == "Version de l’autre onglet."
    compare.click()
    expect(page.locator("main table")).to_contain_text("Version de cet onglet.")
    expect(page.locator("main table")).to_contain_text("Version de l’autre onglet.")
    assert page.input_value("#id_summary") == "Version de cet onglet."
    page.locator("main .portal-save").get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.locator("main")).to_contain_text("L’étape est enregistrée.")
    assert _summary() == "Version de cet onglet."


def test_two_tabs_on_two_fields_keep_both(page: Page, purpose: str) -> None:
    page.goto(purpose)
    other = page.context.new_page()
    other.goto(purpose)
    other.fill("#id_objectives", "Objectif de l’autre onglet.")
    expect(other.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    page.fill("#id_summary", "Résumé de cet onglet.")
    expect(page.locator(SAVED)).to_contain_text("Enregistré à", timeout=15_000)
    content = AccessRequest.objects.get().content["purpose"]
    assert content["summary"] == "Résumé de cet onglet."
    assert content["objectives"] == "Objectif de l’autre onglet."


def test_found_and_selected_by_keyboard_alone(
    page: Page, live_server: LiveServer, world: World
) -> None:
    """The skip link comes first, focus is seen, a base is put in the selection without a mouse."""
    page.goto(live_server.url + "/bases/base-a/")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    assert first == "#contenu"
    seen = []
    for _step in range(60):
        page.keyboard.press("Tab")
        label = page.evaluate("document.activeElement.textContent.trim()")
        outline = page.evaluate(
            "(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none')"
            "(getComputedStyle(document.activeElement))"
        )
        assert outline, f"no visible focus on « {label} »"
        seen.append(label)
        if label.startswith("Ajouter à ma sélection"):
            break
    else:
        pytest.fail(f"never reached the button: {seen}")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(live_server.url + "/ma-selection/")
    expect(page.locator("main")).to_contain_text(world.base_a.title_fr)


def test_a_draft_is_filled_in_without_javascript(
    browser: Browser, live_server: LiveServer, world: World
) -> None:
    draft = world.draft()
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    cookie = client_for(world.investigator).cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/dossiers/{draft.pk}/brouillon/finalite/")
    page.fill("#id_summary", "Rempli sans script.")
    page.get_by_role("button", name="Enregistrer et continuer").click()
    assert page.url.endswith("/brouillon/finalites-interdites/")
    assert _summary() == "Rempli sans script."
    page.goto(f"{live_server.url}/dossiers/{draft.pk}/brouillon/duree/")
    page.fill("#id_months", "9999")
    page.get_by_role("button", name="Enregistrer", exact=True).last.click()
    expect(page.locator(".portal-errors")).to_be_visible()
    assert page.input_value("#id_months") == "9999"
    context.close()


COVERED = """() => {
  const bar = document.querySelector('.portal-save'), on = document.activeElement;
  if (!bar || bar.contains(on) || on === document.body) return '';
  const a = on.getBoundingClientRect(), b = bar.getBoundingClientRect();
  return a.top >= b.top && a.top < b.bottom ? (on.id || on.outerHTML.slice(0, 80)) : '';
}"""


@pytest.mark.parametrize("height", [800, 720])
def test_the_saving_bar_never_covers_what_has_the_focus(
    height: int, page: Page, purpose: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(purpose.replace("finalite", "parties"))
    hidden = []
    for _press in range(70):
        page.keyboard.press("Tab")
        if found := page.evaluate(COVERED):
            hidden.append(found)
    assert hidden == []
