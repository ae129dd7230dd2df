"""The selection: added, seen, mended, undone, merged at login, exported."""

import csv
import io

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.signals import user_logged_in
from django.test import Client, RequestFactory
from django.urls import reverse

from catalog.models import TableKey, Variable
from requests_app.models import Basket, BasketRow
from requests_app.procedures.content import Row
from requests_app.selection import basket as baskets
from requests_app.selection.described import mend_value
from requests_app.selection.specification import describe
from tests.support.client import client_for, page_text
from tests.support.queries import assert_query_count
from tests.support.requests import Catalogue, catalogue, person, table


pytestmark = [pytest.mark.django_db, pytest.mark.both]
PAGE = reverse("requests_app:basket")
ADD = reverse("requests_app:basket_add")
CHANGE = reverse("requests_app:basket_change")


@pytest.fixture
def known() -> Catalogue:
    return catalogue()


def add(client: Client, **fields: object) -> str:
    response = client.post(ADD, fields, follow=True)
    assert response.status_code == 200
    return page_text(response)


def test_reading_makes_no_basket_and_no_session(known: Catalogue) -> None:
    client = client_for()
    response = client.get(PAGE)
    assert "Votre sélection est vide" in page_text(response)
    assert not Basket.objects.exists()
    assert "sessionid" not in client.cookies


def test_the_buttons_of_a_page_share_one_token_that_is_accepted(known: Catalogue) -> None:
    """A mask per page, not per button; a form without it is still refused."""
    client = Client(enforce_csrf_checks=True)
    page = BeautifulSoup(client.get("/recherche/").content, "html.parser")
    forms = page.select(f"form[action='{ADD}']")
    assert len(forms) > 1
    tokens = {form.select_one("[name=csrfmiddlewaretoken]")["value"] for form in forms}
    assert len(tokens) == 1
    fields = {"dataset": forms[-1].select_one("[name=dataset]")["value"]}
    assert client.post(ADD, fields).status_code == 403
    assert client.post(ADD, fields | {"csrfmiddlewaretoken": tokens.pop()}).status_code == 302
    assert BasketRow.objects.get().dataset.code == fields["dataset"]


def test_visitor_adds_a_table_then_a_variable_of_another(known: Catalogue) -> None:
    client = client_for()
    assert "ajouté à votre sélection" in add(client, dataset="base-principale", table="BENEF")
    add(client, dataset="base-principale", table="SOINS", variable=["SOI_ACTE"])
    add(client, dataset="base-principale", table="SOINS", variable=["SOI_DATE"])
    text = page_text(client.get(PAGE))
    assert "2 lignes choisies" in text
    row = BasketRow.objects.get(table=known.care)
    assert row.variables == ["SOI_ACTE", "SOI_DATE"]
    assert "déjà dans votre sélection" in add(
        client, dataset="base-principale", table="SOINS", variable=["SOI_ACTE"]
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dataset": "ailleurs"}, "ne se demande pas ici"),
        ({"dataset": "inconnue"}, "n’est pas au catalogue"),
        ({"dataset": "registre", "table": "NON"}, "Cette table n’est pas au catalogue"),
        (
            {"dataset": "registre", "table": "CAS", "variable": ["X"]},
            "ne sont pas dans la table : X",
        ),
        ({"dataset": "registre", "table": "CAS", "year_from": "deux mille"}, "quatre chiffres"),
        ({"dataset": "registre", "year_from": "2012", "year_until": "2010"}, "précède la première"),
    ],
)
def test_what_cannot_be_chosen_is_told(
    known: Catalogue, fields: dict[str, object], message: str
) -> None:
    assert message in add(client_for(), **fields)
    assert not BasketRow.objects.exists()


def test_ticked_variables_are_added_together_and_none_ticked_is_told(known: Catalogue) -> None:
    client = client_for()
    fields = {"dataset": "base-principale", "table": "SOINS", "ticked": "1"}
    assert "Cochez au moins une variable" in add(client, **fields)
    assert not BasketRow.objects.exists()
    add(client, **fields, variable=["SOI_DATE", "SOI_ACTE"])
    assert BasketRow.objects.get().variables == ["SOI_DATE", "SOI_ACTE"]


