"""Which worker class, threads and workers serve best: the table behind deploy/gunicorn.conf.py.

Every way is up at once and measured in turn, page by page, so that a busy machine is busy for all.
"""

import asyncio
import contextlib
import os
import shutil
import statistics
from pathlib import Path
from urllib.parse import urlsplit

from .http import WARM_SECONDS, Place
from .load import Measure, Target, fetch, measure
from .options import Options
from .pages import SECRETARIAT, Page
from .site import READY, Site
from .tables import say, table


SHORT = {
    "results q=date": "results",
    "dataset": "dataset",
    "inbox": "inbox",
    "request list": "list",
    "request page": "request",
}
PAGES = tuple(SHORT)
KINDS = (("sync", 1), ("gthread", 2), ("gthread", 4))
WORKERS = (2, 3, 4)
Way = tuple[Site, str]  # and the address of it that is asked: its own, or nginx's
CLIENTS = 8
HALF_SENT = 16  # forms of which the second half never comes
PATIENCE = 5.0  # seconds for a page while they are held


def flags(kind: str, threads: int, workers: int) -> list[str]:
    return ["--worker-class", kind, "--threads", str(threads), "--workers", str(workers)]


def run(pages: list[Page], cookies: dict[str, str], options: Options, folder: Path) -> None:
    env = dict(os.environ) | {"GUICHET_DB_POOL": "1"}
    chosen = [page for page in pages if page.name in PAGES]
    proxied = shutil.which("nginx") is not None
    if not proxied:
        say("nginx is not on this machine: measured without it (apt-get install nginx)")
    rows: list[tuple[object, ...]] = []
    for workers in WORKERS:
        with contextlib.ExitStack() as up:
            ways: dict[str, Way] = {}
            for kind, threads in KINDS:
                name = f"{kind} {workers} x {threads}"
                place = folder / f"{kind}-{workers}-{threads}"
                site = Site(env, place, *flags(kind, threads, workers), proxied=proxied)
                up.enter_context(site)
                ways[name] = site, site.direct
                if proxied:
                    ways[f"{name}, nginx"] = site, site.url
            found = _measured(chosen, cookies, options, ways)
            rows += [
                (name, *found[name], statistics.mean(site.memory()), half_sent(url, cookies))
                for name, (site, url) in ways.items()
            ]
    head = [f"{SHORT[page.name]} {what}" for page in chosen for what in ("req/s", "p95", "cpu")]
    table(
        f"Ways to serve: {CLIENTS} clients (p95, processor of one answer in ms), MB of a worker,"
        f" and what becomes of the site while {HALF_SENT} half-sent forms are held",
        ("way", *head, "MB", "half-sent"),
        rows,
    )


def _measured(
    pages: list[Page], cookies: dict[str, str], options: Options, ways: dict[str, Way]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for page in pages:
        total = {name: Measure() for name in ways}
        for _ in range(options.repeat):
            for name, (site, url) in ways.items():
                target = Place(name, url, cookies).target(page)
                assert target is not None, page.name
                measure(target, CLIENTS, WARM_SECONDS)
                start = site.processor()
                found_here = measure(target, CLIENTS, options.seconds)
                found_here.worked = site.processor() - start
                total[name].add(found_here)
        for name, one in total.items():
            if one.statuses != {200} or one.errors:
                say(f"  {name}, {page.name}: {one.statuses}, {one.errors} errors")
            found[name] += [one.rate or 0.0, one.p95 or 0.0, one.cost or 0.0]
        say(f"  {page.name}: " + ", ".join(f"{n} {one.rate or 0:.0f}" for n, one in total.items()))
    return found


async def _hold(url: str, cookie: str, count: int) -> list[asyncio.StreamWriter]:
    """Send the first half of so many forms."""
    parts = urlsplit(url)
    head = (
        f"POST /compte/connexion/ HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n"
        "X-Forwarded-Proto: https\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 2000\r\n\r\nusername="
    )
    writers = []
    for _ in range(count):
        _reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head.encode())
        await writer.drain()
        writers.append(writer)
    return writers


def half_sent(url: str, cookies: dict[str, str]) -> str:
    """`serves`, or `stops`: does a page still come while half-sent forms are held?"""

    async def look() -> str:
        writers = await _hold(url, cookies[SECRETARIAT], HALF_SENT)
        await asyncio.sleep(0.5)
        try:
            answer = asyncio.to_thread(fetch, Target(url, READY))
            status, _body = await asyncio.wait_for(answer, PATIENCE)
            return "serves" if status == 200 else str(status)
        except TimeoutError:
            return "stops"
        finally:
            for writer in writers:
                writer.close()

    return asyncio.run(look())
