"""The contract of search engines: every test runs on each of them, or says that it could not."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from catalog.search.backends.base import SearchBackend, SearchUnavailable
from catalog.search.backends.embedded import EmbeddedBackend
from catalog.search.backends.opensearch import OpenSearchBackend
from catalog.search.documents import Document, make_document
from catalog.search.query import SearchRequest, SearchResult, parse


ENGINES = [
    "embedded",
    pytest.param("opensearch", marks=pytest.mark.engine("opensearch")),
]


def documents() -> list[Document]:
    common = {"route": "here", "nature": "catalogue"}
    rows = [
        make_document(
            "dataset", "d1", ["reg-avc", "REGAVC"], title="Registre des accidents vasculaires",
            body="Tous les accidents vasculaires cérébraux de l’hôpital", holder="lac",
            theme=["CARDIO"], dataset="reg-avc", updated=30, **common,
        ),
        make_document(
            "dataset", "d2", ["oncosein"], title="Cancers du sein", holder="institut",
            body="Tumeurs, traitements et décès", inner="OS_TUMEUR taille", theme=["CANCER"],
            dataset="oncosein", updated=10, **common,
        ),
        make_document(
            "dataset", "d3", ["rares"], title="Maladies rares", holder="lac", theme=["RARE"],
            body="Affections de longue durée, diagnostic", dataset="rares", updated=20,
            route="contact", nature="described",
        ),
        make_document(
            "table", "t1", ["ER_PRS_F"], title="Prestations remboursées ER_PRS_F",
            holder="lac", dataset="reg-avc", **common,
        ),
        make_document(
            "variable", "BEN_RES_COM", ["BEN_RES_COM"], holder="lac", type="string",
            title="Commune de résidence du bénéficiaire", identifier="residence_commune",
            dataset=["reg-avc", "rares"], context="ER_PRS_F Prestations", **common,
        ),
        make_document(
            "variable", "BEN_NAI_ANN", ["BEN_NAI_ANN"], title="Année de naissance du bénéficiaire",
            holder="lac", type="year", identifier="birth_month", dataset="reg-avc", **common,
        ),
        make_document(
            "variable", "ENT_DAT", ["ENT_DAT"], title="Date d’entrée à l’hôpital",
            holder="institut", type="date", identifier="care_date", dataset="oncosein", **common,
        ),
        make_document(
            "variable", "VALEUR", ["valeur"], title="Valeur numérique du résultat",
            holder="institut", type="number", dataset="oncosein", **common,
        ),
    ]  # fmt: skip
    rows += [
        make_document(
            "variable", f"LOT_{n:03}", [f"LOT_{n:03}"], title=f"Lot d’épreuve {n:03}",
            holder="institut", type="number", dataset="oncosein", **common,
        )
        for n in range(60)
    ]  # fmt: skip
    return rows


def make(engine: str, folder: Path) -> SearchBackend:
    if engine == "embedded":
        return EmbeddedBackend(folder)
    return OpenSearchBackend(os.environ["TEST_OPENSEARCH_URL"], f"test-{uuid.uuid4().hex[:8]}")


def forget(backend: SearchBackend) -> None:
    if isinstance(backend, OpenSearchBackend):
        for name in backend.client.indices.get(index=f"{backend.names}-*"):
            backend.client.indices.delete(index=name, request_timeout=30)


@pytest.fixture(scope="module", params=ENGINES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """An index that tests read and do not change."""
    backend = make(request.param, tmp_path_factory.mktemp("search"))
    backend.rebuild(documents())
    yield backend
    forget(backend)


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator:
    """An engine without any index."""
    backend = make(request.param, tmp_path)
    yield backend
    forget(backend)


def ask(
    backend: SearchBackend, text: str = "", kind: str = "variable", **more: object
) -> SearchResult:
    return backend.search(SearchRequest(parse(text), kind, **more))  # type: ignore[arg-type]


def keys(result: SearchResult) -> list[str]:
    return [hit.key for hit in result.hits]


@pytest.mark.parametrize(
    ("text", "kind", "first"),
    [
        ("commune de résidence du bénéficiaire", "variable", "BEN_RES_COM"),
        ("COMMUNE RESIDENCE BENEFICIAIRE", "variable", "BEN_RES_COM"),  # no accents
        ("communes de résidence des bénéficiaires", "variable", "BEN_RES_COM"),  # plurals
        ("BEN_NAI_ANN", "variable", "BEN_NAI_ANN"),
        ("ben_nai_ann", "variable", "BEN_NAI_ANN"),
        ("l'hopital", "variable", "ENT_DAT"),  # elision, straight apostrophe, no accent
        ("l’hôpital", "variable", "ENT_DAT"),
        ("hôpital", "dataset", "d1"),
        ("AVC", "dataset", "d1"),  # acronym, by its expansion
        ("ALD", "dataset", "d3"),
        ("accident vasculaire cérébral", "dataset", "d1"),
        ("REGAVC", "dataset", "d1"),
        ("deces", "dataset", "d2"),
        ('"année de naissance"', "variable", "BEN_NAI_ANN"),
        ("os_tumeur", "dataset", "d2"),
        ("er_prs_f", "table", "t1"),
    ],
)
def test_finds_first(built: SearchBackend, text: str, kind: str, first: str) -> None:
    result = ask(built, text, kind)
    assert keys(result)[:1] == [first]
    assert not result.loosened


def test_prefix_of_a_code(built: SearchBackend) -> None:
    result = ask(built, "BEN_")
    assert set(keys(result)) == {"BEN_RES_COM", "BEN_NAI_ANN"}
    assert not result.loosened


def test_a_quoted_phrase_must_stand_as_written(built: SearchBackend) -> None:
    assert ask(built, '"naissance année"').total == 0 or ask(built, '"naissance année"').loosened


def test_counts_of_every_kind(built: SearchBackend) -> None:
    assert ask(built).kinds == {"dataset": 3, "table": 1, "variable": 64}


def test_a_misspelt_word_is_approached(built: SearchBackend) -> None:
    result = ask(built, "comune")
    assert result.loosened
    assert keys(result) == ["BEN_RES_COM"]


def test_those_that_come_near_every_word_go_first(built: SearchBackend) -> None:
    result = ask(built, "anée de naisance du bénéficiare")
    assert result.loosened
    assert keys(result)[0] == "BEN_NAI_ANN"


def test_a_misspelt_code_is_approached(built: SearchBackend) -> None:
    result = ask(built, "BEN_RES_CM")
    assert result.loosened
    assert keys(result)[:1] == ["BEN_RES_COM"]


def test_a_tab_without_an_exact_hit_comes_near_and_the_others_keep_theirs(
    built: SearchBackend,
) -> None:
    exact = ask(built, "année naissance bénéficiaire")
    assert (exact.loosened, exact.kinds) == (False, {"variable": 1})
    near = ask(built, "hopital cérébral tumeur", "dataset")
    assert near.loosened
    assert keys(near)[0] == "d1"
    approximate = ask(built, "longue naissance", "dataset")
    assert approximate.loosened
    assert keys(approximate) == ["d3"]
    tables = ask(built, "prestations bénéficiaire", "table")
    assert tables.loosened
    assert keys(tables) == ["t1"]
    assert tables.kinds == {"table": 1, "variable": 1}  # BEN_RES_COM has both words


def test_nothing_found(built: SearchBackend) -> None:
    result = ask(built, "zzzzzzz")
    assert (result.total, result.hits) == (0, [])


def test_a_query_of_stop_words_is_no_query(built: SearchBackend) -> None:
    assert ask(built, "de la", "dataset").total == 3


@pytest.mark.parametrize("text", ["*", "(", "a AND (b", "\\", "[]{}~^:", "\0", "é" * 400, "+-!"])
def test_odd_queries_do_not_break(built: SearchBackend, text: str) -> None:
    ask(built, text)


def test_one_choice_filters_and_other_facets_follow(built: SearchBackend) -> None:
    result = ask(built, kind="dataset", facets={"holder": ("lac",)})
    assert set(keys(result)) == {"d1", "d3"}
    assert result.facets["holder"] == {"lac": 2, "institut": 1}  # its own choice is left aside
    assert result.facets["route"] == {"here": 1, "contact": 1}
    assert result.kinds["variable"] == 2


def test_several_choices_of_one_facet_add_up(built: SearchBackend) -> None:
    result = ask(built, kind="dataset", facets={"theme": ("CARDIO", "RARE"), "route": ("here",)})
    assert keys(result) == ["d1"]
    assert result.facets["theme"] == {"CARDIO": 1, "CANCER": 1}
    assert result.facets["route"] == {"here": 1, "contact": 1}


def test_a_facet_of_several_values_counts_in_each(built: SearchBackend) -> None:
    facets = ask(built, "bénéficiaire").facets
    assert facets["dataset"] == {"reg-avc": 2, "rares": 1}
    assert facets["identifier"] == {"residence_commune": 1, "birth_month": 1}


def test_an_unknown_value_finds_nothing(built: SearchBackend) -> None:
    assert ask(built, kind="dataset", facets={"holder": ("nobody",)}).total == 0


def test_sort_by_title_and_by_date(built: SearchBackend) -> None:
    assert keys(ask(built, kind="dataset", sort="title")) == ["d2", "d3", "d1"]
    assert keys(ask(built, kind="dataset", sort="updated")) == ["d1", "d3", "d2"]


def test_pages_follow_without_repeating(built: SearchBackend) -> None:
    seen: list[str] = []
    for page in range(1, 5):
        result = ask(built, "épreuve", sort="title", page=page, size=20)
        assert result.total == 60
        seen += keys(result)
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen)


def test_a_page_beyond_the_last_is_empty(built: SearchBackend) -> None:
    assert ask(built, "épreuve", page=99_999).hits == []


def test_without_an_index_the_engine_says_so(fresh: SearchBackend) -> None:
    with pytest.raises(SearchUnavailable):
        ask(fresh)
    with pytest.raises(SearchUnavailable):
        fresh.info()
    with pytest.raises(SearchUnavailable):
        fresh.write(documents()[:1], [])


def test_write_replaces_and_removes(fresh: SearchBackend) -> None:
    fresh.rebuild(documents())
    changed = make_document("variable", "VALEUR", ["valeur"], title="Glycémie à jeun")
    fresh.write([changed], ["variable:ENT_DAT", "variable:NEVER_WAS"])
    assert keys(ask(fresh, "glycémie")) == ["VALEUR"]
    assert ask(fresh, "ENT_DAT").loosened
    assert ask(fresh, "valeur numérique").loosened
    assert fresh.info().documents == 67


def test_rebuild_swaps_and_leaves_nothing_of_the_old(fresh: SearchBackend) -> None:
    first = fresh.rebuild(documents())
    second = fresh.rebuild(documents()[:3])
    assert first.generation != second.generation
    assert ask(fresh).kinds == {"dataset": 3}
    assert fresh.info().documents == 3
    for _ in range(3):
        fresh.rebuild(documents()[:2])
    assert fresh.info().documents == 2


def test_a_failed_rebuild_leaves_the_current_index(fresh: SearchBackend) -> None:
    fresh.rebuild(documents())

    def broken() -> Iterator[Document]:
        yield documents()[0]
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        fresh.rebuild(broken())
    assert ask(fresh, "glace").total == 0
    assert ask(fresh).kinds["dataset"] == 3


def test_an_index_of_another_version_is_not_read(
    fresh: SearchBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.rebuild(documents())
    for engine in ("embedded", "opensearch"):
        monkeypatch.setattr(f"catalog.search.backends.{engine}.schema_hash", lambda: "0000000000")
    with pytest.raises(SearchUnavailable):
        ask(fresh)
    with pytest.raises(SearchUnavailable):
        fresh.write(documents()[:1], [])
    fresh.rebuild(documents())
    assert ask(fresh).kinds["dataset"] == 3


def test_a_server_that_does_not_answer_costs_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only servers can be slow: the page then falls back to the database."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)  # accepts, and never says a word
        backend = OpenSearchBackend(f"http://127.0.0.1:{silent.getsockname()[1]}", "slow")
        start = monotonic()
        with pytest.raises(SearchUnavailable):
            ask(backend, "cancer")
        assert monotonic() - start < 4
        start = monotonic()
        with pytest.raises(SearchUnavailable):
            ask(backend, "cancer")
        assert monotonic() - start < 0.5  # the next pages do not wait for it
        monkeypatch.setattr(backend, "_quiet_until", monotonic() - 1)
        with pytest.raises(SearchUnavailable):
            ask(backend, "cancer")
        assert monotonic() - start > 1.5  # it is asked again later
