"""What a list of the administration reads does not grow with its table, nor with the next one."""

from datetime import date
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib import admin
from django.contrib.admin.filters import AllValuesFieldListFilter, RelatedFieldListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.core.paginator import Paginator
from django.test import Client
from django.urls import reverse

from catalog.models import Dataset, Table
from portal.accounts.models import Membership, Role, Training
from portal.common.admin_lists import AutocompleteFilter, BoundedPaginator
from portal.common.guarded_admin import GuardedAdmin
from tests.catalog.factories import make_dataset, make_table
from tests.support.client import client_for, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
TABLES = reverse("admin:catalog_table_changelist")
NAMES, APP = reverse("admin:autocomplete"), {"app_label": "catalog"}
SITE: dict[Any, Any] = dict(admin.site._registry)


@pytest.fixture
def administrator() -> Client:
    return client_for(with_role(Role.ADMINISTRATOR), verified=True)


def test_no_list_counts_or_offers_its_whole_table() -> None:
    wrong = []
    for model, one in SITE.items():
        assert isinstance(one, GuardedAdmin)
        assert issubclass(one.paginator, BoundedPaginator)
        assert (one.date_hierarchy, one.show_full_result_count) == (None, False), model
        assert one.show_facets is admin.ShowFacets.NEVER
        for item in one.list_filter:
            path, kind = item if isinstance(item, tuple) else (item, None)
            if not isinstance(path, str):
                continue
            field: Any = get_fields_from_path(model, path)[-1]
            if field.is_relation and kind is not AutocompleteFilter:
                wrong.append(f"{model._meta.label_lower}: {path} prints the other table")
            if kind is not None and issubclass(kind, RelatedFieldListFilter):
                assert kind is AutocompleteFilter, path
            if kind is not None and issubclass(kind, AllValuesFieldListFilter):
                wrong.append(f"{model._meta.label_lower}: {path} reads every value")
    assert wrong == []


class TestCount:
    def test_a_list_counts_and_pages_no_further_than_its_bound(
        self, administrator: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = make_dataset()
        for _number in range(7):
            make_table(dataset)
        monkeypatch.setattr(BoundedPaginator, "most", 5)
        with count_queries() as queries:
            page = page_text(administrator.get(TABLES))
        counts = [q for q in queries.statements if "COUNT(" in q and "catalog_table" in q]
        assert len(counts) == 1
        assert "LIMIT 6" in counts[0]
        assert "5 tables" in page
        assert "la liste s’arrête à 5 lignes" in page
        assert "s’arrête à" not in page_text(administrator.get(TABLES, {"q": "absente"}))

    @pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 11])
    def test_up_to_the_bound_it_is_the_paginator_of_django(
        self, rows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BoundedPaginator, "most", 5)
        dataset = make_dataset()
        for _number in range(rows):
            make_table(dataset)
        found = Table.objects.order_by("pk")
        ours, theirs = BoundedPaginator(found, 2), Paginator(found[:5], 2)
        assert (ours.count, ours.num_pages) == (theirs.count, theirs.num_pages)
        assert ours.is_bounded == (rows > 5)
        for number in ours.page_range:
            assert list(ours.page(number)) == list(theirs.page(number))


