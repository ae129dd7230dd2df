"""Which engine this portal searches with: SEARCH_URL, empty for the embedded one."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .base import SearchBackend


def backend() -> SearchBackend:
    """The engine of the settings; one object per process, so that it keeps its index open."""
    return _backend(settings.SEARCH_URL, str(settings.SEARCH_DIR), settings.SEARCH_PREFIX)


@lru_cache(maxsize=8)
def _backend(url: str, folder: str, prefix: str) -> SearchBackend:
    if not url:
        from .embedded import EmbeddedBackend  # tantivy, only where it serves

        return EmbeddedBackend(Path(folder))
    if url.startswith("opensearch+"):
        from catalog.search.backends.opensearch import (
            OpenSearchBackend,  # its client, only where it serves
        )

        return OpenSearchBackend(url.removeprefix("opensearch+"), prefix)
    raise ImproperlyConfigured("SEARCH_URL: leave it empty, or write opensearch+http://host:port")
