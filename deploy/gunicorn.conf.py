"""How the web process serves: `gunicorn -c deploy/gunicorn.conf.py portal.wsgi:application`.

Chosen by measurement: docs/adr/0015-serving.md has the table, `make bench` makes it again. Meant to
stand behind a proxy that buffers, as deploy/nginx.conf does.
"""

import gc
import os
from typing import Any


# One more than processors: while one waits for the database another works. About 100 MB each.
workers = int(os.environ.get("GUICHET_WEB_WORKERS", "3"))
# Threads, so that a long export holds one of them and not its worker. More than four only wait for
# each other.
worker_class = "gthread"
threads = 4

# Modules are loaded once, before the workers are made, which share their memory. Nothing is opened
# by then: no connection, no index, no thread. New code needs a restart: a HUP loads none.
preload_app = True

# A worker that has not come round for so long is ended; with threads a request may take longer.
timeout = 60
# When told to stop, requests under way have so long; an import or a large piece among them.
graceful_timeout = 30

control_socket_disable = True
accesslog = "-"
logger_class = "portal.common.access_log.AccessLog"  # without the secret part of links


def when_ready(_server: Any) -> None:
    """Before the first worker: addresses too, which Django loads at the first request."""
    from django.urls import get_resolver  # Django is set up by now only

    _ = get_resolver().url_patterns
    # What is here for good is walked by no collection, so its pages stay shared.
    gc.collect()
    gc.freeze()
