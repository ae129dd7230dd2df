"""Texts of a file, in the languages of its readers. Plain pydantic, no Django.

A file writes `"fr"`, or `{ fr = "…", en = "…" }`. French is the language of the law and always
there; another language is shown when it is the reader's and the file has it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


FALLBACK = "fr"


@dataclass(frozen=True, slots=True)
class Text:
    """Words for readers; never empty. `str()` and templates say them in the reader's language.

    It is no `str`: what is stored or joined says `str(text)`, so that the language is chosen where
    a reader is known. Two texts are equal when both languages are.
    """

    fr: str
    en: str = ""

    # Whose language it is: set once by who knows (`registry`), French before.
    reader: ClassVar[Callable[[], str | None]] = staticmethod(lambda: FALLBACK)

    def __str__(self) -> str:
        return self.said(Text.reader())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def said(self, language: str | None) -> str:
        """In a language (`"en"`, `"en-gb"`), or in French when the file has no such text."""
        return self.en if self.en and (language or "").partition("-")[0] == "en" else self.fr

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(written)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        words = {"type": "string", "minLength": 1}
        both = {
            "type": "object",
            "properties": {"fr": words, "en": words},
            "required": ["fr"],
            "additionalProperties": False,
        }
        return {"anyOf": [words, both]}


def read(value: object) -> Text:
    """A text as a file writes it. Raises ValueError with what it may be."""
    if isinstance(value, Text):
        return value
    said = {FALLBACK: value} if isinstance(value, str) else value
    if not isinstance(said, Mapping) or not {FALLBACK} <= set(said) <= {FALLBACK, "en"}:
        raise ValueError('a text is written "…" or { fr = "…", en = "…" }')
    if not all(isinstance(words, str) and words.strip() for words in said.values()):
        raise ValueError("a text says something: it is neither empty nor another type than words")
    return Text(said[FALLBACK], said.get("en", ""))


def written(text: Text) -> str | dict[str, str]:
    """As a file writes it."""
    return {"fr": text.fr, "en": text.en} if text.en else text.fr


def without_english(whole: BaseModel) -> Iterator[str]:
    """The place (`stages.3.outcomes.0.label`) of each text that has no English."""
    for name, value in whole:
        yield from _without_english(value, name)


def _without_english(value: object, place: str) -> Iterator[str]:
    if isinstance(value, Text):
        if not value.en:
            yield place
    elif isinstance(value, BaseModel):
        for name, one in value:
            yield from _without_english(one, f"{place}.{name}")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _without_english(one, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _without_english(one, f"{place}.{number}")
