from celery import shared_task

from .indexing import build_if_missing
from .indexing import index_pending as serve


@shared_task(name="catalog.search.tasks.index_pending")  # type: ignore[untyped-decorator]
def index_pending() -> None:
    """Beat's sweep: take up what the outbox holds."""
    serve()


@shared_task(name="catalog.search.tasks.build_missing_index")  # type: ignore[untyped-decorator]
def build_missing_index() -> None:
    """Beat's watch: a lost index does not wait for the next change of a description."""
    build_if_missing()
