"""Pages over HTTP at 1 and 8 clients: this site, and every peer in turn, page by page."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .load import WAIT, Measure, Target, fetch, measure
from .options import Options, Peer
from .pages import KNOWN, Page
from .site import Site
from .tables import ratio, say, table


CLIENTS = (1, 8)
OURS = "guichet"
WARM_UP = 12  # requests of one page before it is measured: each worker meets it
WARM_SECONDS = 0.5
TOO_SLOW = 5.0  # seconds: such a page is asked for once, not by eight
# (page, site) → one measure for each number of clients
Results = dict[tuple[str, str], dict[int, Measure]]


@dataclass
class Place:
    """A site that is measured: its address, and who is logged in there."""

    name: str
    url: str
    cookies: dict[str, str] = field(default_factory=dict)  # by person
    cookie: str = ""  # whoever the page is for

    def target(self, page: Page) -> Target | None:
        """Where to ask; None when this site has no such page, or nobody is logged in there."""
        path = page.path_at(self.name)
        if path is None:
            return None
        cookie = (self.cookie or self.cookies.get(page.who, "")) if page.who else ""
        if page.who and not cookie:
            return None
        if "{found}" in path:
            path = self._first_below(path.removesuffix("{found}"))
        return Target(self.url, path, cookie)

    def _first_below(self, folder: str) -> str:
        """The first page with a version below a list: `/content/demo/1.0/`."""
        body = fetch(Target(self.url, folder))[1].decode(errors="replace")
        found = re.search(rf'href="({re.escape(folder)}[\w.-]+/[\w.-]+/)"', body)
        if found is None:
            raise ValueError(f"{self.name}: nothing is listed at {folder}")
        return found[1]


def places(url: str, cookies: dict[str, str], peers: list[Peer]) -> list[Place]:
    """Ours first. A peer that is no known site is taken for a Guichet: our sessions may hold."""
    theirs = [
        Place(peer.name, peer.url, {} if peer.name in KNOWN else cookies, peer.cookie)
        for peer in peers
    ]
    return [Place(OURS, url, cookies), *theirs]


def run(
    pages: list[Page], found: list[Place], options: Options, site: Site, after: Callable[[], None]
) -> Results:
    """Measure; `after` is called once, when every page was seen and before the load."""
    targets: dict[tuple[str, str], Target] = {}
    results: Results = {}
    for page in pages:
        for place in found:
            target = place.target(page)
            seen = target and _seen(page, place, target)
            if target is None or seen is None:
                continue
            results[page.name, place.name] = {count: Measure() for count in CLIENTS}
            if max(seen.times) > TOO_SLOW * 1000:  # eight at once would only wait for each other
                results[page.name, place.name][1].add(seen)
            else:
                targets[page.name, place.name] = target
    after()
    for page in pages:
        here = {place.name: targets.get((page.name, place.name)) for place in found}
        for _ in range(options.repeat):
            for clients in CLIENTS:
                for name, target in here.items():
                    if target is not None:
                        measure(target, clients, WARM_SECONDS)
                        start = site.processor()
                        found_here = measure(target, clients, options.seconds)
                        found_here.worked = (site.processor() - start) if name == OURS else 0.0
                        results[page.name, name][clients].add(found_here)
        say(f"  {page.name}: " + ", ".join(_brief(n, results, page.name) for n in here))
    return results


def _brief(name: str, results: Results, page: str) -> str:
    one = results.get((page, name))
    if one is None:
        return f"{name} –"
    rate = f"{one[8].rate:.0f} req/s" if one[8].times else "too slow for eight"
    return f"{name} {one[1].p50:.1f} ms, {rate}"


def _seen(page: Page, place: Place, target: Target) -> Measure | None:
    """Warm the page up; say so and leave it out when it is not answered with 200."""
    seen = Measure()
    for _ in range(WARM_UP):
        start = time.perf_counter()
        try:
            status, body = fetch(target)
        except TimeoutError:
            say(f"  {page.name}: no answer of {place.name} in {WAIT:.0f} s, left out")
            return None
        if status != 200:
            say(f"  {page.name}: {place.name} answers {status} at {target.path}, left out")
            return None
        took = time.perf_counter() - start
        seen.add(Measure([took * 1000], took, {status}, size=len(body)))
        if took > TOO_SLOW:
            break
    return seen


def show(pages: list[Page], found: list[Place], results: Results, sql: dict[str, int]) -> None:
    """Our own table, then one for each peer with what both have."""
    rows = []
    for page in pages:
        one = results.get((page.name, OURS))
        if one is None:
            continue
        alone, many = one[1], one[8]
        wrong = alone.errors + many.errors
        rows.append(
            (
                page.name, sql.get(page.name), alone.size / 1024, alone.p50, alone.p95, many.p50,
                many.p95, many.rate, many.cost, wrong or "",
            )
        )  # fmt: skip
    table(
        "Pages over HTTP (ms; 1 client, then 8; cpu: processor of one answer)",
        ("page", "SQL", "kB", "p50", "p95", "p50 of 8", "p95 of 8", "req/s of 8", "cpu", "errors"),
        rows,
    )
    for place in found[1:]:
        _beside(pages, place.name, results)


def _beside(pages: list[Page], peer: str, results: Results) -> None:
    rows = []
    for page in pages:
        ours, theirs = results.get((page.name, OURS)), results.get((page.name, peer))
        if ours is None or theirs is None:
            continue
        rows.append(
            (
                page.name,
                ours[1].p50,
                theirs[1].p50,
                ratio(ours[1].p50, theirs[1].p50, more_is_better=False),
                ours[8].rate,
                theirs[8].rate,
                ratio(ours[8].rate, theirs[8].rate, more_is_better=True),
            )
        )
    table(
        f"Beside {peer}, in the same run (above 1x: {OURS} is ahead)",
        ("page", "ms", f"{peer} ms", "ratio", "req/s of 8", f"{peer} req/s", "ratio req/s"),
        rows,
    )
