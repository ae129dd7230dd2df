"""Make the data of a size in the (empty) database of DATABASE_URL: `run_make SIZE`."""

import sys
import time
from collections.abc import Callable

import django

from .environment import end_on_signals


def make(name: str) -> None:
    from django.core.management import call_command

    from portal.audit.seal import seal_pending

    from . import catalogue, requests
    from .sizes import SIZES

    size = SIZES[name]
    steps: dict[str, Callable[[], object]] = {
        "migrate": lambda: call_command("migrate", verbosity=0),
        "requests": lambda: requests.fill(size),
        "catalogue": lambda: catalogue.fill(size),
        "seal the log": lambda: seal_pending(everything=True),
        "analyse": _analyse,
    }
    for step, call in steps.items():
        start = time.perf_counter()
        call()
        print(f"  {step}: {time.perf_counter() - start:.1f} s", flush=True)


def _analyse() -> None:
    """Statistics at once: otherwise plans change when autovacuum comes by, in mid-measure."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    end_on_signals()
    django.setup()
    try:
        make(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
