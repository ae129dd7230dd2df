"""What is typed into an open page is never dropped in silence, whatever was stored meanwhile."""

import json
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from portal.accounts.models import User
from portal.common.calendar import legal_today
from requests_app.counter.forms.draft import _read_base
from requests_app.models import AccessRequest
from requests_app.procedures import forms
from requests_app.procedures.content import Row
from requests_app.procedures.form import Form
from requests_app.procedures.questions.base import PAGE_INPUTS
from tests.requests_app.dossier.test_draft import fields
from tests.requests_app.dossier.test_odd_form import cells, names, stored, url
from tests.support import odd_form
from tests.support.client import client_for, page_text
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db

AUTOSAVE = {"X-Autosave": "1"}


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_form.install(monkeypatch)


@pytest.fixture
def alix() -> User:
    return person("alix", of=organisation("univ"))


@pytest.fixture
def client(alix: User) -> Client:
    return client_for(alix)


@pytest.fixture
def file(alix: User) -> AccessRequest:
    """A follow-up is described; three sites take part."""
    file = draft(by=alix, of=organisation("univ"), procedure=odd_form.CODE)
    content = odd_form.answers()
    content["projet"] |= {"suivi": True, "nature": "intervention", "suivi_detail": ""}
    content["moyens"]["sites"] = [odd_form.site(*one) for one in SITES]
    file.content = content
    file.save(update_fields=["content"])
    return file


SITES = [("Nord", 10), ("Sud", 20), ("Est", 30)]


def rows(file: AccessRequest) -> list[tuple[str, int, str]]:
    return [(row["nom"], row["patients"], row["budget"]) for row in stored(file)]


def follow_up(file: AccessRequest) -> tuple[bool, str]:
    return (stored(file, "suivi", "projet"), stored(file, "suivi_detail", "projet"))


def autosave(client: Client, address: str, page: dict[str, Any], **typed: Any) -> dict[str, Any]:
    """The open page after it saved itself."""
    answer = client.post(address, page | typed, headers=AUTOSAVE)
    assert answer.status_code == 200, answer.content
    return page | typed | {one: answer.json()[one] for one in ("base", "revision")}


def test_what_is_typed_where_another_editor_says_no_is_kept_and_told(
    client: Client, file: AccessRequest
) -> None:
    here = url(file, "projet")
    mine = fields(client, here)
    client.post(here, fields(client, here) | {"suivi": "no"})
    done = client.post(here, mine | {"suivi_detail": "Trois pages."}, follow=True)
    assert follow_up(file) == (False, "Trois pages.")
    assert "« Décrivez le suivi » n’est plus demandé" in page_text(done)


def test_what_is_typed_after_a_change_of_mind_between_two_autosaves_is_kept(
    client: Client, file: AccessRequest
) -> None:
    here = url(file, "projet")
    page = fields(client, here)
    page = autosave(client, here, page, suivi="no")
    page = autosave(client, here, page, suivi="yes", suivi_detail="Mon texte.")
    assert follow_up(file) == (True, "Mon texte.")
    page = autosave(client, here, page, suivi="no")
    done = client.post(here, page | {"suivi": "yes", "suivi_detail": "Autre."}, follow=True)
    assert follow_up(file) == (True, "Autre.")  # and no conflict with oneself
    assert "n’est plus demandé" not in page_text(done)


def test_a_text_that_both_changed_is_a_conflict_though_it_is_no_longer_asked(
    client: Client, file: AccessRequest
) -> None:
    here = url(file, "projet")
    mine = fields(client, here)
    client.post(here, fields(client, here) | {"suivi": "no", "suivi_detail": "Le leur."})
    told = client.post(here, mine | {"suivi_detail": "Le mien."})
    assert told.status_code == 409
    soup = BeautifulSoup(told.content, "html.parser")
    assert soup.select_one("#id_suivi_detail").get_text().strip() == "Le mien."
    assert follow_up(file) == (False, "Le leur.")


