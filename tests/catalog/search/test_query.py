"""Words, queries, highlights, years: pure functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ingest.demo import WrongDemoFile, read_variables, read_years
from catalog.search.highlight import has_match, mark
from catalog.search.query import parse
from catalog.search.text import fold, plains, stems, words
from catalog.timeline import bounds, timeline


pytestmark = pytest.mark.both


class Years:
    def __init__(self, first: int | None, last: int | None, missing: tuple[int, ...] = ()) -> None:
        self.valid_from, self.valid_until, self.missing_years = first, last, list(missing)

    def exists_in(self, year: int) -> bool:
        low, high = self.valid_from or 0, self.valid_until or 9999
        return low <= year <= high and year not in self.missing_years


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hospitalisations", "hospitalisation"),
        ("l’hôpital", "hôpital"),
        ("d'entrée", "entrées"),
        ("cérébraux", "cérébral"),
        ("Œdème", "oedème"),
        ("PRIVÉE", "privé"),
    ],
)
def test_forms_of_one_word_have_one_stem(one: str, other: str) -> None:
    assert stems(one) == stems(other) != ""


def test_words_keep_their_places() -> None:
    text = "Date d’entrée à l’hôpital"
    assert [text[w.start : w.end] for w in words(text)] == ["Date", "entrée", "hôpital"]
    assert plains(text) == "date entree hopital"


def test_abbreviations_of_dictionaries_are_read_as_words() -> None:
    assert plains("N° de séjour") == plains("nº de séjour") == plains("numéro de séjour")
    assert plains("Nb d’actes") == plains("nombre d’actes")
    assert plains("un n") == ""
    assert [w.start for w in words("Le N° FINESS")] == [3, 6]


def test_meaningful_small_words_stay() -> None:
    assert plains("avec ou sans complication") == "avec sans complication"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("BEN_NAI_ANN", ("ben_nai_ann",)),
        ("ben_nai", ("ben_nai",)),
        ("CIM-10", ("cim-10",)),
        ("AVC", ("avc",)),
        ("commune de résidence", ()),
        ("I21.0", ("i21.0",)),
    ],
)
def test_what_looks_like_a_code(text: str, codes: tuple[str, ...]) -> None:
    assert parse(text).codes() == codes


def test_expressions_are_gathered_and_expanded() -> None:
    parsed = parse("malades en affection de longue durée")
    assert parsed.also == ("ald",)
    assert [len(group.parts) for group in parsed.groups] == [1, 3]
    assert "affection de longue durée" in parse("ald").also


def test_quotes_make_phrases() -> None:
    parsed = parse('cancer « du sein » et "date d’entrée"')
    assert [[w.plain for w in p] for p in parsed.phrases] == [["sein"], ["date", "entree"]]
    assert [w.plain for g in parsed.groups for p in g.parts for w in p.words] == ["cancer"]


@given(st.text(max_size=400))
def test_whatever_is_typed_is_read(text: str) -> None:
    parsed = parse(text)
    assert "<mark><" not in mark(text, parsed)
    assert len(parsed.text) <= 300


@given(st.text(max_size=200), st.text(max_size=40), st.integers(0, 60))
def test_highlights_never_let_markup_through(text: str, query: str, length: int) -> None:
    marked = str(mark(text, parse(query), length))
    rest = marked.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in rest
    assert ">" not in rest


def test_highlights() -> None:
    parsed = parse("residence beneficiaires BEN_RES")
    assert mark("Résidence du bénéficiaire", parsed) == (
        "<mark>Résidence</mark> du <mark>bénéficiaire</mark>"
    )
    assert mark("BEN_RES_COM", parsed) == "<mark>BEN_RES</mark>_COM"
    assert has_match("La résidence", parsed)
    assert not has_match("Autre chose", parsed)
    long = "mot " * 100 + "bénéficiaire " + "mot " * 100
    cut = str(mark(long, parsed, 80))
    assert "<mark>bénéficiaire</mark>" in cut
    assert cut.startswith("… ")
    assert cut.endswith(" …")
    assert len(cut) < 130


def test_fold() -> None:
    assert fold("ÉLÉVATION œsophage Ç") == "elevation oesophage c"


def test_timeline_has_a_bar_per_run_of_years() -> None:
    line = timeline(Years(2010, 2019, (2013, 2014)), 2010, 2019)
    assert [(bar.x, bar.width) for bar in line.bars] == [(0, 72), (120, 120)]
    assert timeline(Years(2010, None), 2010, 2019, 2014).bars[0].width == 120
    assert timeline(Years(None, None), 2000, 2009).bars[0].width == 240
    assert bounds([Years(2010, 2012), Years(2005, None)], today=2026) == (2005, 2026)
    assert bounds([Years(2010, 2012)], today=2026) == (2010, 2012)
    assert bounds([], today=2026)[1] == 2026


def test_years_of_demo_files() -> None:
    assert read_years("2010-2019 !2015 !2016") == {
        "valid_from": 2010, "valid_until": 2019, "missing_years": [2015, 2016],
    }  # fmt: skip
    assert read_years("")["valid_from"] is None
    assert read_years("2010-")["valid_until"] is None
    for wrong in ("2010", "x", "2010-12"):
        with pytest.raises(WrongDemoFile):
            read_years(wrong)
    for line in (
        "A | b",
        "A | b | bloub",
        "A | b | date | | | zzz",
        "A|b|date|c|2010-|care_date|x",
    ):
        with pytest.raises(WrongDemoFile):
            list(read_variables(line, "T"))
