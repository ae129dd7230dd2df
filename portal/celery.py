"""The Celery application and its beat schedule, in code so that a review sees it."""

import contextlib
import os
from pathlib import Path

from celery import Celery
from celery.schedules import crontab


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.dev")

app = Celery("guichet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "portal.accounts",
        "portal.audit",
        "portal.notifications",
        "catalog.search",
        "requests_app",
        "requests_app.workflow",
        "requests_app.provisioning",
        "requests_app.extraction",
    ]
)

app.conf.beat_schedule = {
    # name: {task, schedule in seconds, options queue}
    "accounts-token-use": {"task": "portal.accounts.tasks.flush_token_use", "schedule": 60.0},
    "accounts-links": {"task": "portal.accounts.tasks.forget_links", "schedule": 3600.0},
    "audit-seal": {"task": "portal.audit.tasks.seal", "schedule": 5.0},
    # 0 h 5: the end of the chain, in a log that is kept elsewhere
    "audit-head": {"task": "portal.audit.tasks.head", "schedule": crontab(hour=0, minute=5)},
    "notifications-send": {"task": "portal.notifications.tasks.send_due", "schedule": 5.0},
    "search-outbox": {
        "task": "catalog.search.tasks.index_pending",
        "schedule": 5.0,
        "options": {"queue": "search"},
    },
    "search-missing": {
        "task": "catalog.search.tasks.build_missing_index",
        "schedule": 60.0,
        "options": {"queue": "search"},
    },
    "workflow-due": {"task": "requests_app.workflow.tasks.fire_due", "schedule": 5.0},
    "baskets-forget": {
        "task": "requests_app.tasks.forget_old_baskets",
        "schedule": crontab(hour=3, minute=20),
    },
    "provisioning-sweep": {
        "task": "requests_app.provisioning.tasks.sweep",
        "schedule": 5.0,
        "options": {"queue": "provisioning"},
    },
    "extraction-asked": {
        "task": "requests_app.extraction.tasks.prepare_asked",
        "schedule": 5.0,
        "options": {"queue": "provisioning"},
    },
}


EXCHANGES = (
    "default",
    "search",
    "provisioning",
    "celeryev",
    "celery.pidbox",
    "reply.celery.pidbox",
)


def prepare_filesystem_broker() -> None:
    """Create what kombu's filesystem transport expects to find: folders, and one file per exchange.

    The transport makes an exchange's file by opening it and only then locking it, so that two
    processes starting together may read it empty and die. A file that appears whole avoids it.
    """
    options = app.conf.broker_transport_options or {}
    for key in ("data_folder_in", "data_folder_out", "control_folder"):
        if folder := options.get(key):
            Path(folder).mkdir(parents=True, exist_ok=True)
    if control := options.get("control_folder"):
        for name in EXCHANGES:
            _appear_whole(Path(control) / f"{name}.exchange", "[]")


def _appear_whole(path: Path, text: str) -> None:
    """Write a file that is there with its content or not at all; one already there stays."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


prepare_filesystem_broker()
