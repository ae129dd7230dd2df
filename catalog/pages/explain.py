"""Why a variable was found, when neither its name nor its labels have the searched words."""

from typing import Any

from django.db.models import Q
from django.db.models.functions import Left

from catalog.models import Variable
from catalog.search.highlight import has_match
from catalog.search.query import ParsedQuery

from . import places
from .found import Found


TEXT_READ = 4000  # characters of a description, as many as the index has of a name
FURTHER = 20  # places of a name looked at beyond the first ones
_WORDS = 4


def explain(found: list[Found], parsed: ParsedQuery) -> None:
    """Say of each which text answers the query. No query when the labels do, two at most."""
    if parsed.is_empty:
        return
    silent = [one for one in found if not _says(one, parsed)]
    _look(silent, parsed)
    if not (beyond := [one for one in silent if not one.why and one.total > places.LOOKED]):
        return
    # Of a name that so many tables hold, a label that has the very words typed.
    further = places.first([one.places[0].name_key for one in beyond], FURTHER, _having(parsed))
    for one in beyond:
        labels = [place.label for place in further.get(one.places[0].name_key, ())]
        answering = [label for label in labels if has_match(label, parsed)]
        one.labels = list(dict.fromkeys([*answering, *one.labels]))


def _says(one: Found, parsed: ParsedQuery) -> bool:
    return has_match(one.name, parsed) or any(has_match(t, parsed) for t in one.labels[:1])


def _look(found: list[Found], parsed: ParsedQuery) -> None:
    """Descriptions first, then nomenclatures, then labels of tables. One query."""
    looked = {one.name: [place.pk for place in one.places[: places.LOOKED]] for one in found}
    if not looked:
        return
    rows = Variable.objects.filter(pk__in=[pk for pks in looked.values() for pk in pks])
    texts: dict[Any, tuple[str, ...]] = {
        pk: tuple(words)
        for pk, *words in rows.values_list(
            "pk", Left("description", TEXT_READ), "nomenclature", "table__label_fr"
        )
    }
    for one in found:
        here = [texts[pk] for pk in looked[one.name] if pk in texts]
        for index, why in enumerate(("description", "nomenclature", "table")):
            seen = dict.fromkeys(row[index] for row in here)
            if text := next((text for text in seen if has_match(text, parsed)), ""):
                one.why, one.excerpt = why, text
                break


def _having(parsed: ParsedQuery) -> Q:
    """Rows whose label holds one of the words as typed."""
    found = Q(pk__in=[])
    for word in [part.raw for group in parsed.groups for part in group.parts][:_WORDS]:
        found |= Q(label_fr__icontains=word)
    return found
