"""The public register: authorised projects, with the sense of the opinion (A34).

An entry is published by the act of a `register` stage; nothing of a file is public before it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from requests_app.models import AccessRequest, Act, Opinion, RequestDataset, Stage, StageState


@dataclass(frozen=True, slots=True)
class Entry:
    """What the public reads of one project."""

    number: str
    title: str
    controller: str
    summary: str
    purposes: list[str]
    public_interest: str
    datasets: list[str]
    published_at: datetime
    opinion: str
    authorisation: str
    authorised_at: datetime | None


def published() -> QuerySet[AccessRequest]:
    """Requests with a published entry, newest first, ready for `entry()` without more queries."""
    stage = Stage.objects.filter(
        request=OuterRef("pk"), kind="register", state=StageState.DONE, outcome="published"
    )
    return (
        AccessRequest.objects.annotate(published_at=Subquery(stage.values("ended_at")[:1]))
        .filter(published_at__isnull=False)
        .select_related("organisation")
        .prefetch_related(
            Prefetch("opinions", Opinion.objects.order_by("-issued_at")),
            Prefetch("datasets", RequestDataset.objects.select_related("dataset")),
            Prefetch(
                "acts",
                Act.objects.filter(code="record_authorisation", corrected_by__isnull=True),
                to_attr="authorisations",
            ),
        )
        .order_by("-published_at")
    )


def entry(request: AccessRequest) -> Entry:
    """The public reading of a request of `published()`."""
    purpose: dict[str, Any] = request.content.get("purpose", {})
    opinions = list(request.opinions.all())
    acts = list(request.authorisations)  # type: ignore[attr-defined]
    return Entry(
        number=request.number or "",
        title=request.title,
        controller=request.organisation.name,
        summary=purpose.get("summary", ""),
        purposes=list(purpose.get("purposes", [])),
        public_interest=purpose.get("public_interest", ""),
        datasets=[row.dataset.title_fr for row in request.datasets.all()],
        published_at=request.published_at,  # type: ignore[attr-defined]
        opinion=opinions[0].get_sense_display() if opinions else "",
        authorisation=acts[0].data.get("number", "") if acts else "",
        authorised_at=acts[0].effective_at if acts else None,
    )