def test_autosaves_of_a_page_without_a_question_never_empty_it(
    client: Client, file: AccessRequest
) -> None:
    """Another editor made it asked, and answered it, while the page was open."""
    here = url(file, "projet")
    client.post(here, fields(client, here) | {"suivi": "no"})
    page = fields(client, here)
    assert "suivi_detail" not in page
    client.post(here, fields(client, here) | {"suivi": "yes"})
    client.post(here, fields(client, here) | {"suivi_detail": "Le leur."})
    for text in ("A", "B"):
        page = autosave(client, here, page, nom_court=text)
    assert follow_up(file) == (True, "Le leur.")


def test_a_name_that_the_section_does_not_have_is_told_and_never_said_saved(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    page = fields(client, here) | {"disparue": "Trois pages.", "sites__400__nom": "Loin"}
    told = client.post(here, page, headers=AUTOSAVE).json()
    assert "sauf" in told["saved"]
    assert "Trois pages." in told["errors"]["id___all__"]
    shown = page_text(client.post(here, page))
    assert "« Trois pages. »" in shown
    assert "« Loin »" in shown


def test_every_input_of_a_page_with_rows_is_a_field_or_a_name_that_no_question_has(
    alix: User, client: Client
) -> None:
    catalogue()
    rows = [Row(dataset="base-principale", table="BENEF", variables=["BEN_NAI_MOI"])]
    file = draft(by=alix, of=organisation("univ"), rows=rows)
    page = client.get(url(file, "specification"))
    soup = BeautifulSoup(page.content, "html.parser")
    named = {str(tag["name"]) for tag in soup.select("main form[data-autosave] [name]")}
    assert {"edit", "mend"} <= named - set(page.context["form"].fields) <= PAGE_INPUTS


def test_rows_beyond_what_a_table_may_have_are_told(client: Client, file: AccessRequest) -> None:
    here = url(file)
    page = fields(client, here)
    many = {name: text for n in range(3, 6) for name, text in cells(n, nom=f"Site {n}").items()}
    told = client.post(here, page | many)
    assert told.status_code == 422
    assert "Site 5" in told.content.decode()
    assert [row[0] for row in rows(file)] == ["Nord", "Sud", "Est"]


def test_a_row_removed_beside_a_wrong_cell_gives_it_nothing_of_its_own(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    page = fields(client, here) | cells(2, patients="abc") | {"remove_row": "sites:1"}
    shown = client.post(here, page)
    assert shown.status_code == 422
    assert rows(file) == [("Nord", 10, ""), ("Est", 30, "")]
    assert 'name="sites__1__patients" value="abc"' in shown.content.decode()
    soup = BeautifulSoup(shown.content, "html.parser")
    base = json.loads(str(soup.select_one("[name=base]")["value"]))
    again = fields(client, here) | cells(1, patients="31") | {"base": json.dumps(base)}
    assert client.post(here, again).status_code == 302
    assert rows(file) == [("Nord", 10, ""), ("Est", 31, "")]


def test_a_wrong_cell_goes_with_its_row(client: Client, file: AccessRequest) -> None:
    here = url(file)
    page = fields(client, here) | cells(1, patients="abc") | {"remove_row": "sites:1"}
    assert client.post(here, page).status_code == 302
    assert rows(file) == [("Nord", 10, ""), ("Est", 30, "")]


def test_a_row_that_another_editor_changed_is_not_removed_unseen(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    mine = fields(client, here)
    client.post(here, fields(client, here) | cells(1, budget="7"))
    assert client.post(here, mine | {"remove_row": "sites:1"}).status_code == 409
    assert ("Sud", 20, "7.00") in rows(file)
    assert client.post(here, mine | {"remove_row": "sites:2"}).status_code == 302
    assert rows(file) == [("Nord", 10, ""), ("Sud", 20, "7.00")]


def test_a_cell_is_never_given_to_a_row_that_another_editor_put_in_its_place(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    mine = fields(client, here)
    client.post(here, fields(client, here) | {"remove_row": "sites:0"})
    client.post(here, fields(client, here) | cells(2, nom="Ouest", patients="20"))
    now = [("Sud", 20, ""), ("Est", 30, ""), ("Ouest", 20, "")]
    assert rows(file) == now
    assert client.post(here, mine | cells(1, budget="500"), headers=AUTOSAVE).status_code == 409
    told = client.post(here, mine | cells(1, budget="500"))
    assert told.status_code == 409
    assert rows(file) == now
    soup = BeautifulSoup(told.content, "html.parser")
    typed = [soup.select_one(f"#id_sites__{n}__nom")["value"] for n in range(3)]
    assert typed == ["Nord", "Sud", "Est"]  # the page keeps its own rows, beside the stored ones


def test_two_editors_of_two_rows_are_merged_and_of_one_row_are_told(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    mine = fields(client, here)
    client.post(here, fields(client, here) | cells(0, patients="11"))
    assert client.post(here, mine | cells(2, budget="5")).status_code == 302
    assert rows(file) == [("Nord", 11, ""), ("Sud", 20, ""), ("Est", 30, "5.00")]
    assert client.post(here, mine | cells(0, budget="6")).status_code == 409
    assert rows(file)[0] == ("Nord", 11, "")


def test_autosaves_never_hide_that_another_editor_added_a_row(
    client: Client, file: AccessRequest
) -> None:
    here = url(file)
    page = fields(client, here)
    client.post(here, fields(client, here) | cells(3, nom="Ouest", patients="1"))
    page = autosave(client, here, page, cout="5")
    page = autosave(client, here, page, cout="6")
    assert names(file) == ["Nord", "Sud", "Est", "Ouest"]
    told = client.post(here, page | cells(0, nom="Centre"), headers=AUTOSAVE)
    assert told.status_code == 409


def test_lists_of_codes_of_two_editors_are_told_too(alix: User, client: Client) -> None:
    catalogue()
    file = draft(by=alix, of=organisation("univ"))
    here = url(file, "specification")

    def codes(index: int, **typed: str) -> dict[str, str]:
        return {f"code_lists__{index}__{column}": text for column, text in typed.items()}

    two = codes(0, nomenclature="CIM-10", codes="E10") | codes(1, nomenclature="ATC", codes="A10")
    client.post(here, fields(client, here) | two)
    mine = fields(client, here)
    moved = codes(0, nomenclature="ATC", codes="A10") | codes(1, nomenclature="CCAM", codes="Z")
    client.post(here, fields(client, here) | moved)
    assert client.post(here, mine | codes(1, purpose="Diabète")).status_code == 409
    kept = stored(file, "code_lists", "specification")
    assert [(one["nomenclature"], one["purpose"]) for one in kept] == [("ATC", ""), ("CCAM", "")]


def test_a_period_whose_first_day_has_passed_does_not_stop_what_is_beside_it(
    alix: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"type": "period", "earliest": "today", "code": "jours", "label": "Jours"}
    beside = {"type": "short_text", "code": "nom", "label": "Nom"}
    section = {"code": "projet", "slug": "le-projet", "label": "P", "questions": [days, beside]}
    form = Form.model_validate(
        {"code": "insolite", "version": 1, "title": "T", "sections": [section]}
    )
    known = forms._all() | {("insolite", 1): form}
    monkeypatch.setattr(forms, "_all", lambda: known)
    file = draft(by=alix, of=organisation("univ"), procedure=odd_form.CODE)
    passed = (legal_today() - timedelta(days=3)).isoformat()
    file.content = {"projet": {"jours": {"from_day": passed, "until_day": None}, "nom": ""}}
    file.save(update_fields=["content"])
    here = url(file, "projet")
    assert client.post(here, fields(client, here) | {"nom": "Un"}).status_code == 302
    earlier = (legal_today() - timedelta(days=4)).isoformat()
    page = fields(client, here) | {"jours__from_day": earlier}
    assert client.post(here, page).status_code == 422


@pytest.mark.parametrize("base", ["[" * 6000, '{"a":' * 6000, "9" * 5000, "\0", "null"])
def test_a_page_that_says_nothing_of_what_it_showed_is_still_read(base: str) -> None:
    assert _read_base(base) == {}
