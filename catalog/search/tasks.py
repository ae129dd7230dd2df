from celery import shared_task

from .indexing import index_pending as serve


@shared_task(name="catalog.search.tasks.index_pending")
def index_pending() -> None:
    """Beat's sweep: take up what the outbox holds."""
    serve()
