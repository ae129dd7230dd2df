"""What stands beside an act's form: the file, reports and remarks, as the form asks for them."""

from typing import Any

from portal.accounts.requests import SignedInRequest
from requests_app.committee import opinion_document
from requests_app.counter.forms.acts import ActForm
from requests_app.counter.reading import committee as committee_reading
from requests_app.counter.reading import request as reading
from requests_app.rights import permissions


def beside(request: SignedInRequest, form: ActForm) -> dict[str, Any]:
    """The file as this person may read it, its pieces, reports, remarks, who withdrew."""
    if not form.with_the_file:
        return {}
    access_request, procedure = form.access_request, form.procedure
    parts = permissions.parts_visible(request.user, access_request)
    reader = reading.Reader(access_request, procedure=procedure, parts=parts, user=request.user)
    found = reader.content(version="")
    shown = {"content": found["content"], "rows": found.get("rows", [])}
    if "pieces" in parts:
        shown["pieces"] = reader.pieces()
    if said := form.beside & {"reports", "remarks", "opinions"}:
        all_said = reader.opinions_and_acts()
        shown |= {name: all_said[name] for name in sorted(said)}
    if "sitting" in form.beside and form.stage is not None:
        seats = committee_reading.sitting_of(
            access_request, form.stage, user=request.user, parts=parts
        )
        shown["apart"] = opinion_document.by_origin(
            (seat.member, seat.cause) for seat in seats if seat.stands_down
        )
        shown["silent"] = [seat for seat in seats if not seat.said]
    return shown
