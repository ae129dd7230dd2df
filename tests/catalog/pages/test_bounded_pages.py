"""What a page reads of a name that many tables hold: bounded, and the same words as before."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bs4 import BeautifulSoup
from django.db.models.signals import post_init
from django.test import Client

from catalog import counts
from catalog.models import Dataset, Table, TableKey, Variable
from catalog.pages import lists, pages, places, summary
from catalog.pages.found import Found
from catalog.pages.results import load
from catalog.search.query import Hit, parse
from requests_app.procedures.content import Row
from requests_app.selection.specification import describe
from tests.catalog.factories import (
    make_dataset,
    make_holder,
    make_organisation,
    make_table,
    make_variable,
)
from tests.support.client import page_text
from tests.support.queries import count_queries


pytestmark = [pytest.mark.django_db, pytest.mark.both]


@contextmanager
def instances() -> Iterator[Counter[str]]:
    """How many rows became objects, by model."""
    made: Counter[str] = Counter()

    def seen(sender: type, **_more: object) -> None:
        made[sender.__name__] += 1

    post_init.connect(seen)
    try:
        yield made
    finally:
        post_init.disconnect(seen)


def hold(count: int, name: str = "COMMUNE", **values: object) -> None:
    """`count` more tables of one base that hold the name, each with a label of its own."""
    dataset = Dataset.objects.filter(code="b").first() or make_dataset(code="b", title_fr="B")
    start = dataset.tables.count()
    tables = Table.objects.bulk_create(
        Table(dataset=dataset, name=f"T{n:04}", position=n) for n in range(start, start + count)
    )
    Variable.objects.bulk_create(
        Variable(
            table=table,
            name=name,
            label_fr=f"Libellé {table.name}",
            description=f"Texte de {table.name}",
            **values,
        )
        for table in tables
    )
    counts.changed()


def found(text: str = "", *names: str, listed: int = 0) -> list[Found]:
    return load([Hit("variable", name) for name in names or ("COMMUNE",)], parse(text),
                listed=listed)  # fmt: skip


# --- results


def test_a_name_of_many_tables_costs_what_a_name_of_few_costs() -> None:
    made, asked = [], []
    for more in (30, 270, 300):
        hold(more)
        with instances() as count, count_queries() as queries:
            (one,) = found("inconnu")
        made.append(count.total())
        asked.append(queries.count)
        assert len(one.places) <= places.LOOKED
    assert made[0] == made[1] == made[2] <= 4 * 7 + 5
    assert asked[0] == 3  # places, rows shown, descriptions
    assert asked[1] == asked[2] <= 6
    assert (one.total, one.tables_left, len(one.variables)) == (600, 594, 6)
    with count_queries() as queries:
        found("inconnu")
    assert queries.count == asked[2] - 1  # how many they are is known


def test_the_places_of_a_name_are_those_of_all_its_rows_in_order() -> None:
    """Beside the plain reading of every row, whose words the page keeps."""
    holders = [make_holder(organisation=make_organisation(name=f"H{n}")) for n in range(3)]
    for n in range(4):
        base = make_dataset(
            title_fr=f"Base {n % 3}", holder=holders[n % 3], is_demo=n == 2,
            kind="described" if n % 2 else "catalogue",
            ask_route="contact" if n % 2 else "here", contact_email="a@b.example",
        )  # fmt: skip
        for k in range(4):
            table = make_table(base, name=f"T{k}", position=3 - k)
            for name in ("SEXE", "sexe", f"V{n}"):
                make_variable(
                    table, name=name, label_fr=["", "Sexe", "Genre"][(n + k) % 3],
                    identifier="care_date" if n == 3 and k else "",
                )  # fmt: skip
    make_variable(make_table(make_dataset(published=False)), name="SEXE")
    for one in found("genre", "SEXE", "V0", "V1", "V3", listed=1000):
        rows = list(
            Variable.objects.published().named(one.name)
            .select_related("table__dataset__holder__organisation").order_by(*places.ORDER)
        )  # fmt: skip
        bases = list(dict.fromkeys(row.table.dataset for row in rows))
        labels = list(dict.fromkeys(row.label_fr for row in rows if row.label_fr))
        assert one.name == rows[0].name
        assert one.variables == rows[:6]
        assert one.total == len(rows)
        assert one.labels == sorted(labels, key=lambda label: label != "Genre")
        assert one.holders == list(dict.fromkeys(b.holder.organisation.name for b in bases))
        assert one.base_codes == [base.code for base in bases]
        assert one.table_names == [row.table.name for row in rows]
        assert one.base == next((b for b in bases if b.is_requestable), bases[0])
        assert one.identifier_code == next((r.identifier for r in rows if r.identifier), "")
        assert one.is_demo == any(base.is_demo for base in bases)


def test_what_stands_beyond_the_places_looked_at_is_still_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "LOOKED", 3)
    elsewhere = make_dataset(title_fr="A", kind="described", ask_route="contact",
                             contact_email="a@b.example")  # fmt: skip
    for n in range(4):
        make_variable(make_table(elsewhere, position=n), name="COMMUNE", label_fr="Commune")
    here = make_table(make_dataset(title_fr="B", is_demo=True))
    make_variable(here, name="COMMUNE", label_fr="Ville", identifier="residence_commune")
    (one,) = found("ville")
    assert (one.total, len(one.places), one.is_demo) == (5, 3, True)
    assert one.base == here.dataset
    assert one.identifier_code == "residence_commune"
    assert one.labels == ["Ville", "Commune"]


def test_a_description_answers_before_a_nomenclature_and_a_table() -> None:
    table = make_table(label_fr="Glycémie des patients")
    make_variable(table, name="A", label_fr="X", nomenclature="GLYCEMIE")
    make_variable(make_table(), name="A", label_fr="X", description="Taux de glycémie")
    make_variable(table, name="B", label_fr="X")
    said = [(one.why, one.excerpt) for one in found("glycémie", "A", "B")]
    assert said == [("description", "Taux de glycémie"), ("table", "Glycémie des patients")]


def test_the_api_and_the_file_tell_a_thousand_tables_and_count_the_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.api.views.LISTED", 5)
    monkeypatch.setattr("catalog.pages.exports.LISTED", 5)
    monkeypatch.setattr(places, "LOOKED", 4)
    hold(7)
    body = client.get("/api/v1/search/?kind=variable").json()["results"][0]  # without an index
    assert (len(body["tables"]), body["table_count"], body["datasets"]) == (5, 7, ["b"])
    line = client.get("/recherche/export.csv?onglet=variables").getvalue().decode().splitlines()[1]
    assert "T0000, T0001, T0002, T0003, T0004 et 2 autres;" in line


# --- the page of a variable


def test_the_page_of_a_variable_reads_one_page_of_its_tables(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 10)
    monkeypatch.setattr(summary, "LOOKED", 30)
    monkeypatch.setattr(summary, "SHOWN", 5)
    made, asked = [], []
    for more in (25, 40):
        hold(more)
        with instances() as count, count_queries() as queries:
            text = page_text(client.get("/variables/COMMUNE/"))
        made.append(count["Variable"])
        asked.append(queries.count)
    assert made == [11, 11]
    assert asked[0] <= 5
    assert asked[1] <= 12
    assert "65 tables la contiennent" in text
    assert "et 60 autres, dans la liste des tables" in text
    page = BeautifulSoup(client.get("/variables/COMMUNE/?page=7").content, "html.parser")
    assert "Texte de T0064" in page.select("#tables tbody tr")[-1].get_text()


def test_the_words_of_a_variable_are_those_of_all_its_rows(client: Client) -> None:
    """The summary read within bounds beside that of every row, in each order of the page."""
    base = make_dataset(title_fr="B")
    for n in range(9):
        make_variable(
            make_table(base, name=f"T{n}", position=9 - n), name="SEXE", data_type="integer",
            label_fr=f"L{n % 4}", nomenclature=f"N{n % 3}" if n % 2 else "", rule=f"R{n % 2}",
            description=f"D{n % 5}", valid_from=2000 + n if n else None, valid_until=2010 + n,
            missing_years=[2005] if n > 2 else [],
        )  # fmt: skip
    rows = Variable.objects.order_by("table__position")
    plain = summary.summary(rows, 9, list(rows))
    assert plain == summary.summary(rows, 9, list(rows[:3]))  # the page is not all of them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "LOOKED", 4)
        cut = summary.summary(rows, 9, list(rows[:3]))
    assert cut.left == plain.left == dict.fromkeys(plain.texts, 0)
    assert {name: set(texts) for name, texts in cut.texts.items()} == {
        name: set(texts) for name, texts in plain.texts.items()
    }
    assert cut.texts["label_fr"][:4] == plain.texts["label_fr"][:4]
    assert (cut.until, cut.is_demo) == (plain.until, plain.is_demo)
    years = [pages.Years.of(one.spans) for one in (cut, plain)]
    assert years[0] == years[1]
    text = page_text(client.get("/variables/SEXE/?tri=-libelle"))
    assert text.index("L3") < text.index("L2") < text.index("L0")


def test_tables_a_name_was_taken_from_are_paged(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 10)
    base = make_dataset()
    make_variable(make_table(base), name="SEXE")
    gone = Table.objects.bulk_create(Table(dataset=base, name=f"G{n:03}") for n in range(11))
    Variable.objects.bulk_create(
        Variable(table=table, name="SEXE", removed_at="2026-01-02T00:00Z") for table in gone
    )
    text = page_text(client.get("/variables/SEXE/"))
    assert ("G009" in text, "G010" in text) == (True, False)
    assert "G010" in page_text(client.get("/variables/SEXE/?page_retirees=2"))


# --- a base and a table


def test_the_page_of_a_base_reads_one_page_of_its_tables(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 10)
    for more in (12, 60):
        hold(more)
        with instances() as count:
            assert client.get("/bases/b/").status_code == 200
        assert count["Table"] == 11


def test_a_table_that_many_join_shows_all_of_them_by_pages(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 4)
    hold(8)
    hub, *others = Table.objects.order_by("position")
    for n, table in enumerate(others):
        TableKey.objects.create(
            table=table, variables=["A"], target_table=hub, target_variables=["A" if n % 2 else "B"]
        )
    Table.objects.filter(pk=others[0].pk).update(removed_at="2026-01-02T00:00Z")
    with instances() as count:
        text = page_text(client.get(hub.get_absolute_url()))
    assert count["TableKey"] == 5
    assert "Jointe par T0002 , T0004 par A T0003 , T0005 par B" in text
    text = page_text(client.get(f"{hub.get_absolute_url()}?page_table=2"))
    assert "Jointe par T0006 par A T0007 par B" in text


def test_a_selection_reads_only_the_keys_that_join_it() -> None:
    hold(12)
    hub, chosen, bridge, *others = Table.objects.order_by("position")
    for table in (*others, bridge):
        TableKey.objects.create(
            table=table, variables=["A"], target_table=hub, target_variables=["B"]
        )
    TableKey.objects.create(
        table=chosen, variables=["C"], target_table=bridge, target_variables=["C"]
    )
    rows = [Row(dataset="b", table=one.name, variables=["COMMUNE"]) for one in (hub, chosen)]
    with instances() as count:
        (finding,) = [f for one in describe(rows) for f in one.findings]
    assert "le lien passe par la table T0002" in finding.text
    assert count["TableKey"] == 2
