"""Whatever was typed, there is a document: what no font shows is marked and listed."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from portal.common.pdf import PdfError, render_pdf


def read(data: dict[str, Any]) -> PdfReader:
    return PdfReader(BytesIO(render_pdf("pdf/receipt.typ", data)))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


CJK = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
TYPED = {
    "six names": "张伟研究中心",
    "Korean and Japanese": "서울대학교병원 ひらがなカタカナ",
    "emoji, families, flags, keycaps": "😀 👨‍👩‍👧‍👦 🏳️‍🌈 🇫🇷 1\ufe0f\u20e3 ❤️ 👍🏽",
    "marks on marks": "a\u0f71 e\u0301\u0323\u20dd Z̸̧̢̛ é\u20dd q\u0308\u0307\u036a",
    "right to left": "مرحبا بالعالم שלום עולם ܫܠܡܐ ߒߞߏ",
    "Indic": "हिन्दी বাংলা தமிழ் తెలుగు ಕನ್ನಡ മലയാളം ไทย ລາວ མཐའ",
    "other planes": "𝔘𝔫𝔦 𐍈 𒀀 𓀀 𝄞 𠀀 \U000e0067",
    "private, unassigned, no character": "\ue000\U000f0000\u0378\ufdd0\uffff\U0010ffff",
    "alone or without sense": "\ud800\udfff a\x00b\x1b\x7f\x85 \u2028 \u2029 \ufffd\u0301",
    "a mark behind what is hidden": "\ue000\u0301\u0f71 \x1b\u20dd \ud83d\u0308",
    "directions": "\u202eabc\u202c \u2066x\u2069 \ufeff\u200e\u200f\u061c",
    "nothing to see": "\u200b\u200c\u200d\u2060\u00ad\u034f\u3164\uffa0",
}


@pytest.mark.parametrize("text", TYPED.values(), ids=TYPED.keys())
def test_whatever_is_typed_a_document_is_made(text: str) -> None:
    """In titles, rows, lists, tables, numbers; what is around it stays."""
    data = {
        "title": text,
        "number": text,
        "subtitle": text,
        "intro": f"avant {text} après",
        "rows": [[text, text], ["Nom", f"avant {text} après"]],
        "points": [text, {"title": text, "text": text}],
        "sections": [{"title": text, "table": {"head": ["A", text], "rows": [[text, "b"]] * 2}}],
        "signature": text,
    }
    whole = text_of(read(data))
    assert whole.count("avant") >= 2
    assert whole.count("après") >= 2
    assert "\u202e" not in whole


def test_what_is_replaced_is_marked_and_listed_below() -> None:
    """Each with its code and name, how often, and where; what has a font is not touched."""
    rows = [["Établissement", "Hôpital 北京大学医院 été"], ["Équipe", "张伟, 北"]]
    text = text_of(read({"title": "Étude 北京", "rows": rows, "closing": "Fin."}))
    folded = " ".join(text.split())
    assert "Hôpital \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd été" in folded
    listed = folded[folded.index("Caractères remplacés") :]
    assert folded.index("Fin.") < folded.index("Caractères remplacés")
    for character in set("北京大学医院张伟"):
        assert f"U+{ord(character):04X}" in listed
    assert (
        "U+5317 CJK UNIFIED IDEOGRAPH-5317 3 Étude \ufffd\ufffd ; Établissement ; Équipe" in listed
    )
    assert "remplacés" not in text_of(read({"title": "Étude", "rows": [["É", "œ — « € »"]]}))


def test_a_character_typed_in_many_places_is_said_to_be_elsewhere_too() -> None:
    rows = [[f"Ligne {n}", "北"] for n in range(5)]
    listed = " ".join(text_of(read({"title": "Étude", "rows": rows})).split())
    assert "5 Ligne 0 ; Ligne 1 ; Ligne 2 ; et ailleurs" in listed
    assert "et ailleurs" not in text_of(read({"title": "Étude", "rows": rows[:3]}))


def test_a_letter_keeps_its_place_when_only_its_mark_has_no_font() -> None:
    text = text_of(read({"title": "Titre", "rows": [["Nom", "é\u20dd et été"]]}))
    assert "é\ufffd et été" in text
    assert "U+20DD" in text
    assert "U+00E9" not in text


def test_a_document_is_made_in_one_turn_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler names all that it cannot show: nothing is tried once per character."""
    turns: list[int] = []
    real = typst.compile
    monkeypatch.setattr(typst, "compile", lambda *a, **k: turns.append(1) or real(*a, **k))
    read({"title": "Titre", "intro": CJK})
    assert len(turns) == 2


def test_many_characters_are_counted_beyond_those_listed() -> None:
    text = " ".join(text_of(read({"title": "Titre", "intro": CJK})).split())
    assert "400 des caractères" in text
    assert "il y en a 200 autres" in text


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_gives_a_document(text: str) -> None:
    assert read({"title": text, "rows": [[text, text]]}).pages


@pytest.mark.parametrize("title", ["", " ", "\u200b", "\n"])
def test_a_document_without_a_visible_title_is_made_too(title: str) -> None:
    assert "corps" in text_of(read({"title": title, "intro": "corps"}))


def test_a_text_of_many_lines_goes_on_to_the_next_page() -> None:
    lines = "\n".join(f"l{number}" for number in range(150))
    text = text_of(read({"title": "Titre", "rows": [["Texte", lines]]}))
    assert "l149" in text.split()


def test_a_template_without_a_font_for_its_own_words_is_a_fault_of_ours(
    tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "own.typ").write_text('#set document(title: "x")\n漢字')
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    with pytest.raises(PdfError, match="itself"):
        render_pdf("own.typ", {"title": "x"})
