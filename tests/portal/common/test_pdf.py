"""PDF/UA-1 documents: text, tags and language read back; hostile text stays inert."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils.translation import gettext_lazy
from pypdf import PdfReader

from portal.common.pdf import PdfError, render_pdf


HASH = "0123456789abcdef" * 4
DATA: dict[str, Any] = {
    "title": "Accusé de dépôt",
    "number": "GUI-2027-0042",
    "fingerprint": HASH,
    "intro": "Votre demande est déposée.\n\nElle est complète.",
    "rows": [["Demandeur", "CHU de démonstration"], ["Déposée le", "3 mars 2027"]],
    "sections": [
        {
            "title": "Expression de besoins",
            "table": {"head": ["Table", "Variable"], "rows": [["IR_BEN_R", "BEN_NAI_ANN"]] * 120},
        },
        {"title": "Recommandations", "points": ["Chiffrez.", {"title": "Durée", "text": "3 ans"}]},
        {"sections": [{"title": "Détail", "paragraphs": ["Un.", "Deux."]}]},
    ],
}


def read(data: dict[str, Any]) -> PdfReader:
    return PdfReader(BytesIO(render_pdf("pdf/receipt.typ", data)))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def roles(reader: PdfReader) -> list[str]:
    """Kinds of the structure elements, in order of reading."""
    found: list[str] = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if "/S" in node:
                found.append(str(node["/S"]))
            if "/K" in node:
                walk(node["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    return found


def test_a_long_word_stays_inside_the_page_and_is_copied_whole() -> None:
    name = "interets_" * 8 + ".pdf"
    table = {"head": ["Pièce", "Fichier", "Empreinte"], "widths": [3, 3, 4]}
    reader = read(
        {"title": "Version", "sections": [{"table": table | {"rows": [["A", name, HASH]]}}]}
    )
    seen: list[tuple[float, str]] = []
    reader.pages[0].extract_text(
        visitor_text=lambda text, cm, tm, _font, _size: seen.append((tm[4], text))
    )
    page_width, margin = 595.3, 62.4  # A4, 22 mm, in points
    # Each letter of a long word is placed by itself: the last one starts before the margin.
    assert max(x for x, text in seen if text.strip()) < page_width - margin
    folded = "".join(text_of(reader).split())
    assert HASH in folded
    assert name in folded


def test_a_box_to_sign_stands_with_its_sentence() -> None:
    reader = read(DATA | {"closing": "En signant.", "signature": "Nom et signature :"})
    last = reader.pages[-1].extract_text()
    assert "En signant." in last
    assert "Nom et signature :" in last


def test_the_text_is_there_in_order() -> None:
    text = text_of(read(DATA))
    parts = [
        "Accusé de dépôt",
        "Votre demande",
        "CHU de démonstration",
        "BEN_NAI_ANN",
        "3 ans",
        "Deux.",
    ]
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)


def test_header_footer_and_page_numbers_are_on_every_page() -> None:
    reader = read(DATA)
    assert len(reader.pages) > 2
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert "GUI-2027-0042" in text
        assert HASH in text.replace("\n", "")
        assert f"page {number} sur {len(reader.pages)}" in text


def test_it_is_tagged_french_and_declares_pdf_ua() -> None:
    reader = read(DATA)
    root = reader.trailer["/Root"]
    assert str(root["/Lang"]).startswith("fr")
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Accusé de dépôt"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    kinds = roles(reader)
    for kind in ("/Table", "/TR", "/TH", "/TD", "/L", "/LI", "/P", "/H1"):
        assert kind in kinds, kind


def test_the_same_data_give_the_same_bytes() -> None:
    assert render_pdf("pdf/receipt.typ", DATA) == render_pdf("pdf/receipt.typ", DATA)
    assert render_pdf("pdf/receipt.typ", DATA) != render_pdf(
        "pdf/receipt.typ", DATA | {"number": "GUI-2027-0043"}
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "#panic()",
        '#read("/pdf/base.typ")',
        "$x^2$ *gras* _ital_ `code` <label> @ref // fin",
        '"); #import "@preview/x:1.0.0": *',
        "= Faux titre",
        "\\u{202e} {{ data }} {% now %}",
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    data = {"title": "Titre", "rows": [["Clé", hostile]], "points": [hostile], "intro": hostile}
    text = text_of(read(data)).replace("\n", " ")
    assert text.count(hostile) >= 3
    assert read(data).metadata.title == "Titre"  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["😀", "漢字", "a\x00b\x1bc", "\u202eabc", "\ue000", "\ud800"])
def test_characters_without_a_font_do_not_stop_a_receipt(text: str) -> None:
    reader = read({"title": "Titre", "rows": [["Nom", f"avant {text} après"]]})
    assert "avant" in text_of(reader)
    assert "après" in text_of(reader)
    assert "\u202e" not in text_of(reader)


def test_lazy_texts_and_tuples_are_welcome() -> None:
    data = {"title": gettext_lazy("français"), "rows": [("Nombre", 12)]}
    assert "12" in text_of(read(data))


def test_a_demonstration_says_so() -> None:
    assert "démonstration" in text_of(read({"title": "Titre", "demo": True}))
    assert "démonstration" not in text_of(read({"title": "Titre"}))


def test_faults_of_the_code_are_told(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(FileNotFoundError):
        render_pdf("pdf/none.typ", DATA)
    with pytest.raises(FileNotFoundError):
        render_pdf("../pyproject.toml", DATA)
    with pytest.raises(PdfError, match="title"):
        render_pdf("pdf/receipt.typ", {"number": "1"})


def test_templates_load_nothing_from_elsewhere() -> None:
    folder = Path(django_settings.BASE_DIR) / "templates" / "pdf"
    for template in folder.glob("*.typ"):
        assert '"@' not in template.read_text(encoding="utf-8"), template
