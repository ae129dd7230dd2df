"""The public register: projects of every type of case, with the sense of the opinion (A34).

An entry is published by the act of a `register` stage; nothing of a file is public before it.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.utils.translation import gettext as _

from requests_app.models import (
    AccessRequest,
    Act,
    Opinion,
    Permit,
    RequestDataset,
    RequestState,
    RequestVersion,
    Stage,
    StageState,
)
from requests_app.procedures import forms, kinds, registry
from requests_app.procedures.kind import Trait


log = logging.getLogger(__name__)


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
    opinion: str  # the senses of all that were given
    deemed: Any  # what the committee’s silence is deemed to be, in words
    authorisation: str
    authorised_at: datetime | None
    authority: str  # whose authorisation it is
    procedure: str
    state: str
    starts_at: datetime | None
    ends_at: datetime | None


def published() -> QuerySet[AccessRequest]:
    """Requests with a published entry, newest first, ready for `entry()` without more queries."""
    stage = Stage.objects.having(Trait.PUBLISHES).filter(
        request=OuterRef("pk"), state=StageState.DONE, outcome__in=kinds.outcomes(Trait.PUBLISHES)
    )
    return (
        AccessRequest.objects.annotate(published_at=Subquery(stage.values("ended_at")[:1]))
        .filter(published_at__isnull=False)
        .select_related("organisation")
        .prefetch_related(
            Prefetch("opinions", Opinion.objects.select_related("stage").order_by("issued_at")),
            Prefetch("datasets", RequestDataset.objects.select_related("dataset")),
            Prefetch(
                "acts",
                Act.objects.in_force().filter(code="record_authorisation"),
                to_attr="authorisations",
            ),
            Prefetch("permits", Permit.objects.order_by("-number")),
            Prefetch(
                "versions",
                RequestVersion.objects.signed().newest_first(),
            ),
        )
        .order_by("-published_at")
    )


def _state(request: AccessRequest, permits: list[Permit]) -> str:
    """Where the project stands, in the public's words."""
    if request.state == RequestState.WITHDRAWN:
        return _("abandonné")
    if request.state == RequestState.REFUSED:
        return _("sans suite")
    if not request.procedure.opens_rights:
        return _("enregistré")  # a course that opens nothing: neither awaited nor over
    if request.state == RequestState.CLOSED:
        return _("terminé")
    if permits and permits[0].revoked_at is not None:
        return _("accès retiré")
    if permits:
        return _("accès autorisé")
    by_convention = request.procedure.by_convention
    return _("convention en préparation") if by_convention else _("accès en préparation")


def entries(requests: Iterable[AccessRequest]) -> Iterator[Entry]:
    """Of each that this release can read: `check --database` names the others."""
    for one in requests:
        try:
            yield entry(one)
        except (registry.UnreadableProcedure, forms.UnreadableForm) as error:
            log.error("%s is not shown: %s", one.number, error)


def entry(request: AccessRequest) -> Entry:
    """The public reading of a request of `published()`: of its signed version, never of a draft."""
    versions, permits = list(request.versions.all()), list(request.permits.all())
    content: dict[str, Any] = versions[0].content if versions else {}
    form = request.form
    purposes = form.of_role("purposes")
    said = purposes[1].words(form.value(content, "purposes")) if purposes else ""
    opinions = list(request.opinions.all())
    acts = list(request.authorisations)  # type: ignore[attr-defined]
    procedure = request.procedure
    return Entry(
        number=request.number or "",
        title=content.get("title") or request.title,
        controller=request.organisation.name,
        summary=form.value(content, "summary") or "",
        purposes=said.splitlines(),
        public_interest=form.value(content, "public_interest") or "",
        datasets=[row.dataset.title_fr for row in request.datasets.all()],
        published_at=request.published_at,  # type: ignore[attr-defined]
        opinion=", ".join(one.sense for one in opinions),
        deemed=", ".join(one.deemed for one in opinions if one.deemed),
        authorisation=acts[0].data.get("number", "") if acts else "",
        authorised_at=acts[0].effective_at if acts else None,
        authority=str(procedure.authority.short),
        procedure=str(procedure.short_title),
        state=_state(request, permits),
        starts_at=permits[0].starts_at if permits else None,
        ends_at=permits[0].expires_at if permits else None,
    )
