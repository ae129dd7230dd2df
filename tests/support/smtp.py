"""A real SMTP server on a free loopback port, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.smtp import SMTP


class _Handler:
    """Keeps the envelopes; refuses `refused@…` for good."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope)
        return "250 taken"


@contextmanager
def serve() -> Iterator[tuple[int, list[Any]]]:
    """Port and list of envelopes received. (aiosmtpd's Controller cannot take port 0.)"""
    handler, loop, ready = _Handler(), asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def start() -> asyncio.Server:
        server = await loop.create_server(
            lambda: SMTP(handler, hostname="loopback", loop=loop), "127.0.0.1", 0
        )
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(start())
        loop.run_forever()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(5)
    try:
        yield ports[0], handler.received
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