class TestAutocompleteFilter:
    def test_it_prints_the_chosen_row_only(self, administrator: Client) -> None:
        tables = [make_table() for _number in range(6)]
        chosen = tables[2].dataset
        asked = {"dataset__id__exact": str(chosen.pk), "q": "a", "o": "1"}
        statements = []
        for query in ({}, asked):
            with count_queries() as queries:
                page = BeautifulSoup(administrator.get(TABLES, query).content, "html.parser")
            statements.append(queries.count)
            select = page.select_one("#changelist-filter select[name=dataset__id__exact]")
            assert select is not None
            options = [one["value"] for one in select.select("option") if one.get("value")]
            assert options == ([str(chosen.pk)] if query else [])
            form = select.find_parent("form")
            assert form is not None
            hidden = {one["name"]: one["value"] for one in form.select("input[type=hidden]")}
            assert hidden == ({"q": "a", "o": "1"} if query else {})
        assert statements[1] <= statements[0] + 1
        listed = page_text(administrator.get(TABLES, {"dataset__id__exact": str(chosen.pk)}))
        assert tables[2].name in listed
        assert tables[3].name not in listed

    def test_its_script_and_style_come_with_the_list(self, administrator: Client) -> None:
        page = administrator.get(TABLES).content.decode()
        assert "admin/js/autocomplete.js" in page
        assert "select2" in page

    @pytest.mark.parametrize(
        ("role", "status"), [(Role.ADMINISTRATOR, 200), (Role.AUDITOR, 200), (Role.DPO, 403)]
    )
    def test_names_are_given_to_who_reads_the_list(self, role: Role, status: int) -> None:
        """An auditor has no form to fill in, but this list to filter."""
        dataset = make_dataset(title_fr="Registre des fractures")
        client = client_for(with_role(role), verified=True)
        query = {
            "app_label": "catalog",
            "model_name": "table",
            "field_name": "dataset",
            "term": "fra",
        }
        answer = client.get(reverse("admin:autocomplete"), query)
        assert answer.status_code == status
        if status == 200:
            assert [one["id"] for one in answer.json()["results"]] == [str(dataset.pk)]

    def test_a_field_that_no_list_is_filtered_by_is_still_refused(self) -> None:
        client = client_for(with_role(Role.AUDITOR), verified=True)
        query = {
            "app_label": "catalog",
            "model_name": "variable",
            "field_name": "table",
            "term": "",
        }
        assert client.get(reverse("admin:autocomplete"), query).status_code == 403

    @pytest.mark.parametrize("value", ["x", "", "0" * 40, "00000000-0000-4000-8000-000000000000"])
    def test_an_odd_choice_is_no_fault_of_ours(self, administrator: Client, value: str) -> None:
        make_table()
        answer = administrator.get(TABLES, {"dataset__id__exact": value}, follow=True)
        assert answer.status_code == 200


class TestYear:
    LIST = reverse("admin:accounts_training_changelist")

    def test_years_from_the_last_to_the_first(self, administrator: Client) -> None:
        person, by = a_person(), a_person()
        for day in (date(2027, 12, 31), date(2029, 1, 1), date(2029, 12, 31), date(2030, 1, 1)):
            Training.objects.create(
                user=person, title=f"au {day}", followed_on=date(2026, 1, 1), valid_until=day,
                recorded_by=by,
            )  # fmt: skip
        page = BeautifulSoup(administrator.get(self.LIST).content, "html.parser")
        links = [a.text for a in page.select("#changelist-filter a[href*=valid_until_annee]")]
        assert links == ["2030", "2029", "2028", "2027"]
        listed = page_text(administrator.get(self.LIST, {"valid_until_annee": "2029"}))
        assert ("au 2029-01-01" in listed, "au 2029-12-31" in listed) == (True, True)
        assert ("au 2027-12-31" in listed, "au 2030-01-01" in listed) == (False, False)

    def test_moments_are_those_of_paris(self, administrator: Client) -> None:
        member = a_member(an_organisation())
        # the new year has begun in Paris
        Membership.objects.filter(pk=member.pk).update(created_at="2027-12-31T23:30:00Z")
        page = reverse("admin:accounts_membership_changelist")
        links = BeautifulSoup(administrator.get(page).content, "html.parser").select(
            "#changelist-filter a[href*=created_at_annee]"
        )
        assert [a.text for a in links] == ["2028"]
        assert member.user.last_name in page_text(
            administrator.get(page, {"created_at_annee": "2028"})
        )

    @pytest.mark.parametrize("value", ["9999", "0", "-1", "²", "x", "2026 ", "２０２６"])
    def test_a_year_that_is_not_offered_filters_nothing(
        self, administrator: Client, value: str
    ) -> None:
        assert administrator.get(self.LIST, {"valid_until_annee": value}).status_code == 200


def test_a_list_of_databases_counts_the_tables_of_its_rows_alone(administrator: Client) -> None:
    """Each number is asked beside its row: no join of the whole catalogue."""
    for number in (0, 1, 3):
        dataset = make_dataset(code=f"base-{number}")
        for _one in range(number):
            make_table(dataset)
    with count_queries() as queries:
        page = BeautifulSoup(
            administrator.get(reverse("admin:catalog_dataset_changelist")).content, "html.parser"
        )
    rows = {
        row.select_one(".field-code").text: row.select_one(".field-table_count").text
        for row in page.select("#result_list tbody tr")
    }
    assert rows == {"base-0": "0", "base-1": "1", "base-3": "3"}
    assert not [q for q in queries.statements if "GROUP BY" in q and "LEFT OUTER JOIN" in q]
    assert Dataset.objects.count() == 3
