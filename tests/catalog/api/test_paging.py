"""Pages of the lists: by number at first, by key however deep; and counts that are kept."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from catalog import counts
from catalog.api import paging
from catalog.api.views import DatasetViewSet, TableViewSet, VariableViewSet
from catalog.models import Dataset, Table, Variable
from catalog.publishing import publish, unpublish
from catalog.search.indexing import index_pending
from tests.catalog.factories import make_dataset, make_holder, make_table, make_variable
from tests.support.client import page_text
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
Captured = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_index(settings: Any, tmp_path: Any) -> None:
    settings.SEARCH_URL = ""
    settings.SEARCH_DIR = tmp_path / "search"


def fill(bases: int = 3) -> None:
    """Bases of two tables of three variables, whose ranks and names are in no order."""
    holder = make_holder()
    for n in range(bases):
        base = make_dataset(code=f"b{(7 * n) % bases}", holder=holder)
        for k in range(2):
            table = make_table(base, name=f"T{k}", position=k % 2)
            Variable.objects.bulk_create(
                Variable(table=table, name=f"V{(5 * m) % 3}", position=m // 2) for m in range(3)
            )


def crawl(client: Client, url: str, way: str = "next") -> list[list[str]]:
    """Ids page by page, following the links."""
    pages = []
    while url:
        body = client.get(url).json()
        pages.append([row["id"] for row in body["results"]])
        url = body[way] and "?".join(urlsplit(body[way])[2:4])
    return pages


@pytest.mark.parametrize(("kind", "size"), [("datasets", 1), ("tables", 4), ("variables", 7)])
def test_a_crawl_by_its_links_meets_every_row_once_in_order(
    client: Client, kind: str, size: int
) -> None:
    fill()
    whole = crawl(client, f"/api/v1/{kind}/?page_size=200")
    assert len(whole) == 1
    url = f"/api/v1/{kind}/?page_size={size}"
    pages = crawl(client, url)
    assert [one for page in pages for one in page] == whole[0]
    assert {len(page) for page in pages[:-1]} <= {size}
    by_number = [
        [row["id"] for row in client.get(f"{url}&page={n}").json()["results"]]
        for n in range(1, len(pages) + 1)
    ]
    assert by_number == pages
    back = crawl(client, f"{url}&page={len(pages)}", "previous")
    assert [one for page in reversed(back) for one in page] == whole[0]
    last = client.get(f"{url}&page={len(pages)}").json()
    assert last["next"] is None


def test_filters_stay_on_the_links(client: Client) -> None:
    fill()
    found = crawl(client, "/api/v1/variables/?page_size=1&name=V1")
    assert len(found) == Variable.objects.filter(name="V1").count() > 3


def test_the_order_of_each_list_tells_any_two_rows_apart() -> None:
    """The fields of a unique constraint are among those of the order, from base to row."""
    unique = {
        Dataset: [("code",)],
        Table: [("dataset__code",), ("name",)],
        Variable: [("table__dataset__code",), ("table__name",), ("name",)],
    }
    for view in (DatasetViewSet, TableViewSet, VariableViewSet):
        (model,) = [m for m in unique if m is view.queryset.model]
        assert {name for names in unique[model] for name in names} <= set(view.order)
        for name in view.order:
            field = model
            for step in name.split("__"):
                found = field._meta.get_field(step)
                assert not found.null
                field = found.related_model or field


def test_a_page_of_a_crawl_leaves_no_row_aside(client: Client) -> None:
    """Sought by its key: no OFFSET, whatever the depth; the index of the order leads to it."""
    fill()
    url = client.get("/api/v1/variables/?page_size=5&page=2").json()["next"]
    with count_queries() as queries:
        client.get(url)
    (read,) = [sql for sql in queries.statements if "LIMIT" in sql]
    assert "OFFSET" not in read
    assert '"catalog_dataset"."code" >= ' in read


def test_a_page_number_stops_at_a_depth_and_says_how_to_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "DEEPEST", 10)
    fill()
    assert client.get("/api/v1/variables/?page_size=5&page=2").status_code == 200
    answer = client.get("/api/v1/variables/?page_size=5&page=3")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "suivez les liens « next »" in answer.json()["errors"]["page"][0]
    assert client.get("/api/v1/variables/?page_size=5&page=5").status_code == 404


def key(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "after=", "after=zzz", "after=é", f"after={key()}", f"after={key('a', 'b')}",
        f"after={key(1)}", f"after={key(None)}", f"before={key(['a'])}", f"before={key(chr(0))}",
        f"before={key(chr(0xD800))}", f"after={key('a' * 401)}", "after=" + "A" * 9000,
        f"after={key('a')}&page=2", f"after={key('a')}&before={key('a')}",
        "after=" + base64.urlsafe_b64encode(b"[" * 5000).decode(),
    ],
)  # fmt: skip
def test_a_key_that_no_link_has_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/datasets/?{query}")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) <= {"after", "before", "page"}
    ranks = [key("a", rank, "T") for rank in (-1, True, 2**31, "1", 1.5)]
    for one in ranks:
        assert client.get(f"/api/v1/tables/?after={one}").status_code == 400


# --- counts


def counted(client: Client, url: str) -> list[str]:
    with count_queries() as queries:
        assert client.get(url).status_code == 200
    return [sql for sql in queries.statements if "COUNT(" in sql]


def test_what_was_counted_is_not_counted_again(client: Client) -> None:
    fill()
    urls = {
        "/": 3, "/api/v1/datasets/": 1, "/api/v1/tables/": 1, "/api/v1/variables/?page=2": 0,
        "/api/v1/datasets/?kind=catalogue&is_demo=false": 1,
        "/api/v1/variables/?data_type=string&page_size=2": 1,
    }  # fmt: skip
    cache.clear()
    client.get("/api/v1/variables/?page_size=2")
    urls["/api/v1/variables/?page=2"] = 0
    for url, first in urls.items():
        page = url.replace("?page=2", "")
        assert len(counted(client, page)) <= first, url
        assert counted(client, page) == [], url
    assert len(counted(client, "/recherche/?onglet=tables")) == 3  # without an index
    assert counted(client, "/recherche/?onglet=variables") == []
    assert len(counted(client, "/recherche/?onglet=variables&q=V1")) == 3
    assert counted(client, "/api/v1/variables/?data_type=date") != []
    for _ in range(2):  # of any number of values: not kept
        assert len(counted(client, "/api/v1/variables/?name=V1")) == 1


def figures(client: Client) -> tuple[str, list[int]]:
    lists = ("datasets", "tables", "variables")
    found = [client.get(f"/api/v1/{name}/").json()["count"] for name in lists]
    return page_text(client.get("/")), found


def test_counts_follow_each_way_of_changing_what_is_published(
    client: Client, django_capture_on_commit_callbacks: Captured
) -> None:
    fill()
    draft = make_dataset(published=False)
    draft.controllers.add(draft.holder.organisation)
    make_variable(make_table(draft, name="SECRETE"))
    table = Table.objects.filter(dataset__code="b0", name="T0").get()
    kept = Table.objects.get(dataset__code="b0", name="T1")
    before = figures(client)
    assert before[1] == [3, 6, 18]
    connection.run_on_commit.clear()  # as the end of each transaction does

    def removed() -> None:
        table.removed_at = "2026-01-01T00:00Z"
        table.save()

    for act, expected in (
        (lambda: publish(draft, by=None), [4, 7, 19]),
        (lambda: unpublish(draft, by=None, reason="erreur"), [3, 6, 18]),
        (lambda: make_variable(table), [3, 6, 19]),
        (removed, [3, 5, 15]),
        (Variable.objects.get(table=kept, name="V1").delete, [3, 5, 14]),
        (lambda: Dataset.objects.filter(code="b2").delete(), [2, 3, 8]),
    ):
        with django_capture_on_commit_callbacks(execute=True) as told:
            act()
        connection.run_on_commit.clear()
        assert told.count(counts.changed) == 1
        assert figures(client)[1] == expected


def test_a_transaction_that_is_undone_leaves_the_counts(
    client: Client, django_capture_on_commit_callbacks: Captured
) -> None:
    fill()
    figures(client)
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks(execute=True) as told:
        with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
            make_table(Dataset.objects.first())
            raise RuntimeError
        assert [call for call in told if call is counts.changed] == []
        with transaction.atomic():
            make_table(Dataset.objects.first())
        make_table(Dataset.objects.first())
    assert told.count(counts.changed) == 1
    assert figures(client)[1][1] == 8


def test_the_index_tells_what_a_process_that_died_could_not(client: Client) -> None:
    fill()
    figures(client)
    make_table(Dataset.objects.first())  # its commit is never told
    assert figures(client)[1][1] == 6
    index_pending()
    assert figures(client)[1][1] == 7


def test_without_the_cache_pages_count(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill()

    def fail(*_args: object, **_more: object) -> None:
        raise ConnectionError("the cache is down")

    for name in ("get_many", "set_many", "set", "get", "get_or_set"):
        monkeypatch.setattr(counts.cache, name, fail)
    assert counts.kept("x", lambda: 3) == 3
    counts.changed()
    assert "bases décrites 3" in page_text(client.get("/"))


def test_what_is_kept_is_of_this_revision_only() -> None:
    assert counts.kept("x", lambda: 1) == counts.kept("x", lambda: 2) == 1
    counts.changed()
    assert counts.kept("x", lambda: 2) == 2
    cache.delete(counts.REVISION)
    assert counts.kept("x", lambda: 3) == 3
