"""Calls made up from the committed description: what it promises is what is answered.

Valid calls are answered, wrong ones refused with a problem, none is a fault of ours.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck
from hypothesis import settings as examples
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from catalog.api.description import HERE
from catalog.models import TableKey
from catalog.search.indexing import rebuild
from catalog.search.query import FACETS
from portal.wsgi import application
from tests.catalog.factories import make_dataset, make_table, make_variable
from tests.support.rotation import deep


pytestmark = pytest.mark.django_db
DESCRIPTION = HERE / "openapi.json"
schema = schemathesis.openapi.from_path(DESCRIPTION)
schema.app = application
schema.config.generation.update(allow_x00=False)  # refused by every field of ours: own test


@pytest.fixture(autouse=True)
def _catalogue(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SEARCH_URL = ""
    settings.SEARCH_DIR = tmp_path / "search"
    for throttle in (AnonRateThrottle, UserRateThrottle):
        monkeypatch.setattr(throttle, "THROTTLE_RATES", {"anon": None, "user": None})
    dataset = make_dataset(keywords_fr=["cœur"])
    table, other = make_table(dataset), make_table(dataset)
    make_variable(table, identifier="care_date", data_type="date")
    TableKey.objects.create(
        table=table, variables=["A"], target_table=other, target_variables=["B"]
    )
    rebuild()


@pytest.fixture(autouse=True)
def _one_transaction() -> Iterator[None]:
    """As Django's own test client does: the end of a call does not close the test's connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@schema.parametrize()
@examples(
    max_examples=200 if deep() else 25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_described_is_what_is_answered(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=list(beyond_a_schema(case)))


def beyond_a_schema(case: schemathesis.Case) -> Iterator[Callable[..., Any]]:
    """What the API refuses or takes as no schema can say."""
    asked = case.query or {}
    kind = asked.get("kind", "dataset")
    if any(kind not in kinds for name, kinds in FACETS.items() if name in asked):
        yield positive_data_acceptance  # a filter that this kind of result does not have
    elif {"after", "before"} & asked.keys():
        yield positive_data_acceptance  # a key that no link has
    if "" in asked.values():
        yield negative_data_rejection  # an empty parameter is as good as none
