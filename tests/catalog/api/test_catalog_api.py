"""The read-only API: what it shows, how it refuses, and its committed description."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from rest_framework.settings import api_settings
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from catalog.api.description import HERE, description
from catalog.api.parameters import StrictParameters
from catalog.api.urls import router, urlpatterns
from catalog.models import TableKey
from catalog.search.indexing import rebuild
from portal.accounts import tokens
from tests.catalog.api.describe import describe
from tests.catalog.factories import make_dataset, make_table, make_user, make_variable
from tests.support.queries import assert_query_count


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
        ("/api/v1/zzz/", 404),
        ("/api/v1/variables/?page=9999", 404),
        ("/api/v1/variables/?page=abc", 400),
        ("/api/v1/variables/?page_size=201", 400),
        ("/api/v1/variables/?dataste=x", 400),
        ("/api/v1/variables/?name=%00", 400),
        ("/api/v1/datasets/?is_demo=peut-être", 400),
        ("/api/v1/search/?facette=zzz", 400),
        ("/api/v1/search/?kind=dataset&type=date", 400),
        ("/api/v1/search/?page=2", 404),
        ("/api/v1/search/?page=501", 400),
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
    assert body["detail"]
    assert ("errors" in body) == (status == 400)


def test_a_wrong_parameter_is_named(client: Client) -> None:
    body = client.get("/api/v1/search/?kind=zzz&page=abc&facette=x").json()
    assert body["detail"] == "Paramètres refusés : facette."  # before the values are looked at
    body = client.get("/api/v1/search/?kind=zzz&page=abc&holder=a&holder=é!").json()
    assert set(body["errors"]) == {"kind", "page", "holder"}
    assert all(isinstance(m, str) for messages in body["errors"].values() for m in messages)


def test_a_fault_of_ours_says_nothing_of_it(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("password=secret")

    monkeypatch.setattr("catalog.api.views.search", fail)
    client = Client(raise_request_exception=False)
    response = client.get("/api/v1/search/?q=x")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in response.content.decode()
    wrong_host = client.get("/api/v1/datasets/", headers={"host": "ailleurs.example"})
    assert wrong_host.status_code == 400
    assert wrong_host.json()["title"] == "Bad Request"
    page = client.get("/rien-de-tel/")  # for people, a page
    assert page.headers["Content-Type"].startswith("text/html")


def test_the_root_leads_everywhere(client: Client) -> None:
    addresses = client.get("/api/v1/").json()
    assert {"datasets", "tables", "variables", "search", "schema", "docs"} == set(addresses)
    for address in addresses.values():
        assert client.get(address).status_code == 200


def test_pages_are_as_long_as_asked(client: Client) -> None:
    table = make_table()
    for _ in range(3):
        make_variable(table)
    body = client.get("/api/v1/variables/?page_size=2&page=2").json()
    assert (body["count"], len(body["results"]), body["next"]) == (3, 1, None)
    assert "page_size=2" in body["previous"]


@pytest.mark.parametrize(
    ("path", "budget"),
    [("datasets/", 5), ("tables/", 4), ("variables/", 3), ("search/?kind=variable", 5)],
)
def test_queries_do_not_grow_with_the_data(client: Client, path: str, budget: int) -> None:
    counts = []
    for size in (2, 20):
        for _ in range(size):
            dataset = make_dataset()
            dataset.controllers.add(dataset.holder.organisation)
            table, other = make_table(dataset), make_table(dataset)
            make_variable(table)
            TableKey.objects.create(
                table=table, variables=["A"], target_table=other, target_variables=["B"]
            )
        rebuild()
        with assert_query_count(budget) as queries:
            assert client.get(f"/api/v1/{path}").status_code == 200
        counts.append(queries.count)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(client: Client, method: str) -> None:
    response = getattr(client, method)("/api/v1/datasets/")
    assert response.status_code == 405
    assert response.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("body", ["", "{", "[" * 5000, "\x00"])
def test_what_is_sent_is_not_even_read(client: Client, body: str) -> None:
    response = client.post("/api/v1/search/", body, content_type="application/json")
    assert response.status_code == 405
    assert response.json()["status"] == 405


def test_a_wrong_token_is_refused_and_none_is_needed(client: Client) -> None:
    assert client.get("/api/v1/datasets/").status_code == 200
    answer = client.get("/api/v1/datasets/", headers={"Authorization": "Bearer gui_zzz"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "Jeton inconnu, expiré ou retiré."


class TestThrottles:
    """Three calls a minute for everybody here."""

    @pytest.fixture(autouse=True)
    def _three(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rates = {"anon": "3/min", "user": "5/min"}
        for throttle in (AnonRateThrottle, UserRateThrottle):
            monkeypatch.setattr(throttle, "THROTTLE_RATES", rates)

    def codes(self, client: Client, *hops: str, **headers: str) -> list[int]:
        """One call per value of X-Forwarded-For."""
        return [
            client.get("/api/v1/tables/", headers={"x-forwarded-for": hop, **headers}).status_code
            for hop in hops
        ]

    def test_too_many_calls_are_a_problem_with_its_end(self, client: Client) -> None:
        for _ in range(3):
            assert client.get("/api/v1/tables/").status_code == 200
        refused = client.get("/api/v1/tables/")
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert 0 < int(refused.headers["Retry-After"]) <= 60

    def test_a_made_up_address_gives_no_other_throttle(self, client: Client) -> None:
        made_up = [f"10.0.0.{n}" for n in range(4)]
        assert self.codes(client, *made_up) == [200, 200, 200, 429]

    def test_behind_a_proxy_each_visitor_has_their_own(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)  # as GUICHET_TRUSTED_PROXIES=1
        one = [f"6.6.6.{n}, 192.0.2.1" for n in range(4)]  # what precedes the last hop is made up
        assert self.codes(client, *one) == [200, 200, 200, 429]
        assert self.codes(client, "192.0.2.2") == [200]

    def test_a_token_counts_for_its_person(self, client: Client) -> None:
        _token, text = tokens.create(by=make_user(), name="x", days=30)
        codes = self.codes(client, *["-"] * 6, authorization=f"Bearer {text}")
        assert codes == [200] * 5 + [429]


def test_every_page_leads_to_the_description(client: Client) -> None:
    assert 'href="/api/v1/docs/"' in client.get("/").content.decode()


def test_the_page_says_all_of_the_description(client: Client) -> None:
    """Every address, parameter, object, property and refusal; links lead to what is there."""
    page = BeautifulSoup(client.get("/api/v1/docs/").content, "html.parser")
    assert page.find("script", src=re.compile("swagger")) is None
    ids = [one["id"] for one in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    content = page.find("article")
    assert content is not None
    for link in content.find_all("a", href=re.compile("^#")):
        assert link["href"][1:] in ids
    words = {code.get_text() for code in content.find_all("code")}
    document = description()
    for path, methods in document["paths"].items():
        assert f"GET {path}" in words
        assert {p["name"] for p in methods["get"].get("parameters", [])} <= words
    for name, schema in document["components"]["schemas"].items():
        assert set(schema.get("properties", {})) <= words, name
        assert {str(value) for value in schema.get("enum", []) if value} <= words, name
    assert {"400", "401", "404", "406", "429"} <= words
    told = content.get_text()
    assert "en UTC" in told
    assert "Whole numbers" not in told


_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(.*)")


def test_every_instant_is_in_utc(client: Client) -> None:
    """Whatever the zone of the portal, in winter and in summer, in lists and in single objects."""
    summer = datetime(2026, 7, 14, 10, 30, tzinfo=UTC)
    dataset = make_dataset(code="base-heure", published_at=summer)
    make_variable(make_table(dataset))
    seen: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                look(item)
        elif isinstance(value, str) and (match := _INSTANT.fullmatch(value)):
            assert match[1] == "Z", value
            seen.append(value)

    for path in ("datasets/", "datasets/base-heure/", "tables/", "variables/", "search/", "rien/"):
        look(client.get(f"/api/v1/{path}").json())
    look(client.get("/api/v1/datasets/?inconnu=1").json())
    assert seen.count("2026-07-14T10:30:00Z") == 2
    assert len(seen) == 4


def test_every_view_of_the_interface_speaks_utc() -> None:
    """A new one has the class that does it, but those that describe the interface."""
    views = {one.name: one.callback for one in urlpatterns if hasattr(one, "name")}
    views |= {one.name: one.callback for one in router.urls}
    silent = {
        name
        for name, view in views.items()
        if not issubclass(getattr(view, "cls", object), StrictParameters)
    }
    assert silent == {"docs", "schema"}


def test_the_committed_description_is_the_present_one(client: Client) -> None:
    """`make openapi` rewrites it: a change of the API shows in the review; it is what is served."""
    for kind, fresh in describe().items():
        assert (HERE / f"openapi.{kind}").read_bytes() == fresh, kind
        assert client.get(f"/api/v1/schema/?format={kind}").content == fresh
