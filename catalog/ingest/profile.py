"""What an import needs beside the files: holder, controllers, date, and words per product."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from catalog.models import DataHolder, Dataset, VocabularyTerm
from catalog.vocabularies import sync_vocabularies
from portal.accounts.models import Organisation


PROFILES = Path(__file__).with_name("profiles")


@dataclass(frozen=True, slots=True)
class Profile:
    """Read from catalog/ingest/profiles/<code>.toml."""

    code: str
    code_prefix: str
    kind: str
    as_of: date
    description_source: str
    holder: str
    controllers: list[str]
    terms: list[str]
    defaults: dict[str, str]
    organisations: list[dict[str, str]]
    products: dict[str, dict[str, Any]]

    def prepare(self) -> "People":
        """Organisations and holder of the profile, created where they are not known yet."""
        found = {}
        for wanted in self.organisations:
            values = {key: value for key, value in wanted.items() if key != "code"}
            found[wanted["code"]], _created = Organisation.objects.get_or_create(
                code=wanted["code"], defaults=values
            )
        holder, _created = DataHolder.objects.get_or_create(organisation=found[self.holder])
        known = sync_vocabularies()
        terms = [known[scheme, code] for scheme, code in (t.split(":", 1) for t in self.terms)]
        return People(holder, [found[code] for code in self.controllers], terms)

    def new_dataset(self, code: str, product: str, people: "People") -> Dataset:
        """A dataset not yet stored, with the words of its product (or its bare name)."""
        words = {key: tidy_text(value) for key, value in self.defaults.items()}
        for key, value in self.products.get(code, {}).items():
            words[key] = tidy_text(value) if isinstance(value, str) else value
        words.setdefault("title_fr", product.replace("_", " "))
        return Dataset(code=code, kind=self.kind, holder=people.holder, as_of=self.as_of,
                       description_source=self.description_source, **words)  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    holder: DataHolder
    controllers: list[Organisation]
    terms: list[VocabularyTerm]


def tidy_text(value: str) -> str:
    return " ".join(value.split())


def load_profile(code: str) -> Profile:
    """Raises FileNotFoundError for an unknown profile."""
    data = tomllib.loads((PROFILES / f"{code}.toml").read_text(encoding="utf-8"))
    products = data.pop("product", {})
    organisations = data.pop("organisation", [])
    fixed = ("code_prefix", "kind", "as_of", "description_source", "holder", "controllers", "terms")
    values = {key: data.pop(key) for key in fixed}
    return Profile(
        code=code, defaults=data, organisations=organisations, products=products, **values
    )
