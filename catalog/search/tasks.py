from portal.common.background import task

from .indexing import build_if_missing
from .indexing import index_pending as serve


@task(name="catalog.search.tasks.index_pending")
def index_pending() -> None:
    """Beat's sweep: take up what the outbox holds."""
    serve()


@task(name="catalog.search.tasks.build_missing_index")
def build_missing_index() -> None:
    """Beat's watch: a lost index does not wait for the next change of a description."""
    build_if_missing()
