"""Documents of the index: the words of each text read once, and no more rows than they hold."""

import unicodedata
from collections import Counter
from typing import Any

import pytest
from django.db.models import Q

from catalog.models import Dataset, IndexOutbox, Table, Variable
from catalog.search import documents, highlight, indexing, text
from catalog.search.documents import all_documents, documents_for
from catalog.search.query import parse
from tests.catalog.factories import make_dataset, make_organisation, make_table, make_variable
from tests.catalog.pages.test_bounded_pages import hold, instances
from tests.support.queries import count_queries


pytestmark = pytest.mark.both


def slowly_folded(value: str) -> str:
    """What `fold` means, character by character."""
    value = unicodedata.normalize("NFKD", value.translate(text._LIGATURES)).lower()
    return "".join(c for c in value if not unicodedata.combining(c))


# --- words


def test_a_text_is_folded_as_its_definition_says() -> None:
    signs = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(signs), 997):
        part = "".join(signs[start : start + 997])
        assert text.fold(part) == slowly_folded(part)
    for value in ("", "BEN_RES_COM 2", "Œuvre à l’Hôpital", "ﬁn", "İ", "e\u0301", "ß\u0327A"):
        assert text.fold(value) == slowly_folded(value)


def test_a_text_is_read_once_for_its_two_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("Nb d’actes à l’hôpital, n° 12", "", "de la", "Cœurs\u00a0DÉCÉDÉS e\u0301te"):
        assert text.analysed(value) == (text.stems(value), text.plains(value))
    read: Counter[str] = Counter()
    monkeypatch.setattr(documents, "analysed", lambda value: (read.update([value]), ("", ""))[1])
    documents.make_document("table", "x", ["A"], title="un titre", body="un corps")
    assert read == {"un titre": 1, "un corps": 1, "": 4}


def test_a_text_is_marked_from_what_was_found_when_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: Counter[str] = Counter()
    folded: Counter[str] = Counter()
    words, fold = highlight.words, highlight.fold
    monkeypatch.setattr(highlight, "words", lambda value: (read.update([value]), words(value))[1])
    monkeypatch.setattr(highlight, "fold", lambda value: (folded.update([value]), fold(value))[1])
    parsed = parse("date de sortie")
    for _ in range(3):
        assert highlight.has_match("Date du séjour", parsed)
        assert highlight.mark("Date du séjour", parsed) == "<mark>Date</mark> du séjour"
    assert (read, folded) == ({"Date du séjour": 1}, {})
    assert highlight.mark("Code BEN_RES_COM", parse("BEN_RES_COM")) == (
        "Code <mark>BEN_RES_COM</mark>"
    )
    assert folded == {"Code BEN_RES_COM": 1}  # a code was typed
    assert parse("date de sortie") == parsed  # what was found is no part of a query


# --- documents


@pytest.mark.django_db
def test_a_rebuild_asks_no_more_for_more_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for more in (2, 6):
        for _ in range(more):
            dataset = make_dataset()
            dataset.controllers.add(dataset.holder.organisation)
            make_variable(make_table(dataset), name="SEXE")
        with count_queries() as queries, instances() as made:
            assert len(list(all_documents())) == 2 * Dataset.objects.count() + 1
        asked.append(queries.count)
        assert made["Variable"] == 0
    assert asked[0] == asked[1]
    monkeypatch.setattr(documents, "CHUNK", 3)
    names = [one["inner_p"] for one in all_documents() if one["kind"] == "dataset"]
    assert len(names) == 8
    assert all("sexe" in inner for inner in names)


def plain_document(name_key: str) -> dict[str, Any]:
    """The document of a name as every one of its rows makes it."""
    rows = list(
        Variable.objects.published()
        .filter(name_key=name_key)
        .select_related("table__dataset__holder__organisation")
        .order_by("table__dataset__code", "table__name")
    )
    bases = list(dict.fromkeys(row.table.dataset for row in rows))
    owners = [base.holder.organisation for base in bases]
    places = dict.fromkeys(f"{row.table.name} {row.table.label_fr}" for row in rows)
    return documents.make_document(
        "variable", name_key, [row.name for row in rows],
        title=" ".join(dict.fromkeys(row.label_fr for row in rows if row.label_fr)),
        keywords=" ".join(sorted(
            {row.get_identifier_display() for row in rows if row.identifier}
            | {row.nomenclature for row in rows if row.nomenclature}
        )),
        body=" ".join(dict.fromkeys(r.description for r in rows if r.description))[:4000],
        context=" ".join([*places, *(f"{base.title_fr} {base.acronym}" for base in bases)]),
        holder_name=" ".join(f"{one.name} {one.acronym}" for one in owners),
        route=[base.ask_route for base in bases],
        nature=[base.kind for base in bases],
        holder=[one.code for one in owners],
        dataset=[base.code for base in bases],
        identifier=[row.identifier for row in rows],
        type=[row.data_type for row in rows],
        updated=max((base.as_of.toordinal() for base in bases if base.as_of), default=0),
    )  # fmt: skip


