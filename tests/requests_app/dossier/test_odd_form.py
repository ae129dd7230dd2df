"""Forms are data: pages, autosave, summary and document of a form that is not the shipped one."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import translation

from portal.accounts.models import User
from requests_app import dossier
from requests_app.counter.reading import draft_steps
from requests_app.dossier import version_pdf
from requests_app.models import AccessRequest, RequestVersion
from requests_app.permits.creating import scope_of
from requests_app.procedures.schema import Procedure
from tests.requests_app.dossier.test_draft import fields, save
from tests.support import odd_form
from tests.support.client import client_for, page_text
from tests.support.requests import draft, organisation, person


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return odd_form.install(monkeypatch)


@pytest.fixture
def alix() -> User:
    return person("alix", of=organisation("univ"))


@pytest.fixture
def file(alix: User) -> AccessRequest:
    return draft(by=alix, of=organisation("univ"), procedure=odd_form.CODE)


@pytest.fixture
def client(alix: User) -> Client:
    return client_for(alix)


def url(file: AccessRequest, section: str = "moyens") -> str:
    return draft_steps.url_of(file, section)


def cells(index: int, **typed: str) -> dict[str, str]:
    return {f"sites__{index}__{column}": text for column, text in typed.items()}


def stored(file: AccessRequest, question: str = "sites", section: str = "moyens") -> Any:
    file.refresh_from_db()
    return file.content[section][question]


def names(file: AccessRequest) -> list[str]:
    return [row["nom"] for row in stored(file)]


def test_every_step_opens_and_what_lacks_leads_to_its_field(
    client: Client, file: AccessRequest
) -> None:
    assert file.content == {"moyens": file.form.empty["moyens"] | {"organisme": _known(file)}}
    steps = [step.section for step in draft_steps.steps_of(file.form)]
    assert steps == ["projet", "moyens", "accord", "persons", "pieces", "summary"]
    pages = {section: client.get(url(file, section)) for section in steps}
    assert {page.status_code for page in pages.values()} == {200}
    assert client.get(reverse("requests_app:draft", args=[file.pk])).status_code == 200
    for one in dossier.missing_items(file):
        assert f'id="{draft_steps.field_id(one)}"' in pages[one.section].content.decode(), one
    assert "Aucune donnée ne quitte le site." in page_text(pages["moyens"])
    assert "Exemple : SOMMEIL" in page_text(pages["projet"])
    soup = BeautifulSoup(pages["moyens"].content, "html.parser")
    labels = [soup.select_one(f"label[for=id_sites__0__{name}]") for name in ("nom", "budget")]
    assert ["facultatif" in str(label) for label in labels] == [False, True]


def _known(file: AccessRequest) -> dict[str, Any]:
    return file.form.empty["moyens"]["organisme"] | {"name": file.organisation.name}


def test_a_page_is_in_english_where_the_form_has_it(client: Client, file: AccessRequest) -> None:
    with translation.override("en"):
        labels = [str(step.label) for step in draft_steps.steps_of(file.form)][:2]
    assert labels == ["The project", "Les moyens"]


def test_what_is_typed_comes_back_as_it_is_stored(client: Client, file: AccessRequest) -> None:
    saved = save(
        client,
        url(file),
        contact__name="Camille Exemple",
        periode__from_day="2027-01-01",
        periode__until_day="2027-12-31",
        cout="12 500,5 €",
        mois="12",
        **cells(0, nom="Nord", patients="1 000", public="no", budget="3.20", rang="pilote"),
    )
    assert saved.status_code == 302
    assert stored(file) == [odd_form.site("Nord", 1000, public=False, budget="3.20", rang="pilote")]
    assert stored(file, "cout") == "12500.50"
    shown = fields(client, url(file))
    assert shown["cout"] == ["12500,50"]
    assert shown["sites__0__public"] == ["no"]
    assert shown["sites__1__nom"] == [""]
    revision = file.content_revision
    assert client.post(url(file), shown).status_code == 302
    file.refresh_from_db()
    assert file.content_revision == revision


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"cout": "beaucoup"}, "Écrivez un montant"),
        ({"cout": "9999999999"}, "Écrivez un montant d’au plus"),
        ({"contact__email": "x"}, "Cette adresse est incomplète"),
        (
            {"periode__from_day": "2027-12-31", "periode__until_day": "2027-01-01"},
            "Cette date précède le début",
        ),
        (cells(0, nom="Nord") | cells(1, nom="NORD"), "Déjà à la ligne 1"),
        (cells(0, nom="Nord", patients="-3"), "Écrivez un nombre d’au moins 0"),
        (cells(0, nom="Nord", ouverture="27-03-01"), "quatre chiffres"),
        (cells(0, rang="autre"), "Choisissez parmi les réponses proposées."),
    ],
)
def test_a_wrong_answer_is_told_at_its_field_and_the_rest_is_saved(
    client: Client, file: AccessRequest, typed: dict[str, str], words: str
) -> None:
    page = fields(client, url(file)) | {"sites__1__nom": ""}
    refused = client.post(url(file), page | {"mois": "7"} | typed)
    assert refused.status_code == 422
    assert words in page_text(refused)
    for name, text in typed.items():
        if not name.endswith("rang"):
            assert f'name="{name}" value="{text}"' in refused.content.decode()
    assert stored(file, "mois") == 7


def test_rows_are_added_and_removed_by_buttons(client: Client, file: AccessRequest) -> None:
    added = save(client, url(file), add_row="sites:2", **cells(0, nom="Nord"))
    assert added.status_code == 302
    assert added["Location"].endswith("?lignes=sites%3A2#sites")
    page = added["Location"].partition("#")[0]
    assert "sites__1__nom" in fields(client, page)
    two = fields(client, page) | cells(1, nom="Sud")
    client.post(page, two | {"add_row": "sites:3"})
    client.post(url(file), fields(client, url(file)) | cells(2, nom="Est"))
    assert names(file) == ["Nord", "Sud", "Est"]
    gone = fields(client, url(file)) | {"remove_row": "sites:1", "mois": "9"}
    assert client.post(url(file), gone)["Location"].endswith("#sites")
    assert names(file) == ["Nord", "Est"]
    assert stored(file, "mois") == 9
    for button in ("sites:7", "sites:x", "autre:0", "sites"):
        assert save(client, url(file), remove_row=button).status_code == 302
    assert names(file) == ["Nord", "Est"]


def test_a_row_added_to_a_page_with_an_error_is_there_beside_it(
    client: Client, file: AccessRequest
) -> None:
    page = save(client, url(file), add_row="sites:2", cout="x", **cells(0, nom="Nord"))
    assert page.status_code == 422
    assert "sites__1__nom" in page.content.decode()
    assert names(file) == ["Nord"]


def test_a_full_table_offers_no_row_more(client: Client, file: AccessRequest) -> None:
    rows = {name: text for n in range(4) for name, text in cells(n, nom=f"Site {n}").items()}
    client.post(url(file), fields(client, url(file)) | rows)
    assert len(names(file)) == 4
    soup = BeautifulSoup(client.get(url(file)).content, "html.parser")
    assert soup.select("[name=add_row]") == []
    assert len(soup.select("[name=remove_row]")) == 4


def test_autosaves_of_an_emptied_row_lose_no_other(client: Client, file: AccessRequest) -> None:
    """The open page keeps its empty row where it was; the next save closes the gap."""
    client.post(url(file), fields(client, url(file)) | cells(0, nom="Nord"))
    client.post(url(file), fields(client, url(file)) | cells(1, nom="Sud"))
    page = fields(client, url(file)) | cells(0, nom="")
    for cost in ("1", "2"):
        page |= {"cout": cost}
        answer = client.post(url(file), page, headers={"X-Autosave": "1"}).json()
        page |= {"base": answer["base"], "revision": answer["revision"]}
    assert names(file) == ["", "Sud"]
    client.post(url(file), page)
    assert names(file) == ["Sud"]


def test_whoever_edits_a_table_that_lost_a_row_meanwhile_sees_both(
    client: Client, file: AccessRequest
) -> None:
    client.post(url(file), fields(client, url(file)) | cells(0, nom="Nord"))
    client.post(url(file), fields(client, url(file)) | cells(1, nom="Sud"))
    stale = fields(client, url(file)) | cells(1, patients="5")
    client.post(url(file), fields(client, url(file)) | {"remove_row": "sites:0"})
    told = client.post(url(file), stale)
    assert told.status_code == 409
    assert names(file) == ["Sud"]
    assert "Sites participants" in page_text(told)


def test_an_error_mended_in_the_same_page_is_no_conflict(
    client: Client, file: AccessRequest
) -> None:
    refused = save(client, url(file), mois="7", cout="x")
    soup = BeautifulSoup(refused.content, "html.parser")
    again = {
        str(tag["name"]): str(tag.get("value", ""))
        for tag in soup.select("main form[data-autosave] input[name]")
        if tag.get("type") not in {"radio", "checkbox"} or tag.has_attr("checked")
    }
    assert client.post(url(file), again | {"mois": "8", "cout": "1"}).status_code == 302
    assert stored(file, "mois") == 8


def test_answers_that_call_for_questions_stay_on_their_page(
    client: Client, file: AccessRequest
) -> None:
    here = url(file, "projet")
    assert "suivi_detail" not in fields(client, here)
    more = {"suivi": "yes", "nature": "intervention", "next": "1"}
    assert save(client, here, **more)["Location"] == here
    assert "suivi_detail" in fields(client, here)
    assert save(client, here, next="1")["Location"] == url(file)


def signed(file: AccessRequest, alix: User) -> RequestVersion:
    frozen = dossier.snapshot(file)
    number = file.versions.count() + 1
    return RequestVersion.objects.create(
        request=file,
        number=number,
        content=frozen,
        sha256=dossier.fingerprint(frozen),
        status=RequestVersion.Status.SIGNED,
        frozen_by=alix,
        frozen_at=file.created_at,
        signed_at=file.created_at,
    )


def test_a_version_is_read_compared_and_printed(
    client: Client, file: AccessRequest, alix: User
) -> None:
    file.content = odd_form.answers()
    file.save(update_fields=["content"])
    version = signed(file, alix)
    summary = client.get(url(file, "summary"))
    assert "Sites participants" in page_text(summary)
    assert "Nord" in page_text(summary)
    parts = {part["title"]: part for part in version_pdf.frozen_sections(version)}
    (grid,) = parts["Les moyens"]["sections"]
    assert grid["table"]["rows"][1][:2] == ["Sud", "20"]
    assert ("Coût prévu", "1\u202f200,50\u202f€") in parts["Les moyens"]["rows"]
    outside = version_pdf.frozen_sections(version, frozenset({"content", "summary", "purpose"}))
    assert "Coût prévu" not in str(outside)
    assert version_pdf.version_pdf(version).startswith(b"%PDF")
    file.content["moyens"]["sites"][1]["patients"] = 21
    file.save(update_fields=["content"])
    changes = page_text(client.get(url(file, "summary")))
    assert "Sites participants, ligne 2, Patients" in changes


def test_what_the_law_reads_by_its_role_is_empty_where_a_form_has_none(
    file: AccessRequest, alix: User
) -> None:
    file.content = odd_form.answers()
    file.save(update_fields=["content"])
    version = signed(file, alix)
    assert scope_of(version) == []
    assert dossier.rows_of(file) == []
    assert dossier.facts(file)["datasets"]["codes"] == []
