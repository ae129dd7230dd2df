"""Beat calls these; losing a call loses nothing."""

from celery import shared_task

from .seal import has_pending, log_head, seal_pending


@shared_task(name="portal.audit.tasks.seal")  # type: ignore[untyped-decorator]
def seal() -> None:
    # A look without a lock first: most calls find nothing, and SQLite has one writer.
    if has_pending():
        seal_pending()


@shared_task(name="portal.audit.tasks.head")  # type: ignore[untyped-decorator]
def head() -> None:
    """Once a day: seal whatever was left behind, and log where the chain ends."""
    seal_pending(everything=True)
    log_head()
