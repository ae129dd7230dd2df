"""The environment of the bench's own processes: what deploy/ gives to web, on loopback."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from . import database


PROJECT = Path(__file__).resolve().parent.parent.parent
_FROM_SHELL = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "GUICHET_WEB_WORKERS")
SERVERS = ("TEST_DATABASE_URL", "TEST_REDIS_CACHE_URL")


def environment(name: str, folder: Path) -> dict[str, str]:
    """Production settings on database `name`; index and cache under `folder`.

    GUICHET_SECRET_KEY may be given: then a site of another version on the same database accepts
    the sessions that the bench makes.
    """
    env = {key: os.environ[key] for key in (*_FROM_SHELL, *SERVERS) if key in os.environ}
    env |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "PYTHONPATH": str(PROJECT),
        "GUICHET_SECRET_KEY": os.environ.get("GUICHET_SECRET_KEY") or secrets.token_urlsafe(50),
        "GUICHET_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "GUICHET_TRUSTED_PROXIES": "1",
        "GUICHET_PUBLIC_URL": "https://guichet.example",
        "GUICHET_VAR": str(folder),
        "GUICHET_STATIC_ROOT": str(folder / "static"),
        "GUICHET_LOG_LEVEL": "WARNING",
        "DATABASE_URL": database.address(name),
        "CELERY_BROKER_URL": "memory://",
        # The throttle would answer 429 long before a page is measured.
        "GUICHET_API_ANON_RATE": "1000000/min",
        "GUICHET_API_USER_RATE": "1000000/min",
    }
    if cache := os.environ.get("TEST_REDIS_CACHE_URL"):
        env |= {"CACHE_URL": cache, "GUICHET_CACHE_PREFIX": f"bench-{name}"}
    return env


def module(name: str, *arguments: str, env: dict[str, str]) -> int:
    """Run a module of the bench to its end; an interruption is passed on, then waited for."""
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments]
    child = subprocess.Popen(command, cwd=PROJECT, env=env, start_new_session=True)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise


def end_on_signals() -> None:
    """Ctrl-C and a plain `kill` raise KeyboardInterrupt, in a job of the background too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
