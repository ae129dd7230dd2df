"""Pages in Chromium: accessible, quiet, no wider than the screen, of this host alone."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db(transaction=True)
SIZES = ((1280, 800), (360, 740))
PUBLIC = (
    "/",
    "/recherche/?q=base",
    "/recherche/?q=zzzz",
    "/bases/base-a/",
    "/bases/base-a/tables/T/",
    "/variables/A/",
    "/ma-selection/",
    "/demander/question/1/",
    "/repertoire/",
    "/api/v1/docs/",
    "/compte/connexion/",
    "/compte/inscription/",
    "/compte/mot-de-passe/oublie/",
    "/compte/conditions/",
)

Visit = Callable[[str], None]


@pytest.fixture
def visit(
    page: Page,
    live_server: LiveServer,
    accessible: Callable[[], None],
    no_console_errors: list[str],
) -> Iterator[Visit]:
    """Open an address at both sizes and hold it to the house's rules."""
    elsewhere: list[str] = []
    host = urlsplit(live_server.url).netloc
    page.on(
        "request",
        lambda sent: (
            elsewhere.append(sent.url)
            if urlsplit(sent.url).scheme.startswith("http") and urlsplit(sent.url).netloc != host
            else None
        ),
    )

    def run(path: str) -> None:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            answer = page.goto(live_server.url + path)
            assert answer is not None
            assert answer.status == 200, path
            wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{path} is {wide} px too wide at {width} px"
        accessible()

    yield run
    assert elsewhere == []


@pytest.fixture
def world() -> World:
    return World()


def test_public_pages(visit: Visit, world: World) -> None:
    for path in PUBLIC:
        visit(path)


def _as(login: Callable[..., None], user: User) -> None:
    login(user, verified=True)


def test_applicant_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    draft = world.draft()
    _as(login, world.investigator)
    steps = ("parties", "finalite", "finalites-interdites", "donnees", "identifiants")
    steps += ("cadre-juridique", "personnes", "duree", "pieces", "recapitulatif")
    for path in ("/mes-demandes/", "/mes-acces/", "/compte/", f"/dossiers/{draft.pk}/brouillon/"):
        visit(path)
    for step in steps:
        visit(f"/dossiers/{draft.pk}/brouillon/{step}/")


def test_follow_up_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story = world.story()
    story.sign()
    story.review("to_mend")
    story.do("completeness", "request_completion", by=world.secretariat, message="Reprenez.")
    _as(login, world.investigator)
    place = f"/dossiers/{story.request.pk}/"
    visit(f"{place}brouillon/")
    for tab in ("suivi", "dossier", "pieces", "echanges", "avis", "acces", "journal"):
        visit(f"{place}?onglet={tab}")
    visit(f"{place}versions/1/")
    visit(f"{place}actes/withdraw/")
    story.do("", "withdraw", by=world.investigator, reason="Autre méthode.")
    visit(place)


ACCOUNT = (
    "/compte/identite/",
    "/compte/adresse/",
    "/compte/mot-de-passe/changer/",
    "/compte/second-facteur/",
    "/compte/second-facteur/codes/",
    "/compte/jetons/",
    "/compte/organismes/rejoindre/",
    "/messages/",
)


def test_account_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    _as(login, world.investigator)
    for path in ACCOUNT:
        visit(path)
    _as(login, world.secretariat)
    for path in ("/compte/appartenances/", "/compte/invitations/", "/compte/invitations/envoyer/"):
        visit(path)


def test_orientation_and_selection(
    visit: Visit, world: World, page: Page, live_server: LiveServer
) -> None:
    """The five questions to their route, and a selection that is not empty."""
    for question in range(1, 6):
        path = f"/demander/question/{question}/"
        visit(path)
        page.locator('main input[value="no"]').check(force=True)
        page.locator("main form button[type=submit]").first.click()
    visit("/demander/resultat/")
    page.goto(f"{live_server.url}/bases/base-a/")
    page.get_by_role("button", name="Ajouter à ma sélection").first.click()
    visit("/ma-selection/")
    visit("/ma-selection/base/base-a/")


def test_signature_page(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story = world.story()
    story.ask_signature()
    _as(login, world.representative)
    visit(f"/dossiers/{story.request.pk}/signature/")


def test_desk_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story = world.story().reach("completeness")
    _as(login, world.secretariat)
    for path in ("/a-traiter/", "/dossiers/", f"/dossiers/{story.request.pk}/completude/"):
        visit(path)
    for tab in ("suivi", "dossier", "pieces", "avis", "acces", "notes"):
        visit(f"/dossiers/{story.request.pk}/?onglet={tab}")


def test_committee_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story = world.story().reach("opinion")
    story.declare(world.president)
    stage = story.stage("opinion")
    _as(login, world.president)
    visit("/a-traiter/")
    for act in ("assign_rapporteurs", "issue_opinion", "extend_opinion", "withdraw_member"):
        visit(f"/dossiers/{story.request.pk}/etapes/{stage.pk}/{act}/")


def test_legal_officer_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story = world.story().reach("convention")
    stage = story.stage("convention")
    _as(login, world.legal_officer)
    visit(f"/dossiers/{story.request.pk}/etapes/{stage.pk}/record_convention/")
    visit(f"/dossiers/{story.request.pk}/?onglet=avis")


def test_operator_and_holder_pages(visit: Visit, world: World, login: Callable[..., None]) -> None:
    story: Story = world.story().reach("opening")
    _as(login, world.operator)
    workspace = story.fresh().workspace
    visit("/exploitation/")
    visit(f"/exploitation/{workspace.pk}/")
    visit(f"/dossiers/{story.request.pk}/extraction/")
    visit(f"/exploitation/{workspace.pk}/revoke_study/")
    visit("/exploitation/personnes/")
    visit("/exploitation/organismes/")
    _as(login, world.holder_a_rep)
    visit("/qui-utilise-mes-donnees/")


def test_admin_index(page: Page, live_server: LiveServer, login: Callable[..., None]) -> None:
    administrator = World().administrator
    administrator.is_staff = administrator.is_superuser = True
    administrator.save()
    login(administrator, verified=True)
    page.goto(f"{live_server.url}/admin/")
    assert page.locator("#content").is_visible()
    answer = page.goto(f"{live_server.url}/admin/requests_app/accessrequest/")
    assert answer is not None
    assert answer.status == 200
