"""Lists of the catalogue: sorted, paged, filtered by their address, and taken away as a file."""

from datetime import date

import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client

from catalog.models import TableKey, Variable
from catalog.pages import lists
from catalog.timeline import Years
from tests.catalog.factories import make_dataset, make_table, make_variable
from tests.support.client import page_text


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def rows_of(response: HttpResponse, section: str, column: int) -> list[str]:
    """Words of one column of a section's table."""
    soup = BeautifulSoup(response.content, "html.parser")
    return [
        " ".join(row.find_all("td")[column].get_text().split())
        for row in soup.select(f"#{section} tbody tr")
    ]


def lines_of(response: HttpResponse) -> list[list[str]]:
    text = response.getvalue().decode("utf-8-sig")  # type: ignore[attr-defined]
    return [line.split(";") for line in text.splitlines()][1:]


def test_tables_of_a_base_are_sorted_by_any_column(client: Client) -> None:
    base = make_dataset(code="b")
    first = make_table(base, name="T_A", label_fr="Zèbres", valid_from=2015, position=0)
    make_table(base, name="T_B", label_fr="agneaux", valid_from=2010, position=1)
    make_table(base, name="T_C", label_fr="Moutons", position=2)
    make_variable(first)
    expected = {
        "": ["T_A", "T_B", "T_C"],
        "?tri_tables=libelle": ["T_B", "T_C", "T_A"],
        "?tri_tables=-nom": ["T_C", "T_B", "T_A"],
        "?tri_tables=-variables": ["T_A", "T_C", "T_B"],
        "?tri_tables=annees": ["T_B", "T_A", "T_C"],  # unknown years last
        "?tri_tables=-annees": ["T_A", "T_B", "T_C"],
        "?tri_tables=zzz": ["T_A", "T_B", "T_C"],
    }
    for query, names in expected.items():
        assert rows_of(client.get(f"/bases/b/{query}"), "variables", 1) == names, query
        exported = lines_of(client.get(f"/bases/b/tables.csv{query}"))
        assert [line[0] for line in exported] == names, query
    assert [line[2] for line in lines_of(client.get("/bases/b/tables.csv"))] == ["1", "0", "0"]


def test_links_are_sorted_and_exported(client: Client) -> None:
    base = make_dataset(code="b")
    one, two = make_table(base, name="T_A"), make_table(base, name="T_B")
    for source, target in ((one, two), (two, one)):
        TableKey.objects.create(
            table=source, variables=["C1", "C2"], target_table=target, target_variables=["D1", "D2"]
        )
    assert rows_of(client.get("/bases/b/"), "liens", 0) == ["T_A", "T_B"]
    assert rows_of(client.get("/bases/b/?tri_liens=visee"), "liens", 0) == ["T_B", "T_A"]
    lines = lines_of(client.get("/bases/b/liens.csv?tri_liens=-table"))
    assert lines[0] == ["T_B", "C1, C2", "b", "T_A", "D1, D2"]


def test_tables_that_join_by_the_same_variables_are_told_together(client: Client) -> None:
    base = make_dataset(code="b")
    hub = make_table(base, name="HUB")
    for name in ("T_B", "T_A"):
        TableKey.objects.create(
            table=make_table(base, name=name),
            variables=["X", "Y"],
            target_table=hub,
            target_variables=["C1", "C2"],
        )
    text = page_text(client.get("/bases/b/tables/HUB/"))
    assert "Jointe par T_A , T_B par C1, C2" in text
    assert "Se joint à HUB par X, Y" in page_text(client.get("/bases/b/tables/T_A/"))


def test_variables_of_a_table_are_sorted_filtered_and_exported_alike(client: Client) -> None:
    table = make_table(make_dataset(code="b"), name="T")
    make_variable(table, name="Z_DATE", label_fr="Date d’entrée", data_type="date", position=0)
    make_variable(table, name="A_DATE", label_fr="Date de sortie", data_type="date", position=1)
    make_variable(table, name="MODE", label_fr="Mode", data_type="string", position=2)
    url = "/bases/b/tables/T/"
    for query, names in {
        "": ["Z_DATE", "A_DATE", "MODE"],
        "?tri=nom": ["A_DATE", "MODE", "Z_DATE"],
        "?tri=-libelle": ["MODE", "Z_DATE", "A_DATE"],
        "?tri=-nom&variables=date": ["Z_DATE", "A_DATE"],
    }.items():
        assert rows_of(client.get(url + query), "variables", 2) == names, query
        exported = lines_of(client.get(f"{url}dictionnaire.csv{query}"))
        assert [line[1] for line in exported] == names, query
    page = BeautifulSoup(client.get(f"{url}?variables=date&tri=nom").content, "html.parser")
    links = [a["href"] for a in page.select("a.fr-icon-download-line")]
    assert links == ["/bases/b/tables/T/dictionnaire.csv?variables=date&tri=nom"]
    assert page.select_one('input[type=hidden][name=tri][value="nom"]')  # a new filter keeps it
    names = [line[1] for line in lines_of(client.get("/bases/b/dictionnaire.csv?variables=sortie"))]
    assert names == ["A_DATE"]


