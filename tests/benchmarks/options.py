"""The command line of `make bench`."""

import argparse
import ipaddress
import json
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from .database import NAME
from .sizes import SIZES


PARTS = {
    "local": "SQLite: pages, search, import, log (no server needed)",
    "index": "rebuild of the search index, and after one save",
    "sql": "SQL statements of each page",
    "http": "pages over HTTP at 1 and 8 clients, beside the peers; memory",
    "import": "import time of the web",
    "log": "sealing and verifying the log",
    "serving": "worker classes, threads and workers, with and without nginx, and slow clients",
}
UNASKED = [name for name in PARTS if name != "serving"]  # long, for who changes deploy/


@dataclass
class Peer:
    """Another running site, measured in the same run."""

    name: str
    url: str
    cookie: str = ""


@dataclass
class Options:
    sizes: list[str]
    only: list[str]
    repeat: int
    seconds: float
    keep: bool
    database: str
    make: str
    pages: list[str] = field(default_factory=list)  # words of names; none: every page
    peers: list[Peer] = field(default_factory=list)

    def wants(self, page: str) -> bool:
        """Whether a page of this name is measured."""
        without = [words[1:] for words in self.pages if words.startswith("!")]
        only = [words for words in self.pages if not words.startswith("!")]
        if any(words in page for words in without):
            return False
        return not only or any(words in page for words in only)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Options":
        values = json.loads(text)
        return cls(**values | {"peers": [Peer(**peer) for peer in values["peers"]]})


def _peer(text: str) -> Peer:
    name, _, url = text.partition("=")
    parts = urlsplit(url)
    if not name.isidentifier() or parts.scheme != "http" or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME=http://127.0.0.1:PORT")
    if not is_loopback(parts.hostname):
        raise argparse.ArgumentTypeError(
            f"{parts.hostname} is not this machine: the bench loads a site as hard as it can, so"
            " peers run on loopback (127.0.0.1)"
        )
    if parts.path not in ("", "/") or parts.query:
        raise argparse.ArgumentTypeError(f"{url}: the address of a site, without a page")
    return Peer(name, f"http://{parts.netloc}")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cookie(text: str) -> tuple[str, str]:
    name, _, cookie = text.partition("=")
    if "=" not in cookie:
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME=sessionid=…")
    return name, cookie


def _list(known: dict[str, object], text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [one for one in chosen if one not in known]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
    return chosen


def parse(arguments: list[str]) -> Options:
    """The options. Exits with a message on the first that cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.run", description="Benchmark tables of Guichet."
    )
    add = parser.add_argument
    sizes: dict[str, object] = dict(SIZES)
    parts: dict[str, object] = dict(PARTS)
    add("--sizes", type=lambda text: _list(sizes, text), default=list(SIZES), help="small,large")
    add(
        "--only",
        type=lambda text: _list(parts, text),
        default=UNASKED,
        help="; ".join(f"{name}: {what}" for name, what in PARTS.items()),
    )
    add(
        "--page",
        action="append",
        default=[],
        metavar="WORDS",
        help="only pages with these words in their name; more than once for more; "
        "with ! before them, without those",
    )
    add("--repeat", type=int, default=2, help="rounds: each measures every site in turn (2)")
    add("--seconds", type=float, default=3.0, help="of one page, site, round and load (3)")
    add("--peer", type=_peer, action="append", default=[], metavar="NAME=URL")
    add("--peer-cookie", type=_cookie, action="append", default=[], metavar="NAME=sessionid=…")
    add("--keep", action="store_true", help="keep the databases made, for --database")
    add("--database", default="", help="use this one, made if it is absent, and keep it")
    add("--make", choices=list(SIZES), default="", help="only make the data of a size")
    given = parser.parse_args(arguments)
    if given.database and not NAME.fullmatch(given.database):
        parser.error(f"--database {given.database}: small letters, digits and _ only")
    if given.make:
        given.sizes = [given.make]
    if given.database and len(given.sizes) > 1:
        parser.error("--database holds one size: add --sizes small or --sizes large")
    peers = {peer.name: peer for peer in given.peer}
    for name, cookie in given.peer_cookie:
        if name not in peers:
            parser.error(f"--peer-cookie {name}: no --peer {name}=http://…")
        peers[name].cookie = cookie
    return Options(
        sizes=given.sizes,
        only=given.only,
        repeat=given.repeat,
        seconds=given.seconds,
        keep=given.keep or bool(given.database),
        database=given.database,
        make=given.make,
        pages=given.page,
        peers=list(peers.values()),
    )
