"""How the web process serves: `gunicorn -c deploy/gunicorn.conf.py portal.wsgi:application`.

Chosen by measurement: docs/adr/0015-serving.md has the table.
"""

import gc
import os
from typing import Any


workers = int(os.environ.get("GUICHET_WEB_WORKERS", "3"))
worker_class = "gthread"
threads = 4
timeout = 120

# Modules are loaded once, before the workers are made, which share their memory. Nothing is opened
# by then: no connection, no index, no thread.
preload_app = True

control_socket_disable = True
accesslog = "-"
logger_class = "portal.common.access_log.AccessLog"


def when_ready(_server: Any) -> None:
    """Before the first worker: addresses too, which Django loads at the first request."""
    from django.urls import get_resolver  # settings are known by now only

    _ = get_resolver().url_patterns
    # What is here for good is walked by no collection, so its pages stay shared.
    gc.collect()
    gc.freeze()