def test_a_table_takes_the_place_of_its_whole_base(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="registre")
    assert "Toute la base" in page_text(client.get(PAGE))
    add(client, dataset="registre", table="CAS")
    row = BasketRow.objects.get()
    assert row.table == known.cases


def test_years_outside_validity_are_warned_of_and_mended_by_restriction(known: Catalogue) -> None:
    client = client_for()
    add(
        client,
        dataset="base-principale",
        table="BENEF",
        variable=["BEN_ID", "BEN_ANCIEN"],
        year_from=2004,
        year_until=2012,
    )
    text = page_text(client.get(PAGE))
    assert "BEN_ANCIEN n’existe pas pour ces années : 2004 à 2005, 2009." in text
    assert "Restreindre la ligne à 2006 à 2008" in text
    value = mend_value("restrict", ("base-principale", "BENEF"), year_from=2006, year_until=2008)
    text = page_text(client.post(CHANGE, {"mend": value}, follow=True))
    assert "n’existe pas pour ces années" not in text
    row = BasketRow.objects.get()
    assert (row.year_from, row.year_until) == (2006, 2008)


def test_missing_join_keys_are_added_in_one_click(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="base-principale", table="BENEF", variable=["BEN_SEXE"])
    add(client, dataset="base-principale", table="SOINS", variable=["SOI_ACTE"])
    text = page_text(client.get(PAGE))
    assert "Pour relier SOINS à BENEF, il manque : BEN_ID." in text
    value = mend_value(
        "keys",
        ("base-principale", "SOINS"),
        target_dataset="base-principale",
        target_table="BENEF",
    )
    text = page_text(client.post(CHANGE, {"mend": value}, follow=True))
    assert "Pour relier" not in text
    assert all("BEN_ID" in row.variables for row in BasketRow.objects.all())


def test_a_table_to_pass_through_is_offered_with_its_keys(known: Catalogue) -> None:
    drugs = table(known.main, "DROGUES", {"SOI_ID": {}, "CODE": {}})
    visits = table(known.main, "VISITES", {"VIS_ID": {}})
    Variable(table=known.care, name="SOI_ID").save()
    TableKey.objects.create(
        table=drugs, variables=["SOI_ID"], target_table=known.care, target_variables=["SOI_ID"]
    )
    client = client_for()
    chosen = {"year_from": 2010, "year_until": 2012}
    add(client, dataset="base-principale", table="DROGUES", variable=["CODE"], **chosen)
    add(client, dataset="base-principale", table="BENEF", variable=["BEN_SEXE"], **chosen)
    add(client, dataset="base-principale", table="VISITES")  # nothing joins it: nothing is said
    text = page_text(client.get(PAGE))
    assert (
        "Aucune clé ne relie directement DROGUES et BENEF : le lien passe par la table SOINS."
        in text
    )
    assert "VISITES" not in text.split("Aucune clé")[1].split("SOINS.")[0]
    page = BeautifulSoup(client.get(PAGE).content, "html.parser")
    button = next(b for b in page.select("button") if "Ajouter SOINS" in b.get_text())
    text = page_text(client.post(CHANGE, {"mend": button["value"]}, follow=True))
    assert "Aucune clé" not in text
    assert "Pour relier" not in text
    rows = {row.table.name: row for row in BasketRow.objects.filter(table__isnull=False)}
    assert set(rows) == {"DROGUES", "BENEF", "SOINS", visits.name}
    assert rows["SOINS"].variables == ["SOI_ID", "BEN_ID"]
    assert (rows["SOINS"].year_from, rows["SOINS"].year_until) == (2010, 2012)
    assert "SOI_ID" in rows["DROGUES"].variables
    assert "BEN_ID" in rows["BENEF"].variables
    again = page_text(client.post(CHANGE, {"mend": button["value"]}, follow=True))
    assert "n’ont plus besoin de celle-là" in again


