"""The pages that are measured, as whom, and which page of a known peer does the same work."""

from dataclasses import dataclass, field
from urllib.parse import quote


NOBODY, SECRETARIAT, ADMINISTRATOR, AUDITOR = "", "secretariat", "administrateur", "auditrice"
# Sites whose pages are known, by the name given to --peer; any other name has pages like ours.
COLDFRONT, PHYSIONET = "coldfront", "physionet"
KNOWN = (COLDFRONT, PHYSIONET)


@dataclass(frozen=True)
class Page:
    """`path` of ours as `who`; `peers` holds the path of the page that does the same there.

    `{found}` in such a path is the first address below it on the page before it (see `http`).
    """

    name: str
    path: str
    who: str = NOBODY
    peers: dict[str, str] = field(default_factory=dict)

    def path_at(self, peer: str) -> str | None:
        """The path there, or None when it has no such page."""
        return self.peers.get(peer) if peer in KNOWN else self.path


def pages() -> list[Page]:
    """Of the database in use, made by `run_make`."""
    from django.db.models import Count

    from catalog.models import Table, Variable
    from portal.audit.models import AuditEvent
    from requests_app.models import AccessRequest

    from .catalogue import EVERYWHERE

    table = Table.objects.filter(dataset__code="base-00007").order_by("name")[0]
    rare = Variable.objects.filter(table=table).exclude(name__in=(EVERYWHERE, "SEXE"))
    busiest = AuditEvent.objects.values("about").exclude(about=None).annotate(n=Count("pk"))
    long = AccessRequest.objects.get(pk=busiest.order_by("-n")[0]["about"])
    request = AccessRequest.objects.filter(number__startswith="GUI-2025-").order_by("number")[7]
    base, file = f"/bases/{table.dataset.code}/", f"/dossiers/{request.pk}/"
    content, allocations = "/content/", "/admin/allocation/allocation/"
    staff = SECRETARIAT
    return [
        Page("home", "/", peers={PHYSIONET: "/", COLDFRONT: "/"}),
        Page("results q=date", "/recherche/?q=date", peers={PHYSIONET: f"{content}?topic=date"}),
        Page("results, no query", "/recherche/", peers={PHYSIONET: content}),
        Page("results, variables tab", "/recherche/?onglet=variables&q=date"),
        Page("results, PATIENT_ID", f"/recherche/?onglet=variables&q={EVERYWHERE}"),
        Page("dataset", base, peers={PHYSIONET: f"{content}{{found}}"}),
        Page("table", f"{base}tables/{table.name}/"),
        Page("variable", f"/variables/{quote(rare[0].name)}/"),
        Page("variable, PATIENT_ID", f"/variables/{EVERYWHERE}/"),
        Page("API datasets", "/api/v1/datasets/"),
        Page("API variables", "/api/v1/variables/"),
        Page("inbox", "/a-traiter/", staff, {COLDFRONT: "/allocation/allocation-request-list"}),
        Page("request list", "/dossiers/", staff, {COLDFRONT: "/allocation/"}),
        Page("request page", file, staff, {COLDFRONT: "/allocation/1/"}),
        Page("request page, 10,000 events", f"/dossiers/{long.pk}/", staff),
        Page("request log", f"{file}?onglet=journal", staff),
        Page("request log, 10,000 events", f"/dossiers/{long.pk}/?onglet=journal", staff),
        Page(
            "admin requests",
            "/admin/requests_app/accessrequest/",
            ADMINISTRATOR,
            {COLDFRONT: allocations},
        ),
        Page(
            "admin datasets",
            "/admin/catalog/dataset/",
            ADMINISTRATOR,
            {PHYSIONET: "/console/published-projects/"},
        ),
        Page("admin tables", "/admin/catalog/table/", ADMINISTRATOR),
        Page("admin variables", "/admin/catalog/variable/", ADMINISTRATOR),
        Page("admin log", "/admin/audit/auditevent/", AUDITOR),
    ]
