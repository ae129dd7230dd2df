"""What one size costs, on the database of DATABASE_URL: `run_size SIZE OPTIONS-AS-JSON`.

A process of its own, with the settings of production, so that what is counted in process and what
gunicorn serves are the same portal.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import django

from .environment import PROJECT, end_on_signals
from .options import Options
from .pages import Page, pages
from .site import Site, has_proxy
from .sizes import SIZES
from .tables import say, table


IMPORTS = 5
# A host that is allowed; a page that fails is told, and the others are measured.
HERE: dict[str, Any] = {"SERVER_NAME": "127.0.0.1", "raise_request_exception": False}
IMPORT = (
    "import time; start = time.perf_counter(), time.process_time();"
    "import portal.wsgi, portal.urls;"
    "print(time.perf_counter() - start[0], time.process_time() - start[1])"
)


def import_time() -> None:
    """Of the web's modules and addresses, in fresh processes."""
    wall, cpu = [], []
    for _ in range(IMPORTS + 1):  # the first writes byte code
        done = subprocess.run(
            [sys.executable, "-c", IMPORT], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        first, second = done.stdout.split()
        wall.append(float(first))
        cpu.append(float(second))
    rows = [
        ("clock", statistics.median(wall[1:]), min(wall[1:]), max(wall[1:])),
        ("processor", statistics.median(cpu[1:]), min(cpu[1:]), max(cpu[1:])),
    ]
    cells = [(name, *(f"{value:.2f}" for value in values)) for name, *values in rows]
    table(
        f"Import of portal.wsgi and portal.urls, s ({IMPORTS} processes)",
        ("time", "median", "least", "most"),
        cells,
    )


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of our own processor time."""
    clock, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - cpu


def index() -> None:
    """A rebuild, then what one save of a variable costs the index."""
    from django.core.management import call_command

    from catalog.models import Variable
    from catalog.search.indexing import index_pending

    from .catalogue import EVERYWHERE

    def save(variable: Variable) -> None:
        variable.save()
        index_pending()

    common = Variable.objects.filter(name=EVERYWHERE)[0]
    rare = Variable.objects.filter(table=common.table_id).exclude(name__in=(EVERYWHERE, "SEXE"))[0]
    steps: dict[str, Callable[[], object]] = {
        "rebuild": lambda: call_command("reindex", stdout=StringIO()),
        f"after one save: {rare.name}": lambda: save(rare),
        f"after one save: {EVERYWHERE}": lambda: save(common),
        f"after one save: dataset that holds {EVERYWHERE}": lambda: (
            common.table.dataset.save(),
            index_pending(),
        ),
    }
    rows = []
    for name, call in steps.items():
        clock, cpu = timed(call)
        rows.append((name, f"{clock:.2f}", f"{cpu:.2f}"))
    engine = "OpenSearch" if os.environ.get("SEARCH_URL") else "embedded"
    table(f"Search index, {engine}", ("step", "s", "s of processor"), rows)


def log() -> None:
    """The log is sealed already: what is added here is sealed, then all of it verified."""
    from portal.audit.models import AuditSeal
    from portal.audit.record import record
    from portal.audit.seal import seal_pending
    from portal.audit.verify import verify

    events = 2_000
    for number in range(events):
        record("request.view", by=None, text=f"texte {number}")
    sealing = timed(lambda: seal_pending(everything=True))
    verifying = timed(verify)
    total = AuditSeal.objects.count()
    rows = [
        ("seal", events, f"{sealing[0]:.2f}", round(events / sealing[0])),
        ("verify", total, f"{verifying[0]:.2f}", round(total / verifying[0])),
    ]
    table("Log", ("step", "events", "s", "events/s"), rows)


def sessions() -> dict[str, str]:
    """`{person: Cookie header}` of sessions that have passed the second factor."""
    from portal.accounts.models import User
    from tests.support.client import client_for

    people = sorted({page.who for page in pages()} - {""})
    found = {}
    for name in people:
        client = client_for(User.objects.get(username=name), verified=True, **HERE)
        found[name] = f"sessionid={client.cookies['sessionid'].value}"
    return found


def statements(pages: list[Page]) -> dict[str, int]:
    """SQL statements of each page, warm, in this process."""
    from django.test import Client

    from tests.support.queries import count_queries

    found, cookies = {}, sessions()
    for page in pages:
        client = Client(headers={"cookie": cookies[page.who]} if page.who else {}, **HERE)
        for _ in range(2):
            client.get(page.path, secure=True)
        with count_queries() as queries:
            answer = client.get(page.path, secure=True)
        if answer.status_code != 200:
            say(f"  {page.name}: {answer.status_code} at {page.path}")
        found[page.name] = queries.count
    return found


def http(listed: list[Page], options: Options, folder: Path) -> None:
    from . import http as pages_over_http

    sql = statements(listed)
    env = dict(os.environ) | {"GUICHET_DB_POOL": "1"}
    proxied = has_proxy()
    with Site(env, folder / "site", proxied=proxied) as site:
        found = pages_over_http.places(site.url, sessions(), options.peers)
        few: list[float] = []
        results = pages_over_http.run(
            listed, found, options, site, lambda: few.extend(site.memory())
        )
        pages_over_http.show(listed, found, results, sql)
        loaded = site.memory()
    table(
        "Memory of gunicorn's workers, MB (PSS)",
        ("when", "workers", "each", "together"),
        [
            (when, len(all_), sum(all_) / len(all_), sum(all_))
            for when, all_ in (("each page seen a few times", few), ("after the load", loaded))
        ],
    )
    say("behind nginx, as deploy/ says" if proxied else "without a proxy in front")


def main() -> int:
    size, options = SIZES[sys.argv[1]], Options.from_json(sys.argv[2])
    folder = Path(os.environ["GUICHET_VAR"])
    django.setup()
    import logging

    logging.disable(logging.WARNING)
    from django.core.management import call_command
    from django.db import connection

    from catalog.models import Dataset
    from catalog.search.indexing import build_if_missing

    # Looked at before anything is changed: a name may be that of a database in use.
    known = "catalog_dataset" in connection.introspection.table_names()
    if (held := Dataset.objects.count() if known else 0) != size.datasets:
        say(f"This database holds {held} datasets, {size.name} has {size.datasets}: name another.")
        return 2
    # A kept database and its folder may be of an earlier version.
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if "index" in options.only:
        index()
    else:
        build_if_missing()
    if "log" in options.only:
        log()
    if "import" in options.only:
        import_time()
    listed = [page for page in pages() if options.wants(page.name)]
    if "http" in options.only:
        http(listed, options, folder)
    elif "sql" in options.only:
        table("SQL statements of a page", ("page", "SQL"), list(statements(listed).items()))
    if "serving" in options.only:
        from . import serving

        serving.run(pages(), sessions(), options, folder / "site")
    return 0


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
