"""What is said of a variable over all the tables that hold it, read within bounds.

Up to `LOOKED` tables every text is read, in the order of the page. Beyond, texts are told apart and
counted in SQL: the page shows the first of them, and each row of its list shows its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, QuerySet

from catalog.models import Variable
from catalog.timeline import Years
from portal.common.calendar import legal_today


SHOWN = 50  # texts of one kind
LOOKED = 500  # rows read for them
_TEXTS = ("label_fr", "description", "rule", "nomenclature", "data_type", "identifier")


class Told(NamedTuple):
    """What the summary reads of one row."""

    name: str
    label_fr: str
    description: str
    rule: str
    nomenclature: str
    data_type: str
    identifier: str
    valid_from: int | None
    valid_until: int | None
    missing_years: list[int]
    is_demo: bool
    as_of: date | None

    @classmethod
    def of(cls, row: Variable) -> "Told":
        base = row.table.dataset
        own = (getattr(row, name) for name in cls._fields[:-2])
        return cls(*own, is_demo=base.is_demo, as_of=base.as_of)


_COLUMNS = (*Told._fields[:-2], "table__dataset__is_demo", "table__dataset__as_of")


@dataclass(slots=True)
class Summary:
    """`texts`: by field, each once, in the order of the page; `left`: how many are not shown."""

    name: str
    texts: dict[str, list[str]]
    spans: list[Years]
    is_demo: bool
    until: int  # the last year that a description speaks of
    left: dict[str, int] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        names = dict(Variable.DataType.choices)
        return [str(names.get(code, code)) for code in self.texts["data_type"]]

    @property
    def identifiers(self) -> list[str]:
        names = dict(Variable.Identifier.choices)
        return [str(names.get(code, code)) for code in self.texts["identifier"]]


def summary(rows: QuerySet[Any], total: int, read: Sequence[Variable]) -> Summary:
    """Of `total` rows, at least one, in the order of the page; `read`: those at hand, maybe all.

    No query when all are at hand, one up to `LOOKED` rows, nine at most beyond.
    """
    if len(read) == total:
        told = [Told.of(row) for row in read]
    else:
        told = [Told(*row) for row in rows.values_list(*_COLUMNS)[:LOOKED]]
    found = Summary(
        told[0].name,
        {name: _each(getattr(row, name) for row in told) for name in _TEXTS},
        [Years(row.valid_from, row.valid_until, row.missing_years) for row in told],
        any(row.is_demo for row in told),
        max(_year(row.as_of) for row in told),
    )
    if total > len(told):
        _complete(found, rows.order_by())
    for name, texts in found.texts.items():
        found.left[name] = found.left.get(name, len(texts)) - len(texts[:SHOWN])
        del texts[SHOWN:]
    return found


def _each(texts: Any) -> list[str]:
    """Each text once, empty ones left out, in their order."""
    return [text for text in dict.fromkeys(texts) if text]


def _year(as_of: date | None) -> int:
    """C16: some dictionaries are years old."""
    return as_of.year if as_of else legal_today().year


def _complete(found: Summary, rows: QuerySet[Any]) -> None:
    """What the rows that were read do not say of the others."""
    distinct = {name: Count(name, distinct=True, filter=~Q(**{name: ""})) for name in found.texts}
    counted = rows.aggregate(
        **{f"{name}_count": count for name, count in distinct.items()},
        demo=Count("pk", filter=Q(table__dataset__is_demo=True)),
        undated=Count("pk", filter=Q(table__dataset__as_of=None)),
        as_of=Max("table__dataset__as_of"),
    )
    found.is_demo = bool(counted["demo"])
    dates = [counted["as_of"], *([None] if counted["undated"] else [])]
    found.until = max(_year(day) for day in dates)
    spans = rows.values_list("valid_from", "valid_until", "missing_years").distinct()
    found.spans = [Years(*span) for span in spans]
    for name, texts in found.texts.items():
        found.left[name] = number = counted[f"{name}_count"]
        if len(texts) < min(number, SHOWN):
            others = rows.exclude(**{f"{name}__in": ["", *texts]}).values_list(name, flat=True)
            texts += others.distinct().order_by(name)[: SHOWN - len(texts)]
