#!/usr/bin/env python3
"""SMTP server for tests (aiosmtpd): loopback only, keeps messages and serves them as JSON.

smtp.py start DIR | stop DIR | serve DIR       start prints DIR/env
GET    $MAIL_HTTP/messages[?to=a@b]    [{from, to, subject, text, html, headers, received}]
DELETE $MAIL_HTTP/messages             forget all
POST   $MAIL_HTTP/fault?code=451&n=2   the next n RCPTs are refused with this code
"""

import asyncio
import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Box:
    """What arrived, and how many recipients are still to be refused."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.fault = {"code": 0, "n": 0}

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.fault["n"] > 0:
            self.fault["n"] -= 1
            return f"{self.fault['code']} test fault"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        bodies = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        contents = {kind: body.get_content() if body else None for kind, body in bodies.items()}
        self.messages.append(
            {
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "subject": str(message["subject"] or ""),
                "text": contents["plain"],
                "html": contents["html"],
                "headers": {name: str(value) for name, value in message.items()},
                "received": time.time(),
            }
        )
        return "250 accepted"


def web_handler(box: Box) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        def answer(self, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            to = parse_qs(url.query).get("to", [None])[0]
            self.answer([m for m in box.messages if to is None or to in m["to"]])

        def do_DELETE(self) -> None:
            box.messages.clear()
            self.answer({"ok": True})

        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            box.fault = {"code": int(query["code"][0]), "n": int(query.get("n", ["1"])[0])}
            self.answer(box.fault)

        def log_message(self, *args: Any) -> None:
            pass

    return Web


def serve(folder: Path) -> None:
    from aiosmtpd.smtp import SMTP

    box = Box()
    web = ThreadingHTTPServer(("127.0.0.1", 0), web_handler(box))
    threading.Thread(target=web.serve_forever, daemon=True).start()

    async def run() -> None:
        # aiosmtpd's own Controller cannot take port 0; a plain asyncio server can.
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            return SMTP(box, enable_SMTPUTF8=True, data_size_limit=20 * 2**20, loop=loop)

        server = await loop.create_server(protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        written = folder / "env.tmp"
        written.write_text(
            f"EMAIL_URL=smtp://127.0.0.1:{port}\nMAIL_HTTP=http://127.0.0.1:{web.server_port}\n"
        )
        written.rename(folder / "env")  # its appearance says: ready
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()

    asyncio.run(run())


def born(pid: int) -> str | None:
    """The kernel's start time of a process: a pid alone may be another's by now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def alive(folder: Path) -> int | None:
    try:
        pid, since = (folder / "pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if born(int(pid)) == since else None


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def stop(folder: Path) -> None:
    if pid := alive(folder):
        os.kill(pid, signal.SIGTERM)
        if not wait(lambda: alive(folder) is None, 5):
            os.kill(pid, signal.SIGKILL)
    (folder / "pid").unlink(missing_ok=True)


def start(folder: Path) -> None:
    if not alive(folder):
        (folder / "env").unlink(missing_ok=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, __file__, "serve", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (folder / "pid").write_text(f"{process.pid} {born(process.pid)}")
        ready = wait(lambda: (folder / "env").exists() or process.poll() is not None, 15)
        if not ready or process.poll() is not None:
            sys.exit("did not start: " + (folder / "log").read_text()[-500:])
    sys.stdout.write((folder / "env").read_text())


def main() -> None:
    if len(sys.argv) < 3 or sys.argv[1] not in {"start", "stop", "serve"}:
        sys.exit(__doc__)
    folder = Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    {"start": start, "stop": stop, "serve": serve}[sys.argv[1]](folder)


if __name__ == "__main__":
    main()
