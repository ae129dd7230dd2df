"""What was measured, and on which machine in which state."""

import os
import platform
import subprocess
import time
from pathlib import Path

from . import database
from .environment import PROJECT
from .site import CONFIG, has_proxy


def commit() -> str:
    """The short commit, with a mark when files differ from it; `?` without git."""
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty=+changes", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


def load() -> str:
    one, five, _ = os.getloadavg()
    return f"load {one:.1f} (1 min), {five:.1f} (5 min), {time.strftime('%H:%M:%S')}"


def lines() -> list[str]:
    memory = next((line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines()), "0")
    cache = "Redis" if os.environ.get("TEST_REDIS_CACHE_URL") else "files (no TEST_REDIS_CACHE_URL)"
    proxy = "nginx (deploy/nginx.conf)" if has_proxy() else "none in front"
    return [
        f"Guichet {commit()}, Python {platform.python_version()},"
        f" {os.cpu_count()} processors, {int(memory) / 2**20:.0f} GB",
        f"PostgreSQL {database.version()}, cache {cache}, proxy {proxy},"
        f" gunicorn by {CONFIG.relative_to(PROJECT)}",
    ]
