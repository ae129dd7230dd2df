"""The Celery application and its beat schedule, in code so that a review sees it."""

import contextlib
import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import crontab

from portal.common.folders import own_files_only


own_files_only()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.dev")

app = Celery("guichet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "portal.accounts",
        "portal.audit",
        "portal.notifications",
        "catalog.search",
        "requests_app.selection",
        "requests_app.dossier",
        "requests_app.workflow",
        "requests_app.provisioning.worker",
        "requests_app.permits.extraction",
    ]
)

DAY = 24 * 3600


def _every(task: str, seconds: int | crontab, *, queue: str = "") -> dict[str, Any]:
    """A task of beat. One that nobody took before the next is sent is dropped: a busy worker finds
    one message of each kind, not all that were sent meanwhile. Hosts' clocks must agree.
    """
    expires = DAY if isinstance(seconds, crontab) else seconds
    options: dict[str, Any] = {"expires": expires} | ({"queue": queue} if queue else {})
    return {"task": task, "schedule": seconds, "options": options}


app.conf.beat_schedule = {
    "accounts-token-use": _every("portal.accounts.tasks.flush_token_use", 60),
    "accounts-links": _every("portal.accounts.tasks.forget_links", 3600),
    "audit-seal": _every("portal.audit.tasks.seal", 5),
    # 0 h 5: the end of the chain, in a log that is kept elsewhere
    "audit-head": _every("portal.audit.tasks.head", crontab(hour=0, minute=5)),
    "notifications-send": _every("portal.notifications.tasks.send_due", 5),
    "search-outbox": _every("catalog.search.tasks.index_pending", 5, queue="search"),
    "search-missing": _every("catalog.search.tasks.build_missing_index", 60, queue="search"),
    "workflow-due": _every("requests_app.workflow.tasks.fire_due", 5),
    "workflow-remind": _every("requests_app.workflow.tasks.remind", 60),
    "baskets-forget": _every("requests_app.tasks.forget_old_baskets", crontab(hour=3, minute=20)),
    "files-forget": _every("requests_app.tasks.forget_lost_files", crontab(hour=3, minute=40)),
    "provisioning-sweep": _every("requests_app.provisioning.tasks.sweep", 5, queue="provisioning"),
    "extraction-asked": _every(
        "requests_app.extraction.tasks.prepare_asked", 5, queue="provisioning"
    ),
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