def test_no_table_is_offered_that_cannot_be_asked_for_or_is_chosen_with_its_base(
    known: Catalogue,
) -> None:
    drugs = table(known.register, "DROGUES", {"SOI_ID": {}})
    TableKey.objects.create(
        table=drugs, variables=["SOI_ID"], target_table=known.care, target_variables=["BEN_ID"]
    )
    rows = [
        Row(dataset="registre", table="DROGUES"),
        Row(dataset="base-principale", table="BENEF"),
    ]
    codes = [f.code for one in describe(rows) for f in one.findings]
    assert "keys" in codes
    known.main.published_at = None
    known.main.save()
    assert "keys" not in [f.code for one in describe(rows) for f in one.findings]


def test_variables_of_a_whole_table_are_checked_together(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="base-principale", table="BENEF", year_from=2008, year_until=2010)
    text = page_text(client.get(PAGE))
    assert (
        "Une variable de la table n’existe pas pour toutes les années de 2008 à 2010 : BEN_ANCIEN."
        in text
    )
    value = mend_value("drop_absent", ("base-principale", "BENEF"))
    text = page_text(client.post(CHANGE, {"mend": value}, follow=True))
    assert "n’existe pas pour toutes les années" not in text
    assert BasketRow.objects.get().variables == ["BEN_ID", "BEN_NAI_MOI", "BEN_SEXE"]
    add(client, dataset="base-principale", table="SOINS", year_from=2006, year_until=2008)
    assert "n’existe pas pour toutes" not in page_text(client.get(PAGE))


def test_what_a_table_lacks_is_not_repeated_for_its_variables(known: Catalogue) -> None:
    known.people.valid_from = 2008
    known.people.save()
    named = Row(
        dataset="base-principale",
        table="BENEF",
        variables=["BEN_SEXE", "BEN_ANCIEN"],
        year_from=2007,
        year_until=2010,
    )
    texts = [f.text for one in describe([named]) for f in one.findings if f.code == "years"]
    assert texts == [
        "BENEF n’existe pas pour ces années : 2007.",
        "BEN_ANCIEN n’existe pas pour ces années : 2009.",
    ]
    whole = named.model_copy(update={"variables": [], "year_until": 2008})
    texts = [f.text for one in describe([whole]) for f in one.findings if f.code == "years"]
    assert texts == ["BENEF n’existe pas pour ces années : 2007."]


def test_variables_that_lack_the_same_years_are_told_and_dropped_together(
    known: Catalogue,
) -> None:
    Variable.objects.filter(name__in=["SOI_ACTE", "SOI_DATE"]).update(valid_from=2010)
    client = client_for()
    names = ["BEN_ID", "SOI_DATE", "SOI_ACTE"]
    years = {"year_from": 2008, "year_until": 2012}
    add(client, dataset="base-principale", table="SOINS", variable=names, **years)
    page = client.get(PAGE)
    assert "SOI_DATE, SOI_ACTE n’existent pas pour ces années : 2008 à 2009." in page_text(page)
    soup = BeautifulSoup(page.content, "html.parser")
    button = next(b for b in soup.select("button") if "Retirer ces variables" in b.get_text())
    client.post(CHANGE, {"mend": button["value"]})
    assert BasketRow.objects.get().variables == ["BEN_ID"]


def test_years_that_a_base_does_not_cover_are_told(known: Catalogue) -> None:
    known.register.covers_from, known.register.covers_until = 2010, 2020
    known.register.save()
    client = client_for()
    add(client, dataset="registre", year_from=2008, year_until=2012)
    text = page_text(client.get(PAGE))
    assert "La base ne couvre pas ces années : 2008 à 2009." in text
    value = mend_value("restrict", ("registre", ""), year_from=2010, year_until=2012)
    text = page_text(client.post(CHANGE, {"mend": value}, follow=True))
    assert "ne couvre pas" not in text


def test_identifier_is_flagged_and_dropped_then_undone(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="base-principale", table="BENEF")
    text = page_text(client.get(PAGE))
    assert "Identifiant potentiel, à justifier : mois et année de naissance (BEN_NAI_MOI)." in text
    value = mend_value("drop", ("base-principale", "BENEF"), variable="BEN_NAI_MOI")
    text = page_text(client.post(CHANGE, {"mend": value}, follow=True))
    assert "Identifiant potentiel" not in text
    assert BasketRow.objects.get().variables == ["BEN_ID", "BEN_SEXE", "BEN_ANCIEN"]
    client.post(CHANGE, {"undo": "1"})
    assert BasketRow.objects.get().variables == []
    assert "rien à annuler" in page_text(client.post(CHANGE, {"undo": "1"}, follow=True))


