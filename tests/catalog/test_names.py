"""Names of tables and variables, and the addresses that carry them."""

import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import NoReverseMatch, Resolver404, get_resolver, resolve, reverse
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.ingest.readers.table_schema import label_and_text
from catalog.models import Table, Variable
from catalog.names import key_of, tidy_name, wrong_with
from catalog.search import indexing

from .factories import make_dataset, make_table, make_variable
from .ingest.test_import import field, load, write


pytestmark = pytest.mark.both


# Every place where a name is a part of the path, with what stands before it.
WITH_A_NAME = {
    "catalog:table": ["base-1"],
    "catalog:table_dictionary": ["base-1"],
    "catalog:variable": [],
    "catalog:holding_export": [],
    "requests_app:basket_row": ["base-1"],
    "requests_app:draft_row": ["base-1"],
}
ODD = [
    "Âge à l’inclusion", "50 %", "A?b=c#d", "a&b;c", "n° 1", "été", "名前", "a.b", "..x", "x~",
    "a+b", "(1)", "a:b", '"x"', "<b>", "‘x’", "ﬀ", "ß", "ŉ", "İ", "10^3", "a" * 80, "A  B",
    "é\u0301a", "Nguye\u0302\u0303n", "שִּׁ֖", "مُحَمَّد", "क्ष", "བསྒྲུབས",
]  # fmt: skip
REFUSED = [
    "", " ", ".", "..", "…", "a/b", "/", "a\\b", "a\0b", "a\nb", "a\tb", "a\u200bb", "\u202ea",
    "a\xadb", "a\ud83d", "a\ue000", "a\u0378", "a\xa0b", "a\u2028b", "\ufeffa", " a", "a ",
    "a" * 81, "ﬃ" * 40, "a\u034f", "a\ufe0f", "a\u3164", "\uffa0", "a\u2800b", "a\U000e0100",
    "a\U000f0000", "a\u115f", "a\u17b4", "a\u180b", "a\u200d", "a" + "\u0301" * 5,
    "é" + "\u0323" * 4,
]  # fmt: skip


def carried(view: str, name: str) -> str:
    """The name that a view is given when the address of that name is asked."""
    before = WITH_A_NAME[view]
    if view == "requests_app:draft_row":
        before = ["6a4b1b8e-8c0e-4b43-9d5e-1d6a2a3b4c5d", *before]
    path = urlsplit(reverse(view, args=[*before, name])).path
    found = resolve(unquote(path))
    return str(found.kwargs.get("name") or found.kwargs["table"])


def test_every_address_with_a_name_is_known_here() -> None:
    """A new page that has a name in its path is tried with the others."""
    found = set()
    groups = [("", get_resolver().url_patterns)]
    for space, patterns in groups:
        for one in patterns:
            if hasattr(one, "url_patterns"):
                inner = f"{space}{one.namespace}:" if one.namespace else space
                groups.append((inner, one.url_patterns))
            elif (space == "catalog:" and "name" in one.pattern.converters) or (
                "table" in one.pattern.converters
            ):
                found.add(f"{space}{one.name}")
    assert found == set(WITH_A_NAME)


@given(st.one_of(st.text(max_size=90), st.text("aé/\\.%?#;:+ \u0301\u200b-_’", max_size=12)))
@example("a")
def test_every_accepted_name_is_carried_by_every_address(text: str) -> None:
    name = tidy_name(text)
    if wrong_with(name):
        return
    name.encode()
    assert tidy_name(name) == name
    for view in WITH_A_NAME:
        assert carried(view, name) == name


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_accepted(name: str) -> None:
    assert wrong_with(tidy_name(name)) == ""


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_address_would_cut_or_hide_is_refused_everywhere(name: str) -> None:
    reason = wrong_with(name)
    assert reason.endswith(".")
    reason.encode()
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in reason)
    for model in (Table, Variable):
        with pytest.raises(ValidationError):
            model._meta.get_field("name").clean(name, None)
    if "/" in name or not name:
        with pytest.raises(NoReverseMatch):
            reverse("catalog:variable", args=[name])
    with pytest.raises(Resolver404):
        resolve(f"/variables/{name}/")


def test_a_label_holds_nothing_unseen() -> None:
    assert label_and_text("Âge\ufe0f\ue000\u3164 révolu", "") == ("Âge révolu", "")
    assert label_and_text("\u3164", "Âge\u034f\nrévolu") == ("Âge", "Âge\u034f\nrévolu")
    assert label_and_text("", "Âge  révolu\u3164") == ("Âge révolu", "")  # not said twice


@pytest.mark.django_db
def test_names_that_nobody_can_tell_apart_are_withdrawn(tmp_path: Path) -> None:
    """As rows written by hand: no address carries them, and the next import takes them away."""
    folder = tmp_path / "schemas"
    write(folder, "DCIR__ÂGE.json", [field("CLE")])
    load(folder)
    kept = Table.objects.get(name="ÂGE")
    twin, hidden = make_table(kept.dataset, name="ÂGE\ufe0f"), make_variable(kept, name="A\u3164")
    assert "2 retirées" in load(folder)
    for row in (kept, twin, hidden):
        row.refresh_from_db()
    assert [row.removed_at is None for row in (kept, twin, hidden)] == [True, False, False]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Âge à l’inclusion", "50 % ?#", "ß été"])
def test_pages_lists_and_interface_lead_to_an_odd_name(client: Client, name: str) -> None:
    """The case of a letter changes nothing, whatever the database makes of accents."""
    table = make_table(make_dataset(), name=name)
    make_variable(table, name=name, label_fr="Observation singulière")
    indexing.rebuild()
    hits = client.get("/api/v1/search/", {"q": "singulière", "kind": "variable"}).json()["results"]
    assert [hit["name"] for hit in hits] == [name]
    for address in (
        urlsplit(hits[0]["url"]).path,
        reverse("catalog:variable", args=[name.swapcase()]),
        reverse("catalog:holding_export", args=[name]),
        table.get_absolute_url(),
        reverse("catalog:table_dictionary", args=[table.dataset.code, name]),
    ):
        assert client.get(address).status_code == 200, address
    for parameter in ({"name": name.upper()}, {"table": name}):
        assert client.get("/api/v1/variables/", parameter).json()["count"] == 1
    assert client.get("/api/v1/tables/", {"name": name}).json()["count"] == 1
    assert client.get("/recherche/", {"q": "singulière", "onglet": "variables"}).status_code == 200


@pytest.mark.django_db
def test_the_key_follows_the_name_however_it_is_written() -> None:
    table = make_table(name="âge")
    assert table.name_key == "ÂGE"
    table.name = "été"
    table.save()
    Variable.objects.bulk_create([Variable(table=table, name="e\u0301ta\u0301")])
    assert Table.objects.get(name_key="ÉTÉ") == table
    assert Variable.objects.named("ÉTÁ").exists()
    assert key_of("straße") == key_of("STRASSE")
