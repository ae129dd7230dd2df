"""Beat calls these; losing a call loses nothing."""

from portal.common.background import task

from .seal import has_pending, log_head, seal_pending


@task(name="portal.audit.tasks.seal")
def seal() -> None:
    # A look without a lock first: most calls find nothing, and SQLite has one writer.
    if has_pending():
        seal_pending()


@task(name="portal.audit.tasks.head")
def head() -> None:
    """Once a day: seal whatever was left behind, and log where the chain ends."""
    seal_pending(everything=True)
    log_head()
