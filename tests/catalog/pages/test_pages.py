"""Public pages: what they show, without an account or scripts, and their budget of queries."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import Client
from django.utils import timezone

from catalog import panels
from catalog.ingest.demo import seed_catalogue
from catalog.models import Dataset, TableKey, Variable, VocabularyTerm
from portal.accounts.models import Role
from tests.catalog.factories import (
    make_dataset,
    make_holder,
    make_organisation,
    make_table,
    make_user,
    make_variable,
)
from tests.support.client import client_for, page_text
from tests.support.queries import assert_query_count, count_queries
from tests.support.requests import person


pytestmark = pytest.mark.django_db
Indexed = Callable[[], None]


def text_of(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return page_text(response)


# --- home


def test_home_says_how_to_import_when_there_is_nothing(client: Client) -> None:
    text = text_of(client, "/")
    assert "Le catalogue est encore vide" in text
    assert "import_table_schema" in text
    assert "bases décrites" not in text


def test_home_counts_what_is_published(client: Client) -> None:
    make_variable(make_table(make_dataset()))
    make_variable(make_table(make_dataset(published=False)))
    text = text_of(client, "/")
    assert "base décrite 1" in text
    assert "variable documentée 1" in text


# --- results


def test_a_variable_appears_once_with_the_tables_that_hold_it(
    client: Client, indexed: Indexed
) -> None:
    for name in ("ER_PRS_F", "IR_BEN_R"):
        make_variable(
            make_table(name=name),
            name="BEN_RES_COM",
            label_fr="Commune de résidence du bénéficiaire",
            identifier="residence_commune",
        )
    indexed()
    url = "/recherche/?q=commune+de+résidence+du+bénéficiaire&onglet=variables"
    soup = BeautifulSoup(client.get(url).content, "html.parser")
    hit = soup.select(".catalog-hit")
    assert len(hit) == 1
    text = " ".join(hit[0].get_text(" ").split())
    assert "BEN_RES_COM" in text
    assert "Dans 2 tables" in text
    assert "ER_PRS_F" in text
    assert "IR_BEN_R" in text
    assert "Identifiant potentiel : commune de résidence" in text
    assert [m.get_text() for m in hit[0].select("h2 mark")] == [
        "Commune", "résidence", "bénéficiaire",
    ]  # fmt: skip


def hits_of(client: Client, url: str) -> list[str]:
    soup = BeautifulSoup(client.get(url).content, "html.parser")
    return [" ".join(hit.get_text(" ").split()) for hit in soup.select(".catalog-hit")]


def test_a_hit_says_who_holds_it_why_it_matched_and_how_it_is_asked_for(
    client: Client, indexed: Indexed
) -> None:
    base = make_dataset()
    table = make_table(base, name="T_LOT", label_fr="Table des lots")
    make_variable(table, name="PHA_CIP", label_fr="Code du médicament délivré")
    make_variable(table, name="LOT", label_fr="Numéro", description="Lot du médicament de ville")
    other = make_table(
        make_dataset(kind="described", ask_route="contact", contact_email="a@b.example"),
        label_fr="Médicaments",
    )
    make_variable(other, name="FORME", label_fr="Forme")
    make_variable(table, name="ATC", label_fr="Classe", nomenclature="MEDICAMENT_ATC")
    indexed()
    first, second = hits_of(client, "/recherche/?onglet=tables&q=médicament")
    assert first.startswith("Médicaments")
    assert "Sur contact" in first
    assert "Variables : Code du médicament délivré PHA_CIP" in second
    assert base.holder.organisation.name in second
    hits = {
        text.split(" ·")[0]: text
        for text in hits_of(client, "/recherche/?onglet=variables&q=médicament")
    }
    said = {
        "Code du médicament délivré PHA_CIP": "Ajouter à ma sélection",
        "Numéro LOT": "Lot du médicament de ville",
        "Classe ATC": "Nomenclature : MEDICAMENT _ATC",
        "Forme FORME": "Table : Médicaments",
    }
    for name, expected in said.items():
        assert expected in hits[name], name
        here = name != "Forme FORME"
        assert ("Demandable ici" in hits[name]) is here
        assert (base.holder.organisation.name in hits[name]) is here
        assert ("Ajouter à ma sélection" in hits[name]) is here


def test_a_variable_of_several_tables_is_added_where_they_are_listed(
    client: Client, indexed: Indexed
) -> None:
    for name in ("T_UN", "T_DEUX"):
        make_variable(make_table(name=name), name="SEXE", label_fr="Sexe")
    indexed()
    (hit,) = hits_of(client, "/recherche/?onglet=variables&q=sexe")
    assert "Choisir dans quelle table l’ajouter" in hit
    assert 'id="tables"' in client.get("/variables/SEXE/").content.decode()


def test_near_results_of_a_tab_stand_beside_the_exact_ones_of_another(
    client: Client, indexed: Indexed
) -> None:
    table = make_table(label_fr="Glycémie", description="Mesure quotidienne")
    make_variable(table, name="JEUN", label_fr="Glycémie à jeun")
    indexed()
    text = text_of(client, "/recherche/?onglet=variables&q=glycémie+quotidienne")
    assert "résultats approchants" in text
    assert "JEUN" in text
    assert "1 résultat parmi les tables" in text
    text = text_of(client, "/recherche/?onglet=tables&q=glycémie+quotidienne")
    assert "résultats approchants" not in text


def test_facets_are_links_that_add_up(client: Client, indexed: Indexed) -> None:
    first, second = make_dataset(title_fr="Cœur"), make_dataset(title_fr="Rein")
    indexed()
    soup = BeautifulSoup(client.get("/recherche/").content, "html.parser")
    links = {a.span.get_text(strip=True): a["href"] for a in soup.select(".catalog-facet")}
    url = links[first.holder.organisation.name]
    assert f"responsable={first.holder.organisation.code}" in url
    response = client.get(f"/recherche/{url}")
    soup = BeautifulSoup(response.content, "html.parser")
    assert "Cœur" in page_text(response)
    assert [h.get_text(strip=True) for h in soup.select(".catalog-hit h2")] == ["Cœur"]
    chosen = soup.select_one(".catalog-facet--chosen")
    assert chosen is not None
    assert "responsable" not in chosen["href"]
    links = {a.span.get_text(strip=True): a["href"] for a in soup.select(".catalog-facet")}
    both = client.get(f"/recherche/{links[second.holder.organisation.name]}")
    assert len(BeautifulSoup(both.content, "html.parser").select(".catalog-hit")) == 2


def test_odd_addresses_are_told_and_answered(client: Client, indexed: Indexed) -> None:
    dataset = make_dataset()
    indexed()
    cases = {
        "?page=99": "la dernière est affichée",
        "?page=abc": "la première est affichée",
        "?page=-1": "la première est affichée",
        "?page=99999999999999999999": "la première est affichée",
        "?onglet=zzz": "Cet onglet n’existe pas",
        "?tri=zzz": "Ce tri n’existe pas",
        "?responsable=personne": "Un filtre inconnu a été laissé de côté",
        "?voie=zzz&voie=here": "Un filtre inconnu a été laissé de côté",
        "?couleur=bleu": dataset.title_fr,
        "?q=%00%FF": "résultat",
        "?q=%F0%9F%98%80": "Il n’y a pas de mot à chercher",
        "?q=de+la": "Il n’y a pas de mot à chercher",
    }
    for query, expected in cases.items():
        text = text_of(client, f"/recherche/{query}")
        assert expected in text, query
        if "q=" not in query:
            assert dataset.title_fr in text, query


def test_an_empty_result_helps(client: Client, indexed: Indexed) -> None:
    make_variable(label_fr="Glycémie à jeun")
    indexed()
    text = text_of(client, "/recherche/?q=zzzzzz")
    assert "Aucun résultat" in text
    assert "Vérifiez l’orthographe" in text
    assert "1 résultat parmi les variables" in text_of(
        client, "/recherche/?q=glycémie&onglet=bases&nature=described"
    ) or "Glycémie" in text_of(client, "/recherche/?q=glycémie&onglet=variables")


def test_near_results_are_called_so(client: Client, indexed: Indexed) -> None:
    make_dataset(title_fr="Registre des malformations")
    indexed()
    text = text_of(client, "/recherche/?q=malformatoins")
    assert "résultats approchants" in text
    assert "Registre des malformations" in text


def test_synonyms_are_shown(client: Client, indexed: Indexed) -> None:
    make_dataset(title_fr="Affections de longue durée")
    indexed()
    text = text_of(client, "/recherche/?q=ALD")
    assert "Recherché aussi : affection de longue durée" in text
    assert "Affections de longue durée" in text


def test_what_is_searched_is_escaped(client: Client, indexed: Indexed) -> None:
    make_dataset(title_fr="<b>Base</b> & <script>alert(1)</script>", summary_fr="x < y")
    indexed()
    response = client.get("/recherche/", {"q": '"><script>alert(1)</script>'})
    assert b"<script>alert" not in response.content
    response = client.get("/recherche/", {"q": "base"})
    assert b"<script>alert" not in response.content
    assert b"<b>" not in response.content


def test_a_stale_hit_is_left_out(client: Client, indexed: Indexed) -> None:
    gone, here = make_dataset(title_fr="Disparue"), make_dataset(title_fr="Présente")
    indexed()
    Dataset.objects.filter(pk=gone.pk).update(published_at=None)
    text = text_of(client, "/recherche/")
    assert "Disparue" not in text
    assert here.title_fr in text


@pytest.mark.parametrize("state", ["absent", "broken", "other version", "dead server"])
def test_without_its_index_the_page_still_answers(
    client: Client, indexed: Indexed, settings, state: str
) -> None:
    dataset = make_dataset(title_fr="Registre des fractures")
    variable = make_variable(make_table(dataset), label_fr="Côté de la fracture")
    indexed()
    folder = Path(settings.SEARCH_DIR)
    if state == "absent":
        shutil.rmtree(folder)
    elif state == "broken":
        for file in folder.glob("*/*"):
            file.write_bytes(b"broken")
    elif state == "other version":
        (folder / "current").write_text("0000000000-20200101")
    else:
        settings.SEARCH_URL = "opensearch+http://127.0.0.1:9"
    for query, expected in {
        "?q=fracture": dataset.title_fr,
        "?q=fracture&onglet=variables": variable.name,
        "?q=l'fracture&onglet=tables": "Registre des fractures",
        "?onglet=tables": "Registre des fractures",
        "?voie=here&nature=catalogue&tri=date": dataset.title_fr,
        f"?onglet=variables&base={dataset.code}&identifiant=care_date": "Aucun résultat",
        "?page=50": dataset.title_fr,
    }.items():
        text = text_of(client, f"/recherche/{query}")
        assert "momentanément indisponible" in text
        assert expected in text, query


# --- dataset, table, variable


def test_dataset_page(client: Client) -> None:
    dataset = make_dataset(
        population_fr="Adultes", covers_from=2010, covers_until=2020,
        number_of_individuals=12345, figures_source="comptage annuel",
    )  # fmt: skip
    dataset.controllers.add(make_organisation(name="Plateforme des données"))
    table = make_table(dataset, valid_from=2010, missing_years=[2015])
    other = make_table(dataset)
    make_variable(table, name="ENT_DAT", label_fr="Date d’entrée", identifier="care_date")
    TableKey.objects.create(
        table=table, variables=["ENT_DAT"], target_table=other, target_variables=["AUTRE"]
    )
    text = text_of(client, f"/bases/{dataset.code}/")
    for part in (
        dataset.title_fr, "Ce que la base contient", "Ce qu’elle ne contient pas", "Adultes",
        "de 2010 à 2020", "12 345 personnes", "comptage annuel", "Plateforme des données",
        dataset.holder.organisation.name, "Demandable ici", "2 tables, 1 variables",
        "depuis 2010, sauf 2015", "date exacte de soins (1)", "AUTRE",
    ):  # fmt: skip
        assert part in text, part


def test_the_dataset_page_keeps_the_order_of_its_parts(client: Client) -> None:
    dataset = make_dataset(summary_fr="Contenu", excludes_fr="Absent", population_fr="Adultes")
    one, two = make_table(dataset), make_table(dataset)
    TableKey.objects.create(table=one, variables=["A"], target_table=two, target_variables=["A"])
    text = text_of(client, f"/bases/{dataset.code}/")
    parts = (
        "Contenu", "En bref", "Demander l’accès", "réponse au plus tard le",
        "Ce que la base ne contient pas", "Tables de la base", "Liens entre les tables",
    )  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_figures_without_a_source_are_not_shown(client: Client) -> None:
    dataset = make_dataset(number_of_individuals=12345)
    assert "12 345" not in text_of(client, f"/bases/{dataset.code}/")


def test_a_base_asked_elsewhere_says_where(client: Client) -> None:
    here = make_dataset(
        kind="described", ask_route="other_route", route_name_fr="Réseau des registres",
        route_url="https://reseau.example/",
    )  # fmt: skip
    text = text_of(client, f"/bases/{here.code}/")
    assert "ne se demande pas ici" in text
    assert "Réseau des registres" in text
    contact = make_dataset(
        kind="described", ask_route="contact", contact_email="acces@base.example"
    )
    assert "acces@base.example" in text_of(client, f"/bases/{contact.code}/")


def test_panels_of_other_rooms_stand_where_the_base_can_be_asked_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def panel(request, subject) -> str:
        seen.append(subject)
        return "[panneau <i>]"

    monkeypatch.setattr(panels, "_panels", {name: [] for name in panels.NAMES})
    panels.register_panel("dataset_actions", panel)
    panels.register_panel("dataset_actions", panel)
    here = make_dataset()
    response = client.get(f"/bases/{here.code}/")
    assert response.content.decode().count("[panneau &lt;i&gt;]") == 1
    assert seen == [here]
    contact = make_dataset(kind="described", ask_route="contact", contact_email="a@b.example")
    assert "[panneau" not in text_of(client, f"/bases/{contact.code}/")
    with pytest.raises(KeyError):
        panels.register_panel("nowhere", panel)


def test_filter_of_variables(client: Client) -> None:
    table = make_table()
    make_variable(table, name="ENT_DAT", label_fr="Date d’entrée")
    make_variable(table, name="AUTRE", label_fr="Autre chose")
    for url in (f"/bases/{table.dataset.code}/", table.get_absolute_url()):
        text = client.get(f"{url}?variables=date").content.decode()
        assert "/variables/ENT_DAT/" in text
        assert "/variables/AUTRE/" not in text
        assert "Aucune variable" in text_of(client, f"{url}?variables=zzz")


def test_variables_are_ticked_only_where_they_can_be_asked_for(client: Client) -> None:
    table = make_table()
    make_variable(table, name="ENT_DAT")
    elsewhere = make_table(
        make_dataset(kind="described", ask_route="contact", contact_email="a@b.example")
    )
    make_variable(elsewhere, name="ENT_DAT")
    assert 'form="choix-variables"' in client.get(table.get_absolute_url()).content.decode()
    assert "choix-variables" not in client.get(elsewhere.get_absolute_url()).content.decode()


def test_variable_page_groups_and_ignores_case(client: Client) -> None:
    make_variable(make_table(name="T_UN"), name="ben_nai_ann", label_fr="Année", data_type="year")
    make_variable(
        make_table(name="T_DEUX"), name="BEN_NAI_ANN", valid_from=2010, valid_until=2012,
        missing_years=[2011], identifier="birth_month", nomenclature="IR_X",
    )  # fmt: skip
    make_variable(make_table(make_dataset(published=False), name="T_SECRET"), name="BEN_NAI_ANN")
    text = text_of(client, "/variables/Ben_Nai_Ann/")
    for part in ("T_UN", "T_DEUX", "2 tables la contiennent", "de 2010 à 2012, sauf 2011", "IR_X"):
        assert part in text
    assert "Identifiant potentiel : mois et année de naissance" in text
    assert "T_SECRET" not in text


def test_a_withdrawn_variable_says_since_when(client: Client) -> None:
    variable = make_variable(name="ANCIENNE", removed_at=timezone.now())
    assert "ne figure plus dans le dictionnaire depuis le" in text_of(
        client, variable.get_absolute_url()
    )
    make_variable(name="ANCIENNE")
    text = text_of(client, variable.get_absolute_url())
    assert "Retirée de" in text
    assert "1 table la contient" in text


@pytest.mark.parametrize(
    "url",
    ["/bases/none/", "/bases/none/tables/T/", "/variables/NONE/", "/bases/b/tables/%00/"],
)
def test_unknown_objects_are_404(client: Client, url: str) -> None:
    make_dataset(code="b")
    assert client.get(url).status_code == 404


def test_a_description_in_preparation_is_404(client: Client) -> None:
    table = make_table(make_dataset(published=False))
    make_variable(table, name="SECRETE")
    for url in (f"/bases/{table.dataset.code}/", table.get_absolute_url(), "/variables/SECRETE/"):
        assert client.get(url).status_code == 404


def test_pages_write_nothing_and_refuse_post(client: Client, indexed: Indexed) -> None:
    dataset = make_dataset()
    indexed()
    for url in ("/", "/recherche/?q=base", f"/bases/{dataset.code}/"):
        with count_queries() as queries:
            client.get(url)
        assert set(queries.by_verb()) <= {"SELECT"}
        assert client.post(url).status_code == 405


def test_demonstration_is_marked(client: Client, indexed: Indexed) -> None:
    dataset = make_dataset(is_demo=True)
    indexed()
    assert "Démonstration :" in text_of(client, f"/bases/{dataset.code}/")
    assert "Démonstration :" in text_of(client, "/recherche/")


# --- exports


def test_results_and_dictionary_as_csv(client: Client, indexed: Indexed) -> None:
    table = make_table(name="T_UN")
    make_variable(table, name="ENT_DAT", label_fr="=1+1", identifier="care_date", valid_from=2010)
    indexed()
    response = client.get("/recherche/export.csv?onglet=variables&q=ENT_DAT")
    assert response.headers["Content-Type"].startswith("text/csv")
    lines = response.getvalue().decode("utf-8-sig").splitlines()
    assert lines[1] == (f"variable;ENT_DAT;'=1+1;{table.dataset.code};T_UN;date exacte de soins")
    response = client.get(f"/bases/{table.dataset.code}/dictionnaire.csv")
    lines = response.getvalue().decode("utf-8-sig").splitlines()
    assert lines[1].startswith("T_UN;ENT_DAT;'=1+1;texte;;2010;;;date exacte de soins;")
    hidden = make_dataset(published=False)
    assert client.get(f"/bases/{hidden.code}/dictionnaire.csv").status_code == 404


def test_nul_bytes_are_no_error(client: Client, indexed: Indexed) -> None:
    table = make_table()
    indexed()
    for url in (
        "/recherche/?q=a%00b&responsable=%00&base=%00&theme=%00",
        f"/bases/{table.dataset.code}/?variables=a%00b",
        f"{table.get_absolute_url()}?variables=%00&page=%00",
    ):
        assert client.get(url).status_code == 200, url
    for url in ("/variables/%00/", "/api/v1/variables/?name=%00", "/api/v1/search/?holder=%00"):
        assert client.get(url).status_code in {400, 404}, url


# --- budgets


def grow(count: int) -> None:
    """`count` bases of 3 tables with 10 variables, some names shared."""
    holder = make_holder()
    term = VocabularyTerm.objects.get_or_create(
        scheme="health-theme", code="T", defaults={"label_fr": "Thème"}
    )[0]
    for n in range(count):
        dataset = make_dataset(title_fr=f"Base {n}", holder=holder if n % 2 else make_holder())
        dataset.terms.add(term)
        dataset.controllers.add(holder.organisation)
        tables = [make_table(dataset, name=f"T{k}") for k in range(3)]
        for table in tables:
            Variable.objects.bulk_create(
                Variable(table=table, name=f"V{n % 7}_{k}", label_fr=f"Libellé {k}")
                for k in range(10)
            )
        TableKey.objects.create(
            table=tables[0], variables=["a"], target_table=tables[1], target_variables=["b"]
        )


BUDGETS = {
    "/": 12,
    "/recherche/": 12,
    "/recherche/?q=base": 12,
    "/recherche/?onglet=tables&q=libellé": 12,
    "/recherche/?onglet=variables": 12,
    "/bases/{code}/": 15,
    "/bases/{code}/?variables=libellé": 15,
    "/bases/{code}/tables/T0/": 15,
    "/variables/V1_1/": 15,
    "/api/v1/datasets/": 12,
    "/api/v1/tables/": 12,
    "/api/v1/variables/": 12,
    "/api/v1/search/?q=libellé&kind=variable": 12,
}


@pytest.mark.parametrize("logged_in", [False, True])
def test_budgets_hold_whatever_the_size(
    client: Client, indexed: Indexed, settings, logged_in: bool
) -> None:
    """For a visitor, and for a person with a selection in a training portal: the dearest case."""
    if logged_in:
        settings.TRAINING = True
        client = client_for(person("alix"))
    counts: dict[str, list[int]] = {url: [] for url in BUDGETS}
    for size in (4, 40):
        grow(size)
        indexed()
        code = Dataset.objects.order_by("created_at").first().code
        if logged_in:
            client.post("/ma-selection/ajouter/", {"dataset": code, "table": "T0"})
            client.post("/ma-selection/ajouter/", {"dataset": code, "table": "T1"})
        client.get("/recherche/")  # opens the index
        for url, budget in BUDGETS.items():
            with assert_query_count(budget) as queries:
                assert client.get(url.format(code=code)).status_code == 200
            counts[url].append(queries.count)
    for url, (small, large) in counts.items():
        assert large <= small, f"{url}: {small} then {large} queries"


def test_the_demonstration_catalogue_shows_on_every_page(client: Client, indexed: Indexed) -> None:
    seed_catalogue()
    indexed()
    for dataset in Dataset.objects.all():
        assert dataset.title_fr in text_of(client, dataset.get_absolute_url())
        for table in dataset.tables.all():
            assert table.label_fr in text_of(client, table.get_absolute_url())


def test_no_template_of_the_catalogue_has_inline_style_or_script() -> None:
    for path in (Path(settings.BASE_DIR) / "templates" / "catalog").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "style=" not in text, path.name
        assert "onclick" not in text, path.name


def test_a_key_is_shown_where_both_its_tables_are(client: Client) -> None:
    """The name of a database in preparation stands on no page, list or answer of a public one."""
    seen, hidden = make_dataset(code="vue"), make_dataset(code="secrete", published=False)
    ours, theirs = make_table(seen, name="VUE_T"), make_table(hidden, name="SECRETE_T")
    other = make_table(make_dataset(code="autre"), name="AUTRE_T")
    for one, target in ((ours, theirs), (theirs, ours), (ours, other)):
        TableKey.objects.create(
            table=one, variables=["A"], target_table=target, target_variables=["B"]
        )
    pages = ["/bases/vue/", "/bases/vue/tables/VUE_T/", "/bases/vue/liens.csv", "/api/v1/tables/"]
    secretariat = client_for(make_user(Role.SECRETARIAT), verified=True)
    for address in pages:
        answer = client.get(address)
        body = b"".join(answer) if answer.streaming else answer.content
        assert b"AUTRE_T" in body, address
        assert b"SECRETE_T" not in body, address
        assert b"secrete" not in body, address
        if "api" not in address:
            answer = secretariat.get(address)
            body = b"".join(answer) if answer.streaming else answer.content
            assert b"SECRETE_T" in body, address
