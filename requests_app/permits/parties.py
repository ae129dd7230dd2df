"""Who signs a convention beside the applicant."""

from uuid import UUID

from portal.accounts.models import Organisation
from requests_app.models import AccessRequest, RequestDataset


def convention_parties(request: AccessRequest) -> list[UUID]:
    """Parties of the convention beside the controller (A29): CNAM for the main base, HDH and
    holders.

    Organisation ids, without repetition, by the kinds of the datasets asked for.
    """
    terms = request.procedure.convention
    found: dict[UUID, None] = {}
    if terms is None:
        return []
    datasets = RequestDataset.objects.filter(request=request).select_related("dataset__holder")
    for row in datasets:
        names = terms.main_base if row.dataset.kind == "main_base" else terms.catalogue
        codes = [name for name in names if name != "holder"]
        for pk in Organisation.objects.filter(code__in=codes).values_list("pk", flat=True):
            found[pk] = None
        if "holder" in names and row.dataset.holder_id:
            found[row.dataset.holder.organisation_id] = None
    return list(found)
