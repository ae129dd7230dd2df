"""The part of the bench that needs no server: pages, search, import and audit on SQLite.

Everything happens in a temporary folder. With TEST_OPENSEARCH_URL set (see `make services`) the
search table also has OpenSearch. The large catalogue is the published dictionary of
the main base where this machine has it (../shared), else the demo catalogue only, which is said.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from .environment import end_on_signals
from .tables import table


PROJECT = Path(__file__).resolve().parent.parent.parent
DICTIONARY = PROJECT.parent / "shared" / "data" / "snds" / "schemas"
QUERIES = (
    "commune de résidence du bénéficiaire",
    "BEN_RES_COM",
    "l’hospitalisation en psychiatrie",
    "medicaments",
    "diabete insuline",
    "cancer du sein",
    "date de naissance",
    "zzzz",
)
PENDING = 300
ACTS = 40
EVENTS = 2_000


def milliseconds(call: Callable[[], Any], repeat: int) -> list[float]:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Site:
    """A portal in a temporary folder with people at the counter, and pages to weigh."""

    def __init__(self, repeat: int) -> None:
        from tests.support.client import client_for
        from tests.support.factories import World

        self.repeat = repeat
        self.world = World()
        self.story = self.world.story().reach("referral")
        self.waiting = self.world.story().reach("completeness")
        self.anonymous = client_for()
        self.secretariat = client_for(self.world.secretariat, verified=True)
        self.investigator = client_for(self.world.investigator, verified=True)

    def pages(self) -> dict[str, tuple[Any, str]]:
        from catalog.models import Variable

        variable = Variable.objects.order_by("table__dataset__code", "name").first()
        assert variable is not None
        dataset = variable.table.dataset
        request = f"/dossiers/{self.story.request.pk}/"
        return {
            "home": (self.anonymous, "/"),
            "catalogue, results": (self.anonymous, "/recherche/?q=date"),
            "dataset": (self.anonymous, f"/bases/{dataset.code}/"),
            "table": (self.anonymous, f"/bases/{dataset.code}/tables/{variable.table.name}/"),
            "variable": (self.anonymous, f"/variables/{variable.name}/"),
            "inbox": (self.secretariat, "/a-traiter/"),
            "request, staff": (self.secretariat, request),
            "request, log": (self.secretariat, f"{request}?onglet=journal"),
            "request, investigator": (self.investigator, request),
        }

    def weigh(self) -> dict[str, tuple[int, float]]:
        """`{page: (statements, median ms)}`, each page warm."""
        from tests.support.queries import count_queries

        found = {}
        for name, (client, address) in self.pages().items():
            client.get(address)
            with count_queries() as queries:
                answer = client.get(address)
            assert answer.status_code == 200, f"{address}: {answer.status_code}"
            times = milliseconds(lambda c=client, a=address: c.get(a), self.repeat)
            found[name] = (queries.count, statistics.median(times))
        return found

    def grow(self) -> None:
        """The large size: 300 more pending requests and 40 more acts on one request."""
        from django.utils import timezone

        from requests_app.models import Act, Stage

        model, now = self.waiting.stage("completeness"), timezone.now()
        for index in range(PENDING - 1):
            request = self.world.draft()
            request.state, request.number = "submitted", f"GUI-2030-{index:04d}"
            request.submitted_at = now
            request.save()
            Stage.objects.create(
                request=request,
                code=model.code,
                kind=model.kind,
                role=model.role,
                state="running",
                started_at=now,
                due_at=now,
            )
        for _ in range(ACTS):
            Act.objects.create(
                request=self.story.request,
                code="record_referral",
                effective_at=now,
                entered_at=now,
                entered_by=self.world.secretariat,
            )


def catalogue_counts() -> str:
    from catalog.models import Dataset, Table, Variable

    counts = (Dataset.objects.count(), Table.objects.count(), Variable.objects.count())
    return "{} datasets, {} tables, {} variables".format(*counts)


def pages(repeat: int) -> None:
    from django.core.management import call_command

    from tests.support.factories import World

    World()
    quiet = StringIO()
    call_command("seed_catalogue", stdout=quiet)
    call_command("reindex", stdout=quiet)
    site = Site(repeat)
    sizes = [f"small: {catalogue_counts()}, 1 pending request"]
    small = site.weigh()
    if DICTIONARY.is_dir():
        taken = seconds(
            lambda: call_command("import_table_schema", DICTIONARY, stdout=quiet, stderr=quiet)
        )
        rebuilt = seconds(lambda: call_command("reindex", stdout=quiet))
        table(
            "Import and index",
            ("step", "s"),
            [(f"import ({catalogue_counts()})", taken), ("reindex, embedded", rebuilt)],
        )
    site.grow()
    large = site.weigh()
    sizes.append(f"large: {catalogue_counts()}, {PENDING} pending requests, {ACTS} more acts")
    table(
        "Pages: SQL statements and median time",
        ("page", "SQL small", "SQL large", "ms small", "ms large"),
        [(n, small[n][0], large[n][0], small[n][1], large[n][1]) for n in small],
    )
    print("\n".join(sizes))


def search(repeat: int) -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.test import override_settings

    from catalog.search.query import SearchRequest, parse
    from catalog.search.service import search as run

    engines = {"embedded": ""}
    if server := os.environ.get("TEST_OPENSEARCH_URL", ""):
        engines["opensearch"] = server
    rows = []
    for name, url in engines.items():
        prefix = f"bench-{os.getpid()}"
        with override_settings(SEARCH_URL=url, SEARCH_PREFIX=prefix):
            built = seconds(lambda: call_command("reindex", stdout=StringIO()))
            for text in QUERIES:
                request = SearchRequest(parsed=parse(text), kind="variable")
                result = run(request)
                assert result.engine != "database", "the index does not answer"
                times = milliseconds(lambda r=request: run(r), repeat * 3)
                worst = times[int(len(times) * 0.95)]
                rows.append((f"{name}: {text}", result.total, statistics.median(times), worst))
            rows.append((f"{name}: index built in {built:.1f} s", "", "", ""))
    table("Search", ("engine: query", "found", "ms median", "ms 95 %"), rows)
    size = sum(f.stat().st_size for f in Path(settings.SEARCH_DIR).rglob("*") if f.is_file())
    print(f"embedded index: {size / 2**20:.1f} MiB, all generations")


def audit() -> None:
    from portal.audit.record import record
    from portal.audit.seal import seal_pending
    from portal.audit.verify import verify

    def write() -> None:
        for number in range(EVENTS):
            record("request.view", by=None, text=f"texte {number}")

    steps = [
        ("record", seconds(write)),
        ("seal", seconds(lambda: seal_pending(everything=True))),
        ("verify", seconds(verify)),
    ]
    rows = [(name, taken, round(EVENTS / taken)) for name, taken in steps]
    table(f"Audit log, {EVENTS} more events", ("step", "s", "events/s"), rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Benchmark tables of Guichet.")
    parser.add_argument("--repeat", type=int, default=7, help="measures per page")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="guichet-bench-")
    os.environ |= {"GUICHET_TEST_RUN": folder, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    os.environ.pop("DATABASE_URL", None)
    try:
        import django

        django.setup()
        import logging

        logging.disable(logging.WARNING)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        if not DICTIONARY.is_dir():
            print(f"{DICTIONARY} is absent: the large size has the demo catalogue only")
        pages(options.repeat)
        search(options.repeat)
        audit()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
