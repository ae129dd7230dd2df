"""Which account asks for which address."""

import os
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.urls import Resolver404, resolve

from . import stillness
from .addresses import Address, Filler, all_addresses
from .visit import Record, Visitor
from .world import model


FILE = "dossiers/<uuid:pk>/"
FULL = os.environ.get("GOLDEN_FULL") == "1"
ONLY = re.compile(os.environ.get("GOLDEN_ONLY", ""))  # names of addresses
# A run that takes minutes: pages without an id as one person of each part, the others and what is
# posted as some of them. A full one: as everybody, and of more rows.
OF_EACH_PART = (
    "visiteur",
    "chercheuse",
    "secretariat",
    "operateur",
    "auditeur",
    "presidente",
    "resp-soins-premiers",
    "admin",
    "representante",
    "juriste",
    "dpo",
    "cnam",
    "rapporteur",
    "membre-lie",
    "doctorant",
    "medecin",
    "secretariat (sans second facteur)",
    "juriste (second facteur ancien)",
)
EVERYWHERE, POSTING, READING = OF_EACH_PART[:8], OF_EACH_PART[:3], ("chercheuse", "auditeur")
OFFERED = 8 if FULL else 1  # objects of one address that a page led to, by account
SHAPES = 40 if FULL else 3  # of one address, whatever is asked of it: facets combine without end
SAMPLE = 3 if FULL else 1  # objects of one address that everybody tries
# Files that everybody tries every address of: one a moment of the course; where it is one alone,
# the one of which most of those addresses are open to somebody.
TRIED = (
    (r"/brouillon/", "Étude fr-cnil-standard brouillon"),
    (r"/signature/", "Étude à signer"),
    (r"/(completude|completer)/", "Étude fr-cnil-standard jusqu’à completeness"),
    (r"/(etapes|actes)/", "Étude en séance"),
    (r"", "Étude ouverte, clé lue"),
)
SEEN = ("Étude ouverte, clé lue", "Étude en séance")  # by everybody, all tabs


