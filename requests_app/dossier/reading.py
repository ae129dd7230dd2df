"""Reading the working copy: its sections, its rows, the facts that a procedure judges."""

from collections.abc import Collection, Sequence
from typing import Any

from catalog.models import Dataset
from requests_app.models import AccessRequest, RequestDataset
from requests_app.procedures.content import Row
from requests_app.selection import specification
from requests_app.selection.described import DescribedRow


def section_of(request: AccessRequest, section: str) -> dict[str, Any]:
    """A section with every answer present; empty values where nothing was said."""
    return request.form.cleaned(section, request.content.get(section, {}))


def rows_of(request: AccessRequest) -> list[Row]:
    return [Row.model_validate(row) for row in request.form.rows(request.content)]


def facts(
    request: AccessRequest, described: Sequence[DescribedRow] | None = None
) -> dict[str, Any]:
    """What the conditions of a procedure and of its form are judged on; answers that nothing asks
    for are empty there.

    `described`: the rows with their objects of the catalogue, when the caller has them already.
    """
    datasets = list(request.datasets.values_list("dataset__kind", "dataset__code"))
    names = (
        specification.identifiers(rows_of(request))
        if described is None
        else specification.identifiers_of(described)
    )
    known = {
        **request.form.whole(request.content),
        "orientation": request.orientation,
        "datasets": {
            "kinds": sorted({kind for kind, _code in datasets}),
            "codes": sorted(code for _kind, code in datasets),
            "identifiers": list(names),  # kinds of potential identifiers asked for (A22)
            "identifier_names": names,  # the names of their variables, by kind
        },
    }
    return request.form.settled(known)


def sync_datasets(request: AccessRequest) -> None:
    """Make RequestDataset rows those of the specification, where the form has one."""
    if not request.form.asks_for_whole:
        keep_datasets(request, {row.dataset for row in rows_of(request)})


def keep_datasets(request: AccessRequest, codes: Collection[str]) -> None:
    """Make RequestDataset rows those of the codes; unknown ones are left out."""
    wanted = set(Dataset.objects.filter(code__in=codes).values_list("pk", flat=True))
    known = set(request.datasets.values_list("dataset_id", flat=True))
    if gone := known - wanted:
        request.datasets.filter(dataset__in=gone).delete()
    RequestDataset.objects.bulk_create(
        RequestDataset(request=request, dataset_id=pk) for pk in wanted - known
    )
