"""The part of the bench that needs no server: pages, search, import and audit on SQLite.

    python -m tests.benchmarks.run_local [PART …] [--short | --share]

`--short`: small sizes, one measure of each; `--share`: short too, and of the parts the one whose
turn the commit is. Exit status 1 when a part fails or a figure leaves the bound it states.
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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from tests.support import rotation

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


@dataclass(frozen=True)
class Size:
    pending: int = 300
    acts: int = 40
    events: int = 2_000
    dictionary: bool = True  # the published one, where this machine has it


SHORT = Size(pending=40, acts=10, events=300, dictionary=False)
# Statements of a page may not grow with its data. Twice the events cost twice the processor's time;
# four times would be another curve than a line.
MOST_STATEMENTS = 1.0
MOST_FOR_TWICE = 4.0


class OutOfBounds(Exception):
    """A figure is not within what the bench states."""


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

    def __init__(self, repeat: int, size: Size) -> None:
        from tests.support.client import client_for
        from tests.support.factories import World

        self.repeat, self.size = repeat, size
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
        """The large size: more pending requests, and more acts on one request."""
        from django.utils import timezone

        from requests_app.models import Act, Stage

        model, now = self.waiting.stage("completeness"), timezone.now()
        for index in range(self.size.pending - 1):
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
        for _ in range(self.size.acts):
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


def pages(repeat: int, size: Size) -> None:
    from django.core.management import call_command

    quiet = StringIO()
    site = Site(repeat, size)
    sizes = [f"small: {catalogue_counts()}, 1 pending request"]
    small = site.weigh()
    if size.dictionary and DICTIONARY.is_dir():
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
    more = f"{size.pending} pending requests, {size.acts} more acts"
    sizes.append(f"large: {catalogue_counts()}, {more}")
    table(
        "Pages: SQL statements and median time",
        ("page", "SQL small", "SQL large", "ms small", "ms large"),
        [(n, small[n][0], large[n][0], small[n][1], large[n][1]) for n in small],
    )
    print("\n".join(sizes))
    if grown := growing({name: (small[name][0], large[name][0]) for name in small}):
        raise OutOfBounds(f"statements that grow with the data: {', '.join(grown)}")


def growing(counts: Mapping[str, tuple[int, int]]) -> list[str]:
    return [
        f"{name}: {few} → {many}"
        for name, (few, many) in counts.items()
        if many > few * MOST_STATEMENTS
    ]


def search(repeat: int, _size: Size) -> None:
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


def audit(_repeat: int, size: Size) -> None:
    from portal.audit.record import record
    from portal.audit.seal import seal_pending
    from portal.audit.verify import verify

    def write(events: int) -> None:
        for number in range(events):
            record("request.view", by=None, text=f"texte {number}")

    def steps(events: int) -> tuple[float, float, float]:
        """Seconds to record and to seal them, and what the processor spent on both."""
        before = time.process_time()
        recorded = seconds(lambda: write(events))
        sealed = seconds(lambda: seal_pending(everything=True))
        return recorded, sealed, time.process_time() - before

    seal_pending(everything=True)
    once, twice = steps(size.events), steps(2 * size.events)
    names = ("record", "seal", "both, processor")
    rows = [
        (name, few, many, round(2 * size.events / many))
        for name, few, many in zip(names, once, twice, strict=True)
    ]
    rows.append(("verify, all", None, taken := seconds(verify), round(3 * size.events / taken)))
    head = ("step", f"s, {size.events}", f"s, {2 * size.events}", "events/s")
    table("Audit log, more events", head, rows)
    if twice[-1] > MOST_FOR_TWICE * once[-1]:
        raise OutOfBounds(f"twice the events cost over {MOST_FOR_TWICE:g} times the processor")


PARTS: dict[str, Callable[[int, Size], None]] = {"pages": pages, "search": search, "audit": audit}


def chosen(options: argparse.Namespace) -> list[str]:
    if options.share:
        return rotation.share(list(PARTS), of=len(PARTS))
    return options.parts or list(PARTS)


def play(parts: Sequence[str], repeat: int, size: Size) -> int:
    """Exit status: a part out of its bounds keeps no other from being measured."""
    from django.core.management import call_command

    call_command("seed_catalogue", stdout=StringIO())
    call_command("reindex", stdout=StringIO())
    left = 0
    for name in parts:
        try:
            PARTS[name](repeat, size)
        except OutOfBounds as found:
            print(f"{name}: {found}")
            left = 1
    return left


def main() -> int:
    parser = argparse.ArgumentParser(description="Benchmark tables of Guichet.")
    parser.add_argument("--repeat", type=int, default=7, help="measures per page")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="small sizes, one measure of each")
    parser.add_argument("--share", action="store_true", help="short, and the commit's part of all")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(PARTS)}")
    size = SHORT if options.short or options.share else Size()
    repeat = 1 if size is SHORT else options.repeat
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
        if size.dictionary and not DICTIONARY.is_dir():
            print(f"{DICTIONARY} is absent: the large size has the demo catalogue only")
        return play(chosen(options), repeat, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