class Crawl:
    """Every address, every account, GET and an empty POST."""

    def __init__(
        self,
        visitor: Visitor,
        record: Record,
        filler: Filler,
        say: Callable[[str], None],
        share: int = 0,
        shares: int = 1,
    ) -> None:
        self.visitor, self.record, self.filler, self.say = visitor, record, filler, say
        accounts = [one for one in visitor.accounts if FULL or one in OF_EACH_PART]
        self.accounts = accounts[share::shares]
        self.addresses = all_addresses()
        self.done: set[tuple[str, str, str]] = set()
        self.seconds: dict[str, float] = defaultdict(float)
        self.asked: dict[str, int] = defaultdict(int)
        self.uncrawled: list[str] = []
        self.unposted: set[str] = set()  # addresses that answered that nothing is posted there
        self.offered: dict[tuple[str, str], int] = defaultdict(int)
        self.todo: list[tuple[str, str, str, str]] = []
        requests = model("requests_app.AccessRequest").objects
        self.titles = dict(requests.order_by("created_at", "pk").values_list("pk", "title"))

    def all(self) -> None:
        for part in (self.files, self.matrix, self.admin_pages, self.offers, self.tasks):
            part()
            took = {name: round(seconds) for name, seconds in self.seconds.items()}
            self.say(f"{part.__name__}: {dict(self.asked)} {took}")

    def ask(self, part: str, who: str, method: str, path: str, name: str) -> Any:
        if (who, method, path) in self.done:
            return None
        self.done.add((who, method, path))
        if not ONLY.search(name) or (not FULL and method == "POST" and name in self.unposted):
            return None
        began = stillness.seconds_of_machine()
        answer = self.visitor.ask(who, method, path, name=name)
        self.seconds[part] += stillness.seconds_of_machine() - began
        self.asked[part] += 1
        if answer.status == 405 and method == "POST":
            self.unposted.add(name)
        if method == "GET" and answer.status == 200:
            self.todo += [(who, path, kind, link) for kind, link in answer.links]
        return answer

    def both(self, part: str, who: str, path: str, name: str) -> None:
        self.ask(part, who, "GET", path, name)
        if FULL or who in POSTING or (part == "admin" and who == "admin"):
            self.ask(part, who, "POST", path, name)

    # --- every address by everybody -------------------------------------------------------------

    def paths(self, one: Address) -> list[str]:
        if one.route.startswith(FILE):
            return [one.path(**row) for row in self._of_tried(one)]
        return [one.path(**row) for row in spread(self.filler.rows(one) or [], SAMPLE)]

    def _of_tried(self, one: Address) -> list[dict[str, Any]]:
        """Of each file that is tried, some of what the address holds; of others where none has."""
        titles = [title for shape, title in TRIED if re.search(shape, one.route)]
        if FULL:
            titles = [title for _shape, title in TRIED]
        by_title = {title: pk for pk, title in self.titles.items()}
        first = [by_title[title] for title in titles]
        found: list[dict[str, Any]] = []
        for pk in [*first, *(pk for pk in self.titles if pk not in first)]:
            if found and not (FULL and pk in first):
                break
            verbs = 4 if "name" in one.arguments else 1
            found += spread(self.filler.of_file(one, pk), SAMPLE * verbs)
        return found

    def matrix(self) -> None:
        for one in self.addresses:
            if one.name.startswith("admin:"):
                continue
            paths = self.paths(one)
            if not paths:
                self.uncrawled.append(f"{one.name} /{one.route}")
            for path in paths:
                for who in self.accounts:
                    if FULL or not one.arguments or who in EVERYWHERE:
                        self.both("matrix", who, path, one.name)

    def admin_pages(self) -> None:
        """All of it by who may; its lists, and all of it as one of the others, by who may not."""
        keepers = [
            who
            for who in self.accounts
            if self.visitor.ask(who, "GET", "/admin/", name="admin:index").status == 200
        ]
        others = [who for who in self.accounts if who not in keepers]
        for one in self.addresses:
            if not one.name.startswith("admin:"):
                continue
            paths = [one.path(**row) for row in spread(self.filler.rows(one) or [], SAMPLE)]
            if not paths:
                self.uncrawled.append(f"{one.name} /{one.route}")
            listed = one.name.endswith("_changelist")
            opening = keepers if FULL or listed else keepers[:1]
            refused = others if FULL or listed else others[:1]
            for number, path in enumerate(paths):
                for who in [*opening, *(refused if not number else ())]:
                    self.both("admin", who, path, one.name)
            for query in ("?q=a", "?o=1", "?o=-2", "?p=1") if listed else ():
                for who in keepers if FULL else keepers[:1]:
                    self.ask("admin", who, "GET", paths[0] + query, one.name)

    def files(self) -> None:
        """The page of every request, with every tab that it shows."""
        (page,) = [one for one in self.addresses if one.name == "requests_app:request"]
        for number, (pk, title) in enumerate(self.titles.items()):
            path = page.path(pk=pk)
            seen = FULL or title in SEEN
            for who in self.accounts if seen else [o for o in self.accounts if o in READING]:
                answer = self.ask("files", who, "GET", path, page.name)
                links = [link for _kind, link in (answer.links if answer else ())]
                for tab in dict.fromkeys(link for link in links if "?onglet=" in link):
                    if seen or (number % 3 == 0 and who == READING[-1]):
                        self.ask("tabs", who, "GET", tab, page.name)

    # --- what pages lead to -----------------------------------------------------------------------

    def offers(self) -> None:
        """What the pages of each account led to, and what those lead to in turn."""
        while self.todo:
            who, page, kind, link = self.todo.pop(0)
            parts = urlsplit(link)
            if parts.netloc or parts.scheme or parts.path.startswith(("/static/", "/media/")):
                continue
            path = (parts.path or urlsplit(page).path) + (f"?{parts.query}" if parts.query else "")
            try:
                name = resolve(parts.path or urlsplit(page).path).view_name
            except Resolver404:
                self.record.write(f"broken link {link} of {page} — {who}", status="broken")
                continue
            method = "GET" if kind == "href" else "POST"
            verb = re.search(r"/([a-z_]*)/?$", parts.path)  # `…/suspend/`: each is another page
            shape = re.sub(r"=[^&]*", "=", parts.query)
            one = (who, f"{method} {name} {verb[1] if verb else ''}")
            asked = (who, f"{one[1]} ?{shape}")
            if not ONLY.search(name) or (who, method, path) in self.done:
                continue
            if self.offered[asked] >= OFFERED or self.offered[one] >= SHAPES:
                continue
            self.offered[asked] += 1
            self.offered[one] += 1
            self.ask("offers", who, method, path, name)
            if method == "POST":
                self.ask("offers", who, "GET", path, name)

    # --- what no page asks for --------------------------------------------------------------------

    def tasks(self) -> None:
        """Everything that beat sends, each in the same world; last, for what it does to files."""
        for name, entry in sorted(current_app.conf.beat_schedule.items()):
            at = f"beat {name} {entry['task']} {entry['schedule']} {entry['options']}"
            if ONLY.search(at):
                self.visitor.call(at, current_app.tasks[entry["task"]])


def spread(rows: list[Any], count: int) -> list[Any]:
    """So many of them, first and last included, evenly."""
    if len(rows) <= count:
        return rows
    if count == 1:
        return rows[:1]
    return [rows[round(number * (len(rows) - 1) / (count - 1))] for number in range(count)]
