"""A body of the applicant's side (A7, A19), with questions of its own beside (`more`)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field, create_model, model_validator

from requests_app.procedures.content import Label
from requests_app.procedures.texts import Text

from .base import PLENTY, Line, LongText, Question, Shape, Stored, made_up
from .long_text import LongText as LongTextQuestion
from .short_text import ShortText
from .yes_no import YesNo


PLACES: dict[str, Label] = {
    "name": _("Nom"),
    "address": _("Adresse"),
    "contact": _("Personne à contacter et fonction"),
    "email": _("Adresse électronique"),
    "experience": _("Titres, expérience et fonctions"),
}


class StoredOrganisation(Stored):
    name: Line = ""
    address: Annotated[str, Field(max_length=1000)] = ""
    contact: Line = ""  # the person to write to, and their function
    email: Line = ""
    experience: LongText = ""  # titles, experience, functions (A19)


More = Annotated[LongTextQuestion | ShortText | YesNo, Field(discriminator="type")]


class Organisation(Question):
    type: Literal["organisation"]
    experience: bool = False  # asked; stored in every case
    more: tuple[More, ...] = ()
    needed: dict[str, Text] = {}  # places to fill when it is required; `name` otherwise

    @model_validator(mode="after")
    def places_exist(self) -> "Organisation":
        codes = [*PLACES, *(one.code for one in self.more)]
        if len(codes) != len(set(codes)):
            raise ValueError(f"question {self.code!r}: a place is named twice")
        if unknown := set(self.needed) - set(self.asked):
            raise ValueError(f"question {self.code!r}: not asked: {', '.join(sorted(unknown))}")
        return self

    @property
    def asked(self) -> list[str]:
        """Places of the answer that the page asks for, in order."""
        own = [place for place in PLACES if self.experience or place != "experience"]
        return [*own, *(one.code for one in self.more)]

    @property
    def inputs(self) -> int:
        return len(self.asked)

    def shape(self) -> Shape:
        more: dict[str, Any] = {one.code: one.shape() for one in self.more}
        model = create_model(f"Organisation_{self.code}", __base__=StoredOrganisation, **more)
        return model, model()

    def empty(self) -> Any:
        return StoredOrganisation().model_dump() | {one.code: one.empty() for one in self.more}

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        own = dict.fromkeys(PLACES, made_up(rank, PLENTY)) | {"email": "exemple@example.org"}
        return own | {one.code: one.sample(facts, rank) for one in self.more}

    def needs(self) -> Mapping[str, Text]:
        return self.needed or {"name": self.missing or self.label}

    def words(self, value: Any) -> str:
        said = [str(value["name"])] if value.get("name") else []
        said += [f"{PLACES[p]} : {value[p]}" for p in PLACES if p != "name" and value.get(p)]
        for one in self.more:
            if words := one.words(value.get(one.code)):
                said.append(f"{one.label} : {words}")
        return "\n".join(said)
