from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.training.sandbox.live import LiveSandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSandbox]:
    """One sandbox with its embedded store for the session; tests make projects of their own."""
    live = LiveSandbox(tmp_path_factory.mktemp("sandbox") / "root").start()
    live.admin("quotas", {"quotas": {"projects": 1000, "iam_policies": 1000, "iam_groups": 1000,
                                     "iam_applications": 1000, "iam_api_keys": 1000,
                                     "object_storage_buckets": 1000}})  # fmt: skip
    yield live
    live.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"
