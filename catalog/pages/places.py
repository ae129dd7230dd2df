"""Where the variables of a name stand, read within bounds: a name may be in thousands of tables."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from catalog import counts
from catalog.models import Dataset, Variable


LOOKED = 200  # places of a name that its labels, holders and excerpts come from
LISTED = 1000  # places of a name that a file, or an answer of the API, tells one by one
ORDER = ("table__dataset__title_fr", "table__position", "table__name", "pk")


class Place(NamedTuple):
    """One variable of a name, with as much of its table and base as a list says."""

    name_key: str
    name: str
    pk: Any
    label: str
    identifier: str
    table: str
    dataset: str  # code
    route: str
    is_demo: bool
    holder: str
    rank: int  # from 1, in the order of the page


_COLUMNS = (
    "name_key",
    "name",
    "pk",
    "label_fr",
    "identifier",
    "table__name",
    "table__dataset__code",
    "table__dataset__ask_route",
    "table__dataset__is_demo",
    "table__dataset__holder__organisation__name",
    "rank",
)
_HERE = Q(table__dataset__ask_route=Dataset.AskRoute.HERE)
_IDENTIFYING = ~Q(identifier="")


@dataclass(slots=True)
class Name:
    """A name: its first places, and what is true of all of them."""

    places: list[Place]
    total: int
    asked: Place  # the place that says how it is asked for: here, when one of them is
    identifier: str  # of the first place that has one
    is_demo: bool  # one of them is


def first(names: list[str], limit: int, where: Q | None = None) -> dict[str, list[Place]]:
    """The first published places of each name, in order: one query, a window over narrow rows."""
    rank = Window(RowNumber(), partition_by=["name_key"], order_by=ORDER)
    rows = Variable.objects.published().filter(where or Q(), name_key__in=names)
    found: dict[str, list[Place]] = defaultdict(list)
    for row in rows.annotate(rank=rank).filter(rank__lte=limit).values_list(*_COLUMNS):
        place = Place(*row)
        found[place.name_key].append(place)
    # Sorted here: in SQL the window would be sorted whole before it is cut.
    for places in found.values():
        places.sort(key=lambda place: place.rank)
    return dict(found)


def of_names(names: list[str], limit: int) -> dict[str, Name]:
    """Names that are published. One query, three more at most when a name has `limit` places (one
    of them is kept with the counts of the catalogue)."""
    found = {key: _name(places) for key, places in first(names, limit).items()}
    if many := {key: one for key, one in found.items() if one.total == limit}:
        _complete(many)
    return found


def _name(places: list[Place]) -> Name:
    return Name(
        places,
        len(places),
        next((place for place in places if place.route == Dataset.AskRoute.HERE), places[0]),
        next((place.identifier for place in places if place.identifier), ""),
        any(place.is_demo for place in places),
    )


def _complete(names: dict[str, Name]) -> None:
    """What the first places of these names do not say of the others."""
    prefix = "name:"  # of a count: the names that fill the places read are few
    counted = counts.kept_many(
        [f"{prefix}{key}" for key in names],
        lambda missing: {
            f"{prefix}{row.pop('name_key')}": row
            for row in _counted([one.removeprefix(prefix) for one in missing])
        },
    )
    here, identifying = [], []
    for key, one in names.items():
        row = counted.get(f"{prefix}{key}")
        if row is None:
            continue  # taken back meanwhile
        one.total, one.is_demo = max(row["total"], len(one.places)), bool(row["demo"])
        if row["here"] and one.asked.route != Dataset.AskRoute.HERE:
            here.append(key)
        if row["identifying"] and not one.identifier:
            identifying.append(key)
    if here:
        for key, (place,) in first(here, 1, _HERE).items():
            names[key].asked = place
    if identifying:
        for key, (place,) in first(identifying, 1, _IDENTIFYING).items():
            names[key].identifier = place.identifier


def _counted(keys: list[str]) -> QuerySet[Any]:
    return (
        Variable.objects.published()
        .filter(name_key__in=keys)
        .order_by()
        .values("name_key")
        .annotate(
            total=Count("pk"),
            here=Count("pk", filter=_HERE),
            identifying=Count("pk", filter=_IDENTIFYING),
            demo=Count("pk", filter=Q(table__dataset__is_demo=True)),
        )
    )
