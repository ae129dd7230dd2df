"""The read-only API: what it shows, how it refuses, and its committed description."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from catalog.models import TableKey
from catalog.search.indexing import rebuild
from tests.catalog.factories import make_dataset, make_table, make_variable


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_index(settings, tmp_path: Path) -> None:
    settings.SEARCH_URL = ""
    settings.SEARCH_DIR = tmp_path / "search"


def test_only_published_descriptions(client: Client) -> None:
    shown, hidden = make_dataset(code="vue"), make_dataset(code="cachee", published=False)
    make_variable(make_table(shown), name="VUE")
    make_variable(make_table(hidden), name="CACHEE")
    assert [d["code"] for d in client.get("/api/v1/datasets/").json()["results"]] == ["vue"]
    assert client.get("/api/v1/datasets/cachee/").status_code == 404
    assert client.get("/api/v1/tables/?dataset=cachee").json()["count"] == 0
    names = [v["name"] for v in client.get("/api/v1/variables/").json()["results"]]
    assert names == ["VUE"]


def test_a_dataset_with_its_holder(client: Client) -> None:
    dataset = make_dataset(keywords_fr=["cœur"])
    dataset.controllers.add(dataset.holder.organisation)
    body = client.get(f"/api/v1/datasets/{dataset.code}/").json()
    assert body["holder"]["code"] == dataset.holder.organisation.code
    assert body["controllers"][0]["name"] == dataset.holder.organisation.name
    assert (body["keywords_fr"], body["ask_route"]) == (["cœur"], "here")


def test_tables_carry_their_keys(client: Client) -> None:
    table, target = make_table(), make_table()
    TableKey.objects.create(
        table=table, variables=["A"], target_table=target, target_variables=["B"]
    )
    body = client.get(f"/api/v1/tables/{table.pk}/").json()
    assert body["keys"] == [
        {
            "variables": ["A"],
            "target_dataset": target.dataset.code,
            "target_table": target.name,
            "target_variables": ["B"],
        }
    ]


def test_filters(client: Client) -> None:
    table = make_table()
    make_variable(table, name="ENT_DAT", identifier="care_date", data_type="date")
    make_variable(table, name="AUTRE")
    for query in (
        "identifier=care_date", "data_type=date", "name=ent_dat",
        f"dataset={table.dataset.code}&table={table.name}&name=ENT_DAT",
    ):  # fmt: skip
        found = client.get(f"/api/v1/variables/?{query}").json()
        assert [v["name"] for v in found["results"]] == ["ENT_DAT"], query


def test_search(client: Client) -> None:
    for _ in range(2):
        make_variable(name="BEN_RES_COM", label_fr="Commune de résidence",
                      identifier="residence_commune")  # fmt: skip
    rebuild()
    body = client.get("/api/v1/search/", {"q": "commune residence", "kind": "variable"}).json()
    assert body["count"] == 1
    hit = body["results"][0]
    assert (hit["name"], hit["identifier"]) == ("BEN_RES_COM", "residence_commune")
    assert len(hit["tables"]) == len(hit["datasets"]) == 2
    assert hit["url"].endswith("/variables/BEN_RES_COM/")
    assert body["kinds"]["variable"] == 1
    assert body["facets"]["identifier"] == {"residence_commune": 1}
    assert not body["degraded"]


def test_search_without_an_index(client: Client) -> None:
    make_dataset(title_fr="Registre des fractures")
    body = client.get("/api/v1/search/?q=fracture").json()
    assert body["degraded"] is True
    assert body["results"][0]["label"] == "Registre des fractures"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/api/v1/datasets/none/", 404),
        ("/api/v1/tables/pas-un-id/", 404),
        ("/api/v1/variables/?page=9999", 404),
        ("/api/v1/datasets/?kind=zzz", 400),
        ("/api/v1/search/?kind=zzz", 400),
        ("/api/v1/search/?page=0", 400),
        ("/api/v1/search/?route=zzz", 400),
        (f"/api/v1/search/?q={'a' * 301}", 400),
    ],
)
def test_errors_are_problem_details(client: Client, url: str, status: int) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert body["status"] == status
    assert body["title"]


def test_a_wrong_parameter_is_named(client: Client) -> None:
    errors = client.get("/api/v1/search/?kind=zzz&page=abc").json()["errors"]
    assert set(errors) == {"kind", "page"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(client: Client, method: str) -> None:
    response = getattr(client, method)("/api/v1/datasets/")
    assert response.status_code == 405
    assert response.headers["Content-Type"].startswith("application/problem+json")


def test_a_wrong_token_is_refused_and_none_is_needed(client: Client) -> None:
    assert client.get("/api/v1/datasets/").status_code == 200
    answer = client.get("/api/v1/datasets/", headers={"Authorization": "Bearer gui_zzz"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_anonymous_readers_are_throttled(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.throttling import AnonRateThrottle

    monkeypatch.setattr(AnonRateThrottle, "THROTTLE_RATES", {"anon": "3/min"})
    codes = [client.get("/api/v1/datasets/").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]


def test_the_viewer_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs/").content.decode()
    assert "http" not in page.split("<body>")[1]
    assert "<style" not in page
    script = client.get("/api/v1/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")


def test_the_committed_description_is_the_present_one(tmp_path: Path) -> None:
    """`make openapi` rewrites it: a change of the API shows in the review."""
    fresh = tmp_path / "openapi.json"
    call_command(
        "spectacular", "--validate", "--fail-on-warn", format="openapi-json", file=str(fresh)
    )
    committed = Path(settings.BASE_DIR) / "tests" / "api" / "openapi.json"
    assert json.loads(committed.read_text()) == json.loads(fresh.read_text())
