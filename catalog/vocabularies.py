"""The controlled lists that come with the portal."""

import tomllib
from pathlib import Path

from .models import VocabularyTerm


FILE = Path(__file__).with_name("vocabularies.toml")


def sync_vocabularies() -> dict[tuple[str, str], VocabularyTerm]:
    """Create the missing terms and return all of them by (scheme, code); labels edited stay."""
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    wanted = [
        VocabularyTerm(scheme=scheme, code=code, uri=f"{data['base']}{code}", label_fr=label)
        for scheme, data in lists.items()
        for code, label in data["terms"].items()
    ]
    VocabularyTerm.objects.bulk_create(wanted, ignore_conflicts=True)
    return {(term.scheme, term.code): term for term in VocabularyTerm.objects.all()}