def test_dropping_the_last_variable_removes_the_row(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="registre", table="CAS", variable=["CAS_ID"])
    client.post(CHANGE, {"mend": mend_value("drop", ("registre", "CAS"), variable="CAS_ID")})
    assert not BasketRow.objects.exists()


@pytest.mark.parametrize("value", ["", "do=remove&dataset=x", "do=explode&dataset=registre&table="])
def test_a_mend_that_was_not_offered_changes_nothing(known: Catalogue, value: str) -> None:
    client = client_for()
    add(client, dataset="registre")
    assert client.post(CHANGE, {"mend": value}).status_code == 302
    assert BasketRow.objects.count() == 1


def test_row_page_chooses_variables_and_years_and_keeps_what_was_typed(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="base-principale", table="BENEF")
    url = reverse("requests_app:basket_row", args=["base-principale", "BENEF"])
    assert client.get(url).content.count(b'name="variables"') == 4
    refused = client.post(url, {"variables": ["BEN_ID"], "year_from": "2012", "year_until": "2010"})
    assert refused.status_code == 422
    assert 'value="2012"' in refused.content.decode()
    assert "La dernière année précède la première." in page_text(refused)
    none = client.post(url, {"year_from": "2010"})
    assert "Choisissez au moins une variable" in page_text(none)
    client.post(url, {"variables": ["BEN_SEXE", "BEN_ID"], "year_from": "2010", "year_until": ""})
    row = BasketRow.objects.get()
    assert row.variables == ["BEN_ID", "BEN_SEXE"]
    assert (row.year_from, row.year_until) == (2010, None)
    assert (
        client.get(reverse("requests_app:basket_row", args=["registre", "CAS"])).status_code == 404
    )


def test_the_same_years_are_given_to_every_row_at_once(known: Catalogue) -> None:
    client = client_for()
    add(client, dataset="base-principale", table="BENEF", variable=["BEN_SEXE"], year_from=2001)
    add(client, dataset="registre")
    wrong = client.post(CHANGE, {"years": "1", "year_from": "2015", "year_until": "2012"})
    assert wrong.status_code == 422
    assert "La dernière année précède la première" in page_text(wrong)
    assert b'value="2015"' in wrong.content  # what was typed stays
    client.post(CHANGE, {"years": "1", "year_from": "2012", "year_until": "2015"})
    assert set(BasketRow.objects.values_list("year_from", "year_until")) == {(2012, 2015)}
    client.post(CHANGE, {"undo": "1"})
    assert set(BasketRow.objects.values_list("year_from", "year_until")) == {
        (2001, None),
        (None, None),
    }


def test_merge_at_login_unites_rows_and_forgets_the_visitor(known: Catalogue) -> None:
    user = person("alix")
    mine = Basket.objects.create(user=user)
    baskets.add(mine, [Row(dataset="registre", table="CAS", variables=["CAS_ID"], year_from=2010)])
    client = client_for()
    add(client, dataset="registre", table="CAS", variable=["CAS_TYPE"], year_from=2008)
    add(client, dataset="base-principale", table="BENEF")
    client.post(CHANGE, {"clear": "1"})
    client.post(CHANGE, {"undo": "1"})
    client.post(CHANGE, {"mend": mend_value("remove", ("registre", "AUTRE"))})
    client.post(CHANGE, {"mend": mend_value("drop", ("registre", "CAS"), variable="RIEN")})
    assert baskets.UNDO_KEY in client.session
    request = RequestFactory().post("/")
    request.session = client.session
    user_logged_in.send(sender=type(user), request=request, user=user)
    assert [row.key for row in baskets.rows(mine)] == [
        ("registre", "CAS"),
        ("base-principale", "BENEF"),
    ]
    first = baskets.rows(mine)[0]
    assert first.variables == ["CAS_ID", "CAS_TYPE"]
    assert first.year_from == 2008
    assert Basket.objects.count() == 1
    assert baskets.SESSION_KEY not in request.session
    assert baskets.UNDO_KEY not in request.session  # it would bring back the visitor's rows alone


