"""What every test shares.

The database is SQLite in one file per worker, or PostgreSQL by DATABASE_URL.

Engines that a run started are found by their environment variables (see tests/servers); a test
that needs one carries `@pytest.mark.engine("redis")` and is skipped, by name, without it.
"""

import gc
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.test.testcases import TransactionTestCase

from tests.support.clock import legal_advance
from tests.support.db import flush_by_empty_database


gc.disable()  # until all is imported: see pytest_collection_finish
TransactionTestCase._fixture_teardown = flush_by_empty_database  # type: ignore[method-assign]

ENGINES = {
    "postgresql": "TEST_DATABASE_URL",
    "redis": "TEST_REDIS_URL",
    "opensearch": "TEST_OPENSEARCH_URL",
    "rgw": "TEST_RGW_ENDPOINT",
    "smtp": "TEST_SMTP_URL",
    "chromium": "TEST_CHROMIUM",
    "nginx": "TEST_NGINX",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "engine(name): needs a real server; see `make test` for which were proven"
    )
    config.addinivalue_line("markers", "benchmark: measured by `make bench`, not by the suite")
    config.addinivalue_line(
        "markers", "both: the database matters; played on SQLite too, the rest on PostgreSQL only"
    )
    config.addinivalue_line("markers", "faults: what dies or does not answer; all by `make faults`")
    config.addinivalue_line(
        "markers", "long: ten seconds and more; first, or the other worker waits for it at the end"
    )
    config.addinivalue_line("markers", "e2e: drives Chromium; run apart from the suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("engine"):
        require_engine(str(marker.args[0]))


def require_engine(name: str) -> str:
    """Address of a real server of this run. Without it the test is skipped, or fails in CI."""
    if address := os.environ.get(ENGINES[name], ""):
        return address
    message = f"engine {name} not started: run `make test`, or export `make services`'s addresses"
    if os.environ.get("GUICHET_ENGINES_REQUIRED") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    report = yield
    for marker in item.iter_markers("engine"):  # travels from the worker to the controller
        report.user_properties.append(("engine", str(marker.args[0])))
    return report


_engine_counts: dict[str, Counter[str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        for name in {str(v) for k, v in report.user_properties if k == "engine"}:
            _engine_counts.setdefault(name, Counter())[report.outcome] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    run = Path(settings.VAR_DIR).parent
    if hasattr(config, "workerinput"):
        return
    if report := os.environ.get("GUICHET_ENGINE_REPORT"):  # read by tests/run_all.py
        keys = ("passed", "failed", "skipped")
        counts = {name: {k: c[k] for k in keys} for name, c in _engine_counts.items()}
        Path(report).write_text(json.dumps(counts))
    if run.name.startswith("guichet-tests-"):
        shutil.rmtree(run, ignore_errors=True)


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _served() -> Iterator[None]:
    """Pages keep what they work out of a person as they do in production: the transaction that
    holds a test is none of the product's."""
    from requests_app.rights import kept
    from tests.support.served import in_transaction

    with patch.object(kept, "in_transaction", in_transaction):
        yield


@pytest.fixture
def legal_time(db: Any) -> Callable[[timedelta | str], datetime]:
    """`legal_time("11d")` moves legal time forward."""
    return legal_advance


@pytest.fixture
def client_for() -> Callable[..., Client]:
    """`client_for(user, verified=True)`: a client logged in, with its second factor just passed."""
    from tests.support.client import client_for as make

    return make


@pytest.fixture
def shared_folder() -> Path:
    """Published reference data, not part of the project; the test says so when it is absent."""
    folder = Path(settings.BASE_DIR).parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: reference data are not part of the project")
    return folder