@pytest.mark.django_db
def test_a_variable_has_the_document_that_all_its_rows_make() -> None:
    for n in range(3):
        base = make_dataset(acronym="B", as_of=None if n else "2026-02-03")
        for k in range(2):
            table = make_table(base, label_fr="Séjours")
            make_variable(
                table, name="SEXE" if k else "sexe", label_fr=["Sexe", "", "Genre"][n],
                description=f"Texte {k} " * 300 if n else "", nomenclature=f"N{n}" if k else "",
                identifier="care_date" if n == 1 else "", data_type="integer" if k else "date",
            )  # fmt: skip
            make_variable(table, name="AUTRE")
    make_variable(make_table(make_dataset(published=False)), name="SEXE", label_fr="Secret")
    expected = [plain_document("AUTRE"), plain_document("SEXE")]
    assert [one for one in all_documents() if one["kind"] == "variable"] == expected
    found, gone = documents_for("variable", ["SEXE", "AUTRE", "PARTIE"])
    assert found == expected
    assert gone == ["variable:PARTIE"]


@pytest.mark.django_db
def test_the_document_of_a_name_is_bounded_whatever_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "NAME_LIMIT", 200)
    monkeypatch.setattr(documents, "BODY_LIMIT", 200)
    monkeypatch.setattr(documents, "CODE_LIMIT", 20)
    hold(30)
    first = documents_for("variable", ["COMMUNE"])[0][0]
    hold(120)
    with instances() as made, count_queries() as queries:
        second = documents_for("variable", ["COMMUNE"])[0][0]
    assert first == second
    assert made.total() == 0
    assert queries.count <= 2  # a cursor of the server is no statement here


# --- what a save calls for


def wanted() -> dict[str, int]:
    rows = list(IndexOutbox.objects.values_list("pk", "kind", "key"))
    IndexOutbox.objects.all().delete()
    return {kind: len(keys) for kind, keys in indexing._objects(rows).items()}


@pytest.mark.django_db
def test_a_save_calls_for_the_documents_that_hold_what_it_changed() -> None:
    dataset = make_dataset(code="b")
    hold(5)
    make_variable(Table.objects.first(), name="SEXE")
    table = Table.objects.filter(~Q(variables__name="SEXE")).first()
    wanted()
    everything = {"dataset": 1, "table": 5, "variable": 2}
    for row, name, value, expected in (
        (dataset, "summary_fr", "Autre texte", {"dataset": 1}),
        (dataset, "title_fr", "Autre titre", everything),
        (dataset, "as_of", None, everything),
        (dataset, "published_at", None, everything),
        (dataset.holder, "summary_fr", "Présentation", {}),
        (dataset.holder, "organisation", make_organisation(), everything),
        (table, "description", "Texte", {"table": 1}),
        (table, "label_fr", "Autre libellé", {"table": 1, "dataset": 1, "variable": 1}),
        (table, "removed_at", "2026-01-01T00:00Z", {"table": 1, "dataset": 1, "variable": 1}),
    ):
        setattr(row, name, value)
        row.save()
        assert wanted() == expected, name
    table.delete()
    assert wanted() == {"variable": 1, "table": 1, "dataset": 1}


def test_what_documents_hold_of_others_is_listed() -> None:
    """A field of a base that its tables or variables show must be among those compared."""
    shown = {"title", "acronym", "code", "route", "nature", "as_of"}
    assert shown <= set(documents.Base._fields)
    assert {"code", "acronym", "title_fr", "ask_route", "kind", "as_of", "holder_id",
            "published_at"} == set(Dataset.held_elsewhere)  # fmt: skip
