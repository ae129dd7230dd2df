"""A chosen row beside what the catalogue holds of it, what is to be looked at in it, its mends."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from catalog.models import Dataset, Table, Variable
from requests_app.procedures.content import Row


NAMES_APART = "/"  # between the names of a mend: no name has one
Key = tuple[str, str]  # (dataset code, table name or "")


@dataclass(frozen=True, slots=True)
class Mend:
    """A change offered in one click: `value` is what the button sends."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at in a row. `blocking` ones stop a signature, the others inform."""

    code: Literal["gone", "closed", "years", "keys", "identifier"]
    row: Key
    text: str
    mends: tuple[Mend, ...] = ()
    blocking: bool = False


@dataclass(slots=True)
class DescribedRow:
    """A row with what the catalogue says of it; objects are None when they are no longer there."""

    row: Row
    dataset: Dataset | None = None
    table: Table | None = None
    variables: list[Variable] = field(default_factory=list)  # those named, else the identifiers
    left: list[Variable] = field(
        default_factory=list
    )  # named, identifying, gone from the catalogue
    dated: list[Variable] = field(default_factory=list)  # of a table chosen whole, with known years
    findings: list[Finding] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.row.key

    @property
    def anchor(self) -> str:
        return f"ligne-{self.row.dataset}-{self.row.table}".strip("-")

    @property
    def years(self) -> str:
        first, last = self.row.year_from, self.row.year_until
        if first and last:
            return str(first) if first == last else _("de %(a)s à %(b)s") % {"a": first, "b": last}
        if first:
            return _("à partir de %(a)s") % {"a": first}
        return _("jusqu’à %(b)s") % {"b": last} if last else _("toutes les années")


def mend_value(what: str, key: Key, **more: str | int) -> str:
    return urlencode({"do": what, "dataset": key[0], "table": key[1], **more})


def attach_objects(described: list[DescribedRow]) -> None:
    codes = {one.row.dataset for one in described}
    datasets = {
        d.code: d
        for d in Dataset.objects.filter(code__in=codes).select_related("holder__organisation")
    }
    names = {one.row.table for one in described if one.row.table}
    tables = (
        {
            (t.dataset_id, t.name): t
            for t in Table.objects.current().filter(dataset__code__in=codes, name__in=names)
        }
        if names
        else {}
    )
    for one in described:
        one.dataset = datasets.get(one.row.dataset)
        if one.dataset and one.row.table:
            one.table = tables.get((one.dataset.pk, one.row.table))
            if one.table:
                one.table.dataset = one.dataset
