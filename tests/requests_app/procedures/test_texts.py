"""A text of a file is said in its reader's language, in French where the file has no other."""

import pytest
from django.utils import translation
from pydantic import BaseModel, ValidationError

from requests_app.procedures import registry
from requests_app.procedures.texts import Text, without_english


class Line(BaseModel):
    label: Text
    help: Text | None = None


class Sheet(BaseModel):
    title: Text
    lines: tuple[Line, ...] = ()
    named: dict[str, Text] = {}


def both() -> Line:
    return Line.model_validate({"label": {"fr": "Avis", "en": "Opinion"}})


@pytest.mark.parametrize(
    ("language", "said"), [("fr", "Avis"), ("en", "Opinion"), ("en-gb", "Opinion"), ("de", "Avis")]
)
def test_it_is_said_in_the_active_language_or_in_french(language: str, said: str) -> None:
    assert registry.FOLDER  # who gives procedures says whose language it is
    with translation.override(language):
        assert str(both().label) == f"{both().label}" == said


def test_french_alone_is_said_to_everybody() -> None:
    with translation.override("en"):
        assert str(Line.model_validate({"label": "Avis"}).label) == "Avis"


@pytest.mark.parametrize(
    "wrong", ["", "  ", 3, None, {"en": "Opinion"}, {"fr": "Avis", "de": "Gutachten"}, {"fr": 1}]
)
def test_what_is_no_text_is_refused_with_its_place(wrong: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Line.model_validate({"label": wrong})
    assert [one["loc"] for one in refused.value.errors()] == [("label",)]


def test_it_is_written_as_a_file_writes_it() -> None:
    for line in (both(), Line.model_validate({"label": "Avis", "help": "Une page."})):
        assert Line.model_validate(line.model_dump()) == line
    assert both().model_dump()["label"] == {"fr": "Avis", "en": "Opinion"}


def test_texts_without_english_are_listed_by_their_place() -> None:
    sheet = Sheet(
        title=Text("Feuille", "Sheet"),
        lines=(both(), Line(label=Text("Date"))),
        named={"one": Text("Un")},
    )
    assert list(without_english(sheet)) == ["lines.1.label", "named.one"]


def test_every_text_of_the_shipped_procedures_is_one_that_may_have_english() -> None:
    for procedure in registry.everything():
        assert {"title", "stages.0.label", "stages.0.outcomes.0.label"} <= set(
            without_english(procedure)
        )