def test_long_lists_are_paged_each_by_its_own_word(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    base = make_dataset(code="b")
    for n in range(3):
        table = make_table(base, name=f"T{n}", position=n)
        Variable.objects.bulk_create(
            Variable(table=table, name=f"V{k}", position=k) for k in range(3)
        )
    assert rows_of(client.get("/bases/b/?page_tables=2"), "variables", 1) == ["T2"]
    response = client.get("/bases/b/?page_tables=2&tri_tables=nom")
    assert "page_tables=1" in response.content.decode()
    assert "?tri_tables=-nom" in response.content.decode()  # sorting goes back to the first page
    assert rows_of(client.get("/bases/b/?page_tables=99"), "variables", 1) == ["T2"]
    assert rows_of(client.get("/bases/b/tables/T0/?page=2"), "variables", 2) == ["V2"]
    response = client.get("/variables/V1/?page=2")
    assert "3 tables la contiennent" in page_text(response)
    assert [text.split()[0] for text in rows_of(response, "tables", 0)] == ["T2"]
    assert len(lines_of(client.get("/variables/V1/tables.csv"))) == 3


def test_tables_that_hold_a_variable_are_sorted_and_exported(client: Client) -> None:
    for code, table, first in (("a", "T_Z", 2012), ("z", "T_A", 2010)):
        base = make_dataset(code=code, title_fr=f"Base {code}")
        make_variable(make_table(base, name=table), name="SEXE", valid_from=first)
    hidden = make_table(make_dataset(published=False), name="T_SECRET")
    make_variable(hidden, name="SEXE")
    names = [line[2] for line in lines_of(client.get("/variables/sexe/tables.csv"))]
    assert names == ["T_Z", "T_A"]
    for query, expected in {
        "?tri=table": "T_A",
        "?tri=-base": "T_A",
        "?tri=-annees": "T_Z",
    }.items():
        assert rows_of(client.get(f"/variables/SEXE/{query}"), "tables", 0)[0].startswith(expected)
        assert lines_of(client.get(f"/variables/SEXE/tables.csv{query}"))[0][2] == expected
    assert client.get("/variables/RIEN/tables.csv").status_code == 404
    for url in ("tables.csv", "liens.csv", "tables/T_SECRET/dictionnaire.csv"):
        assert client.get(f"/bases/{hidden.dataset.code}/{url}").status_code == 404


def test_years_of_several_tables_together() -> None:
    early = Variable(valid_from=2006, valid_until=2010, missing_years=[2008])
    late = Variable(valid_from=2012, valid_until=2015, missing_years=[])
    unknown = Variable()
    years = Years.of([early, late, unknown])
    assert years is not None
    assert (years.valid_from, years.valid_until) == (2006, 2015)
    assert years.missing_years == [2008, 2011]
    assert [y for y in range(2004, 2018) if years.exists_in(y)] == [
        2006, 2007, 2009, 2010, 2012, 2013, 2014, 2015,
    ]  # fmt: skip
    assert Years.of([unknown]) is None
    open_ended = Years.of([early, Variable(valid_from=2009)])
    assert open_ended is not None
    assert (open_ended.valid_until, open_ended.missing_years) == (None, [2008])


def test_a_variable_that_ended_says_its_last_year(client: Client) -> None:
    base = make_dataset(as_of=date(2020, 12, 15))
    make_variable(make_table(base), name="FINIE", valid_from=2006, valid_until=2015)
    text = page_text(client.get("/variables/FINIE/"))
    assert "n’est plus renseignée : 2015 est sa dernière année" in text
    assert "décrite au 15 décembre 2020" in text  # C16
    make_variable(make_table(base), name="FINIE", valid_from=2016)
    text = page_text(client.get("/variables/FINIE/"))
    assert "n’est plus renseignée" not in text
    assert "depuis 2006 (toutes tables réunies)" in text
