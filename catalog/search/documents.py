"""One pure function per kind: object of the database → document of the index, for every engine.

Only published descriptions are documents, so a hit never leaks one in preparation. Variables of one
name are one document, whatever the tables that hold them: its texts are bounded, not its facets.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from django.db.models import QuerySet
from django.db.models.functions import Left

from catalog.models import Dataset, Table, Variable

from .text import analysed, fold


logger = logging.getLogger(__name__)
T = TypeVar("T")
Document = dict[str, Any]
FACET_FIELDS = ("route", "nature", "holder", "theme", "category", "dataset", "identifier", "type")
TEXT_FIELDS = ("title", "keywords", "holder_name", "body", "context", "inner")
# Of TEXT_FIELDS, each is indexed as <name>_s (stems) and <name>_p (plain words).
SCHEMA_VERSION = "2"  # raise it with every change of the documents or of the analysis
INNER_LIMIT = 40_000  # characters of a dataset's variable labels kept in its own document
# Of a name that thousands of tables hold: characters of each text, and times that a code counts.
NAME_LIMIT = 40_000
BODY_LIMIT = 4000
CODE_LIMIT = 1000
TITLE_READ = 1000  # characters that the eighty of a sort title are taken from
CHUNK = 200


def make_document(kind: str, key: str, codes: Iterable[str], **values: Any) -> Document:
    """A document from texts and facet values. Raises TypeError for a field that no engine has."""
    texts = {name: values.pop(name, "") for name in TEXT_FIELDS}
    document: Document = {
        "id": f"{kind}:{key}",
        "kind": kind,
        "key": key,
        "code": sorted({fold(code) for code in codes if code}),
        "code_part": " ".join(fold(code).replace("_", " ").replace("-", " ") for code in codes),
        "sort_title": fold(texts["title"][:TITLE_READ])[:80],
        "updated": values.pop("updated", 0),
    }
    for name, text in texts.items():
        document[f"{name}_s"], document[f"{name}_p"] = analysed(text)
    for name in FACET_FIELDS:
        value = values.pop(name, ())
        document[name] = sorted({v for v in ([value] if isinstance(value, str) else value) if v})
    if values:
        raise TypeError(f"unknown document fields: {sorted(values)}")
    return document


def datasets() -> QuerySet[Any]:
    return Dataset.objects.published().select_related("holder__organisation").prefetch_related(
        "terms", "controllers"
    )  # fmt: skip


def tables() -> QuerySet[Any]:
    return Table.objects.published().select_related("dataset__holder__organisation")


def _holder_words(dataset: Dataset) -> str:
    organisation = dataset.holder.organisation
    return f"{organisation.name} {organisation.acronym}"


def _inner_of_datasets(rows: Sequence[Dataset]) -> dict[Any, list[str]]:
    """Names and labels of the tables, then of the variables, of each dataset. Two queries."""
    pks = [row.pk for row in rows]
    inner: dict[Any, list[str]] = defaultdict(list)
    found = Table.objects.current().filter(dataset__in=pks).order_by("position", "name")
    for pk, name, label in found.values_list("dataset_id", "name", "label_fr"):
        inner[pk].append(f"{name} {label}")
    labels = (
        Variable.objects.current()
        .filter(table__dataset__in=pks)
        .values_list("table__dataset_id", "name", "label_fr")
        .distinct()
        .order_by("table__dataset_id", "name", "label_fr")
    )
    read = labels.iterator(chunk_size=2000)
    for pk, group in groupby(read, key=lambda row: row[0]):
        length = 0
        for _pk, name, label in group:
            length += len(name) + len(label) + 2
            if length > INNER_LIMIT:
                break
            inner[pk].append(f"{name} {label}")
    return inner


def _inner_of_tables(rows: Sequence[Table]) -> dict[Any, list[str]]:
    """Names and labels of the variables of each table. One query."""
    inner: dict[Any, list[str]] = defaultdict(list)
    found = Variable.objects.held().filter(table__in=[row.pk for row in rows])
    for pk, name, label in found.order_by("position", "name").values_list(
        "table_id", "name", "label_fr"
    ):
        inner[pk].append(f"{name} {label}")
    return inner


def dataset_document(dataset: Dataset, inner: Sequence[str]) -> Document:
    """`inner`: names and labels of its tables and variables."""
    terms = list(dataset.terms.all())
    controllers = " ".join(f"{o.name} {o.acronym}" for o in dataset.controllers.all())
    return make_document(
        "dataset",
        str(dataset.pk),
        [dataset.code, dataset.acronym],
        title=f"{dataset.title_fr} {dataset.acronym}",
        keywords=" ".join(dataset.keywords_fr),
        holder_name=f"{_holder_words(dataset)} {controllers}",
        body=" ".join(
            [
                dataset.summary_fr,
                dataset.population_fr,
                dataset.spatial_fr,
                dataset.title_en,
                # Many bases share a category: its words weigh less than their own keywords.
                *(term.label_fr for term in terms),
            ]
        ),
        inner=" ".join(inner),
        route=dataset.ask_route,
        nature=dataset.kind,
        holder=dataset.holder.organisation.code,
        theme=[term.code for term in terms if term.scheme == "health-theme"],
        category=[term.code for term in terms if term.scheme == "health-category"],
        dataset=dataset.code,
        updated=dataset.as_of.toordinal() if dataset.as_of else 0,
    )


def table_document(table: Table, inner: Sequence[str]) -> Document:
    """`inner`: names and labels of its variables."""
    dataset = table.dataset
    return make_document(
        "table",
        str(table.pk),
        [table.name],
        title=f"{table.label_fr} {table.name}",
        body=table.description,
        context=f"{dataset.title_fr} {dataset.acronym}",
        holder_name=_holder_words(dataset),
        inner=" ".join(inner),
        route=dataset.ask_route,
        nature=dataset.kind,
        holder=dataset.holder.organisation.code,
        dataset=dataset.code,
        updated=dataset.as_of.toordinal() if dataset.as_of else 0,
    )


class Base(NamedTuple):
    """What the documents of its variables hold of a dataset."""

    pk: Any
    code: str
    title: str
    acronym: str
    route: str
    nature: str
    as_of: date | None
    holder: str
    holder_name: str
    holder_acronym: str


class Held(NamedTuple):
    """What a document holds of one variable of its name."""

    name_key: str
    name: str
    label: str
    description: str
    nomenclature: str
    identifier: str
    data_type: str
    base: Any
    table: str
    table_label: str


_BASE = Held._fields.index("base")


def bases() -> QuerySet[Any]:
    """Narrow rows (`Base`) of the published datasets."""
    return (
        Dataset.objects.published()
        .order_by()
        .values_list(
            "pk", "code", "title_fr", "acronym", "ask_route", "kind", "as_of",
            "holder__organisation__code", "holder__organisation__name",
            "holder__organisation__acronym",
        )
    )  # fmt: skip


def variables() -> QuerySet[Any]:
    """Narrow rows (`Held`) of the published variables, those of a name together."""
    return (
        Variable.objects.published()
        .order_by("name_key", "table__dataset__code", "table__name", "name")
        .values_list(
            "name_key", "name", "label_fr", Left("description", BODY_LIMIT), "nomenclature",
            "identifier", "data_type", "table__dataset_id", "table__name", "table__label_fr",
        )
    )  # fmt: skip


def _within(limit: int, texts: Iterable[str]) -> str:
    """The texts one after the other, as many as a number of characters has room for."""
    found: list[str] = []
    for text in texts:
        if limit <= 0:
            break
        found.append(text)
        limit -= len(text) + 1
    return " ".join(found)


def variable_document(
    name_key: str, rows: Iterable[tuple[Any, ...]], known: dict[Any, Base]
) -> Document:
    """All published variables of one name, at least one; `known`: their datasets, by key."""
    names: list[str] = []
    labels: dict[str, None] = {}
    descriptions: dict[str, None] = {}
    places: dict[str, None] = {}
    listed: dict[Any, Base] = {}
    identifiers, nomenclatures, types = set(), set(), set()
    for held in map(Held._make, rows):
        listed[held.base] = known[held.base]
        if len(names) < CODE_LIMIT:
            names.append(held.name)
        labels[held.label] = descriptions[held.description] = None
        places[f"{held.table} {held.table_label}"] = None
        identifiers.add(held.identifier)
        nomenclatures.add(held.nomenclature)
        types.add(held.data_type)
    found = list(listed.values())
    kinds = dict(Variable.Identifier.choices)
    keywords = sorted({str(kinds[one]) for one in identifiers if one} | (nomenclatures - {""}))
    titles = (f"{one.title} {one.acronym}" for one in found)
    owners = (f"{one.holder_name} {one.holder_acronym}" for one in found)
    return make_document(
        "variable",
        name_key,
        names,
        title=_within(NAME_LIMIT, filter(None, labels)),
        keywords=_within(NAME_LIMIT, keywords),
        body=_within(BODY_LIMIT, filter(None, descriptions))[:BODY_LIMIT],
        context=f"{_within(NAME_LIMIT, places)} {_within(NAME_LIMIT, titles)}",
        holder_name=_within(NAME_LIMIT, owners),
        route=[one.route for one in found],
        nature=[one.nature for one in found],
        holder=[one.holder for one in found],
        dataset=[one.code for one in found],
        identifier=identifiers,
        type=types,
        updated=max((one.as_of.toordinal() for one in found if one.as_of), default=0),
    )


def all_documents() -> Iterator[Document]:
    """Every document, read in batches: what a rebuild writes. One that cannot be made is logged and
    left out: no index at all would be worse."""
    yield from _of_datasets(datasets().iterator(chunk_size=CHUNK))
    yield from _of_tables(tables().iterator(chunk_size=CHUNK))
    known = {base.pk: base for base in map(Base._make, bases().iterator(chunk_size=2000))}
    yield from _of_variables(variables().iterator(chunk_size=2000), known)


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _of_datasets(rows: Iterable[Dataset]) -> Iterator[Document]:
    for chunk in _chunks(rows):
        inner = _inner_of_datasets(chunk)
        yield from _made(chunk, lambda row, inner=inner: dataset_document(row, inner[row.pk]))  # type: ignore[misc]


def _of_tables(rows: Iterable[Table]) -> Iterator[Document]:
    for chunk in _chunks(rows):
        inner = _inner_of_tables(chunk)
        yield from _made(chunk, lambda row, inner=inner: table_document(row, inner[row.pk]))  # type: ignore[misc]


def _of_variables(rows: Iterable[tuple[Any, ...]], known: dict[Any, Base]) -> Iterator[Document]:
    # A base that was published since `known` was read has its own entry of the outbox.
    here = (row for row in rows if row[_BASE] in known)
    groups = groupby(here, key=itemgetter(0))
    yield from _made(groups, lambda group: variable_document(*group, known))


def _made(rows: Iterable[T], make: Callable[[T], Document]) -> Iterator[Document]:
    for row in rows:
        try:
            document = make(row)
        except Exception:
            logger.exception("search index: a document of %s", type(row).__name__)
            continue
        yield document


def documents_for(kind: str, keys: list[str]) -> tuple[list[Document], list[str]]:
    """Documents of these objects, and the ids of those no longer published or existing."""
    found: list[Document]
    if kind == "dataset":
        rows = list(datasets().filter(pk__in=keys))
        inner = _inner_of_datasets(rows)
        found = [dataset_document(row, inner[row.pk]) for row in rows]
    elif kind == "table":
        rows = list(tables().filter(pk__in=keys))
        inner = _inner_of_tables(rows)
        found = [table_document(row, inner[row.pk]) for row in rows]
    else:
        held = variables().filter(name_key__in=keys)
        mine = bases().filter(pk__in=held.order_by().values("table__dataset_id"))
        known = {base.pk: base for base in map(Base._make, mine)}
        found = [
            variable_document(key, group, known)
            for key, group in groupby(
                (row for row in held.iterator(chunk_size=2000) if row[_BASE] in known),
                key=itemgetter(0),
            )
        ]
    here = {document["key"] for document in found}
    return found, [f"{kind}:{key}" for key in keys if key not in here]
