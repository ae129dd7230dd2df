"""Reading the working copy: its sections, its rows, the facts that a procedure judges."""

from typing import Any

from catalog.models import Dataset
from requests_app.models import AccessRequest, RequestDataset
from requests_app.procedures import content as content_models
from requests_app.procedures.content import SECTIONS, Row


def section_of(request: AccessRequest, section: str) -> dict[str, Any]:
    """A section with every field present; empty values where nothing was said."""
    return content_models.cleaned(section, request.content.get(section, {}))


def rows_of(request: AccessRequest) -> list[Row]:
    rows = request.content.get("specification", {}).get("rows", [])
    return [Row.model_validate(row) for row in rows]


def facts(request: AccessRequest) -> dict[str, Any]:
    """What the conditions of a procedure are judged on."""
    datasets = list(request.datasets.values_list("dataset__kind", "dataset__code"))
    return {
        **{section: section_of(request, section) for section in SECTIONS},
        "orientation": request.orientation,
        "datasets": {
            "kinds": sorted({kind for kind, _code in datasets}),
            "codes": sorted(code for _kind, code in datasets),
        },
    }


def sync_datasets(request: AccessRequest) -> None:
    """Make RequestDataset rows those of the specification; unknown codes are left out."""
    codes = {row.dataset for row in rows_of(request)}
    wanted = set(Dataset.objects.filter(code__in=codes).values_list("pk", flat=True))
    known = set(request.datasets.values_list("dataset_id", flat=True))
    if gone := known - wanted:
        request.datasets.filter(dataset__in=gone).delete()
    RequestDataset.objects.bulk_create(
        RequestDataset(request=request, dataset_id=pk) for pk in wanted - known
    )