def test_a_merge_beyond_the_limit_is_told(
    known: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = person("alix")
    user.set_password("un mot de passe long")
    user.save()
    baskets.add(Basket.objects.create(user=user), [Row(dataset="registre", table="CAS")])
    client = client_for()
    add(client, dataset="base-principale", table="BENEF")
    monkeypatch.setattr(baskets, "MAX_ROWS", 1)
    fields = {"username": "alix", "password": "un mot de passe long"}
    client.post(reverse("accounts:login"), fields)
    text = page_text(client.get(PAGE))
    assert "Votre sélection a 1 lignes au plus" in text
    assert "Base principale" not in text


def test_two_people_never_share_a_basket(known: Catalogue) -> None:
    one, other = client_for(person("un")), client_for(person("deux"))
    add(one, dataset="registre")
    assert "Votre sélection est vide" in page_text(other.get(PAGE))
    assert other.post(CHANGE, {"clear": "1"}).status_code == 404
    assert BasketRow.objects.count() == 1


def test_next_never_leaves_the_portal(known: Catalogue) -> None:
    response = client_for().post(ADD, {"dataset": "registre", "next": "https://ailleurs.example/"})
    assert response["Location"] == PAGE


def test_csv_lists_variables_and_runs_no_formula(known: Catalogue) -> None:
    table(known.register, "PIEGE", {"X": {"label_fr": "=1+1"}})
    client = client_for()
    add(client, dataset="base-principale", table="BENEF", variable=["BEN_NAI_MOI"], year_from=2010)
    add(client, dataset="registre", table="PIEGE")
    response = client.get(reverse("requests_app:basket_csv"))
    lines = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))
    assert [line["variable"] for line in lines] == ["BEN_NAI_MOI", "X"]
    assert lines[0]["identifiant_potentiel"] == "mois et année de naissance"
    assert lines[1]["libelle_variable"] == "'=1+1"


def test_pdf_is_made_of_the_rows(known: Catalogue) -> None:
    from pypdf import PdfReader

    client = client_for()
    add(client, dataset="base-principale", table="SOINS", variable=["SOI_DATE"])
    response = client.get(reverse("requests_app:basket_pdf"))
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(response.content)).pages)
    assert "Base principale" in text
    assert "SOI_DATE" in text


def test_page_budget_does_not_grow_with_rows(known: Catalogue) -> None:
    client = client_for(person("alix"))
    for index in range(30):
        table(known.register, f"T{index}", {"V": {"valid_from": 2010}, "W": {}})
    add(client, dataset="registre", table="T0", variable=["V"], year_from=2000, year_until=2001)
    with assert_query_count(15):
        client.get(PAGE)
    for index in range(1, 30):
        add(client, dataset="registre", table=f"T{index}", variable=["V"], year_from=2000)
    with assert_query_count(15):
        client.get(PAGE)


def test_rows_gone_from_the_catalogue_are_named(known: Catalogue) -> None:
    rows = [Row(dataset="disparue"), Row(dataset="registre", table="CAS", variables=["ANCIENNE"])]
    described = describe(rows)
    assert [one.findings[0].text for one in described] == [
        "disparue n’est plus au catalogue.",
        "La variable ANCIENNE n’est plus au catalogue.",
    ]
    assert all(one.findings[0].blocking for one in described)


def test_old_visitor_baskets_are_forgotten(known: Catalogue) -> None:
    add(client_for(), dataset="registre")
    assert baskets.forget_old() == 0
    Basket.objects.update(updated_at="2020-01-01T00:00Z")
    assert baskets.forget_old() == 1


def test_documents_made_for_nobody_are_counted_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "requests_app.counter.pages.applicant.basket.render_pdf", lambda *_args: b"%PDF-"
    )
    path = reverse("requests_app:basket_pdf")
    said = [Client().get(path, REMOTE_ADDR="192.0.2.21").status_code for _ in range(21)]
    assert said == [200] * 20 + [429]
    assert Client().get(path, REMOTE_ADDR="192.0.2.22").status_code == 200
