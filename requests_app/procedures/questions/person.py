"""A person to name: who they are and how to write to them."""

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from requests_app.procedures.content import Label
from requests_app.procedures.texts import Text

from .base import PLENTY, Line, Question, Shape, Stored, made_up


PLACES: dict[str, Label] = {
    "name": _("Nom"),
    "function": _("Fonction"),
    "email": _("Adresse électronique"),
}


class StoredPerson(Stored):
    name: Line = ""
    function: Line = ""
    email: Line = ""


class Person(Question):
    type: Literal["person"]

    def shape(self) -> Shape:
        return StoredPerson, StoredPerson()

    def empty(self) -> Any:
        return StoredPerson().model_dump()

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return dict.fromkeys(PLACES, made_up(rank, PLENTY)) | {"email": "exemple@example.org"}

    def needs(self) -> Mapping[str, Text]:
        return {"name": self.missing or self.label}

    def words(self, value: Any) -> str:
        said = [value["name"]] if value["name"] else []
        said += [
            f"{PLACES[place]} : {value[place]}" for place in ("function", "email") if value[place]
        ]
        return "\n".join(said)
