"""A client that asks for one page again and again, over connections kept open, and writes times.

The standard library only: what the client costs is taken from the same two cores as the site.
"""

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .tables import percentile


WAIT = 120.0  # seconds for one answer: longer is an error


@dataclass
class Measure:
    """Milliseconds of each answer to one page, and how long the whole took."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    statuses: set[int] = field(default_factory=set)
    errors: int = 0
    size: int = 0
    worked: float = 0.0  # seconds of processor of the site, where it is ours

    def add(self, other: "Measure") -> None:
        self.times += other.times
        self.seconds += other.seconds
        self.statuses |= other.statuses
        self.errors += other.errors
        self.size = other.size or self.size
        self.worked += other.worked

    @property
    def p50(self) -> float | None:
        return percentile(self.times, 0.5) if self.times else None

    @property
    def p95(self) -> float | None:
        return percentile(self.times, 0.95) if self.times else None

    @property
    def cost(self) -> float | None:
        """Milliseconds of processor of one answer: steadier than time on a machine with others."""
        return self.worked * 1000 / len(self.times) if self.worked and self.times else None

    @property
    def rate(self) -> float | None:
        return len(self.times) / self.seconds if self.times else None


@dataclass(frozen=True)
class Target:
    """Where a page is asked for, and with what."""

    url: str
    path: str
    cookie: str = ""

    def request(self) -> bytes:
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {urlsplit(self.url).netloc}",
            "User-Agent: guichet-bench",
            "Accept: text/html,application/json",
            "X-Forwarded-Proto: https",
            "X-Forwarded-For: 127.0.0.1",
        ]
        lines += [f"Cookie: {self.cookie}"] * bool(self.cookie)
        return "\r\n".join([*lines, "", ""]).encode()


class Closed(Exception):
    """The server closed a connection that was kept open: not an answer, not an error."""


class Connection:
    """One keep-alive connection, opened again when the server closes it."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.request = target.request()
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self) -> tuple[int, int]:
        """Ask once: status and size of the body. Raises OSError, asyncio's IncompleteReadError."""
        kept = self.streams is not None
        try:
            return await self._get()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not kept:
                raise
            return await self._get()

    async def _get(self) -> tuple[int, int]:
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port, limit=2**20)
        reader, writer = self.streams
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        closes = headers.get("connection") == "close"
        if "content-length" in headers:
            size = len(await reader.readexactly(int(headers["content-length"])))
        elif headers.get("transfer-encoding") == "chunked":
            size = 0
            while length := int(await reader.readuntil(b"\r\n"), 16):
                size += len(await reader.readexactly(length + 2)) - 2
            await reader.readexactly(2)
        else:
            size, closes = len(await reader.read()), True
        if closes:
            self.close()
        return int(lines[0].split()[1]), size

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


async def _client(target: Target, until: float, measure: Measure) -> None:
    connection = Connection(target)
    try:
        while (start := time.perf_counter()) < until:
            try:
                status, size = await asyncio.wait_for(connection.get(), WAIT)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                connection.close()
                measure.errors += 1
                await asyncio.sleep(0.05)
                continue
            measure.times.append((time.perf_counter() - start) * 1000)
            measure.statuses.add(status)
            measure.size = size
    finally:
        connection.close()


async def _clients(target: Target, count: int, seconds: float) -> Measure:
    measure, start = Measure(), time.perf_counter()
    await asyncio.gather(*(_client(target, start + seconds, measure) for _ in range(count)))
    measure.seconds = time.perf_counter() - start
    return measure


def measure(target: Target, clients: int, seconds: float) -> Measure:
    """What so many clients got in so many seconds, and in the end of their last answers."""
    return asyncio.run(_clients(target, clients, seconds))


def fetch(target: Target, times: int = 1) -> tuple[int, bytes]:
    """Status and body, over a connection of its own each time: reaches every worker in turn."""

    async def one() -> tuple[int, bytes]:
        parts = urlsplit(target.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        request = target.request().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), WAIT)
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    for _ in range(times - 1):
        asyncio.run(one())
    return asyncio.run(one())
