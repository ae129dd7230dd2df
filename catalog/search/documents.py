"""One pure function per kind: object of the database → document of the index, for every engine.

Only published descriptions are documents, so a hit never leaks one in preparation. Variables of one
name are one document, whatever the tables that hold them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from django.db.models import Prefetch, QuerySet

from catalog.models import Dataset, Table, Variable

from .text import fold, plains, stems


logger = logging.getLogger(__name__)
T = TypeVar("T")
Document = dict[str, Any]
FACET_FIELDS = ("route", "nature", "holder", "theme", "category", "dataset", "identifier", "type")
TEXT_FIELDS = ("title", "keywords", "holder_name", "body", "context", "inner")
# Of TEXT_FIELDS, each is indexed as <name>_s (stems) and <name>_p (plain words).
SCHEMA_VERSION = "2"  # raise it with every change of the documents or of the analysis
INNER_LIMIT = 40_000  # characters of a dataset's variable labels kept in its own document


def make_document(kind: str, key: str, codes: Iterable[str], **values: Any) -> Document:
    """A document from texts and facet values. Raises TypeError for a field that no engine has."""
    texts = {name: values.pop(name, "") for name in TEXT_FIELDS}
    document: Document = {
        "id": f"{kind}:{key}",
        "kind": kind,
        "key": key,
        "code": sorted({fold(code) for code in codes if code}),
        "code_part": " ".join(fold(code).replace("_", " ").replace("-", " ") for code in codes),
        "sort_title": fold(texts["title"])[:80],
        "updated": values.pop("updated", 0),
    }
    for name, text in texts.items():
        document[f"{name}_s"] = stems(text)
        document[f"{name}_p"] = plains(text)
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
    return (
        Table.objects.published()
        .select_related("dataset__holder__organisation")
        .prefetch_related(
            Prefetch("variables", Variable.objects.current().only("name", "label_fr", "table_id"))
        )
    )


def variables() -> QuerySet[Any]:
    return (
        Variable.objects.published()
        .select_related("table__dataset__holder__organisation")
        .order_by("name_key", "table__dataset__code", "table__name")
    )


def _holder_words(dataset: Dataset) -> str:
    organisation = dataset.holder.organisation
    return f"{organisation.name} {organisation.acronym}"


def dataset_document(dataset: Dataset) -> Document:
    """Reads the dataset's variables' labels: one query beside the prefetched ones."""
    inner = []
    length = 0
    for table, label in dataset.tables.current().values_list("name", "label_fr"):
        inner.append(f"{table} {label}")
    labels = (
        Variable.objects.current()
        .filter(table__dataset=dataset)
        .values_list("name", "label_fr")
        .distinct()
        .order_by("name")
    )
    for name, label in labels:
        length += len(name) + len(label) + 2
        if length > INNER_LIMIT:
            break
        inner.append(f"{name} {label}")
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


def table_document(table: Table) -> Document:
    dataset = table.dataset
    return make_document(
        "table",
        str(table.pk),
        [table.name],
        title=f"{table.label_fr} {table.name}",
        body=table.description,
        context=f"{dataset.title_fr} {dataset.acronym}",
        holder_name=_holder_words(dataset),
        inner=" ".join(f"{v.name} {v.label_fr}" for v in table.variables.all()),
        route=dataset.ask_route,
        nature=dataset.kind,
        holder=dataset.holder.organisation.code,
        dataset=dataset.code,
        updated=dataset.as_of.toordinal() if dataset.as_of else 0,
    )


def variable_document(name_key: str, rows: list[Variable]) -> Document:
    """All published variables of one name. `rows` is not empty."""
    labels = list(dict.fromkeys(row.label_fr for row in rows if row.label_fr))
    datasets_seen = list({row.table.dataset_id: row.table.dataset for row in rows}.values())
    dates = [d.as_of.toordinal() for d in datasets_seen if d.as_of]
    return make_document(
        "variable",
        name_key,
        [row.name for row in rows],
        title=" ".join(labels),
        keywords=" ".join(
            {row.get_identifier_display() for row in rows if row.identifier}
            | {row.nomenclature for row in rows if row.nomenclature}
        ),
        body=" ".join(dict.fromkeys(row.description for row in rows if row.description))[:4000],
        context=" ".join(dict.fromkeys(f"{row.table.name} {row.table.label_fr}" for row in rows))
        + " "
        + " ".join(f"{d.title_fr} {d.acronym}" for d in datasets_seen),
        holder_name=" ".join(_holder_words(d) for d in datasets_seen),
        route=[d.ask_route for d in datasets_seen],
        nature=[d.kind for d in datasets_seen],
        holder=[d.holder.organisation.code for d in datasets_seen],
        dataset=[d.code for d in datasets_seen],
        identifier=[row.identifier for row in rows],
        type=[row.data_type for row in rows],
        updated=max(dates, default=0),
    )


def all_documents() -> Iterator[Document]:
    """Every document, read in batches: what a rebuild writes. One that cannot be made is logged and
    left out: no index at all would be worse."""
    yield from _made(datasets().iterator(chunk_size=200), dataset_document)
    yield from _made(tables().iterator(chunk_size=200), table_document)
    rows = variables().iterator(chunk_size=1000)
    groups = ((key, list(group)) for key, group in groupby(rows, key=lambda row: row.name_key))
    yield from _made(groups, lambda group: variable_document(*group))


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
        found = [dataset_document(row) for row in datasets().filter(pk__in=keys)]
    elif kind == "table":
        found = [table_document(row) for row in tables().filter(pk__in=keys)]
    else:
        rows = variables().filter(name_key__in=keys)
        found = [
            variable_document(key, list(group))
            for key, group in groupby(rows, key=lambda row: row.name_key)
        ]
    here = {document["key"] for document in found}
    return found, [f"{kind}:{key}" for key in keys if key not in here]
