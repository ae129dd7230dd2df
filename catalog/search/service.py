"""The one way pages and API search: the engine, or the database when it does not answer."""

import logging

from .backends import backend, database
from .backends.base import SearchUnavailable
from .query import SearchRequest, SearchResult


logger = logging.getLogger(__name__)


def search(request: SearchRequest) -> SearchResult:
    """Never raises for a missing, stale or slow index: `result.engine` is then "database"."""
    try:
        return backend().search(request)
    except SearchUnavailable as error:
        logger.warning("search falls back to the database: %s", error)
        return database.search(request)
