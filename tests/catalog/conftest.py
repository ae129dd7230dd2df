from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.search.indexing import rebuild


@pytest.fixture(autouse=True)
def _own_index(settings, tmp_path: Path) -> None:
    """Each test has its own, empty, embedded index."""
    settings.SEARCH_URL = ""
    settings.SEARCH_DIR = tmp_path / "search"


@pytest.fixture
def indexed(db) -> Callable[[], None]:
    """`indexed()` builds the index of what the test made so far."""
    return lambda: (rebuild(), None)[1]
