"""Administration: lists under budget, publishing as a verb, rights by role only."""

import pytest
from django.urls import reverse

from catalog.models import Dataset, IndexOutbox, TableKey
from portal.accounts.models import Role
from portal.audit.models import AuditEvent
from tests.support.client import client_for, page_text
from tests.support.queries import assert_query_count

from .factories import make_dataset, make_table, make_user, make_variable


pytestmark = pytest.mark.django_db
MODELS = (
    "dataset", "dataholder", "table", "variable", "tablekey", "vocabularyterm", "importrun",
    "stagedrow", "indexoutbox",
)  # fmt: skip


def grow(count: int) -> None:
    for _ in range(count):
        dataset = make_dataset()
        dataset.controllers.add(dataset.holder.organisation)
        table, other = make_table(dataset), make_table(dataset)
        make_variable(table)
        TableKey.objects.create(
            table=table, variables=["a"], target_table=other, target_variables=["a"]
        )


def test_lists_keep_their_budget() -> None:
    client = client_for(make_user(Role.ADMINISTRATOR), verified=True)
    counts: dict[str, list[int]] = {}
    for size in (3, 30):
        grow(size)
        for name in MODELS:
            with assert_query_count(15) as queries:
                response = client.get(reverse(f"admin:catalog_{name}_changelist"))
            assert response.status_code == 200
            counts.setdefault(name, []).append(queries.count)
    for name, (small, large) in counts.items():
        assert large <= small, name


def test_search_and_filters_answer() -> None:
    grow(2)
    client = client_for(make_user(Role.ADMINISTRATOR), verified=True)
    for name, query in {
        "dataset": "?q=base&publiee=oui",
        "table": "?q=table&retiree=non",
        "variable": "?q=var&identifier__exact=care_date",
        "dataholder": "?q=organisme",
    }.items():
        url = reverse(f"admin:catalog_{name}_changelist") + query
        assert client.get(url).status_code == 200


def test_publish_and_unpublish_are_actions() -> None:
    dataset = make_dataset(published=False)
    poor = make_dataset(published=False, title_fr="Base pauvre")
    dataset.controllers.add(dataset.holder.organisation)
    make_table(dataset)
    client = client_for(make_user(Role.ADMINISTRATOR), verified=True)
    url = reverse("admin:catalog_dataset_changelist")
    chosen = {"_selected_action": [str(dataset.pk), str(poor.pk)]}
    publish = chosen | {"action": "publish_selected"}
    assert "visibles de tous" in page_text(client.post(url, publish))
    assert not Dataset.objects.published().exists()
    response = client.post(url, publish | {"confirmed": "1"}, follow=True)
    assert "« Base pauvre » ne peut pas être publié" in page_text(response)
    dataset.refresh_from_db()
    poor.refresh_from_db()
    assert dataset.is_published
    assert not poor.is_published
    action = chosen | {"action": "unpublish_selected"}
    assert "Motif" in page_text(client.post(url, action))
    client.post(url, action | {"confirmed": "1", "reason": ""})
    assert Dataset.objects.published().filter(pk=dataset.pk).exists()
    client.post(url, action | {"confirmed": "1", "reason": "Effectifs faux"})
    assert not Dataset.objects.published().filter(pk=dataset.pk).exists()


def test_an_edit_reaches_the_outbox_and_publication_is_no_field() -> None:
    dataset = make_dataset(published=False)
    IndexOutbox.objects.all().delete()
    client = client_for(make_user(Role.ADMINISTRATOR), verified=True)
    url = reverse("admin:catalog_dataset_change", args=[dataset.pk])
    form = client.get(url).context["adminform"].form
    data = {
        name: value
        for name in form.fields
        if (value := form.get_initial_for_field(form.fields[name], name)) not in (None, False, [])
    }
    data |= {"keywords_fr": "[]", "keywords_en": "[]", "title_fr": "Nouveau titre",
             "published_at": "2026-01-01", "distributions-TOTAL_FORMS": "0",
             "distributions-INITIAL_FORMS": "0"}  # fmt: skip
    response = client.post(url, data)
    assert response.status_code == 302, response.context["errors"]
    dataset.refresh_from_db()
    assert dataset.title_fr == "Nouveau titre"
    assert dataset.published_at is None
    assert IndexOutbox.objects.filter(kind="dataset", key=str(dataset.pk)).exists()
    event = AuditEvent.objects.get(action="catalog.change", on_id=str(dataset.pk))
    assert "title_fr" in event.data["fields"]


def test_what_is_deleted_is_in_the_log() -> None:
    grow(1)
    key = TableKey.objects.get()
    client = client_for(make_user(Role.ADMINISTRATOR), verified=True)
    url = reverse("admin:catalog_tablekey_changelist")
    chosen = {"action": "delete_selected", "_selected_action": [str(key.pk)]}
    client.post(url, chosen)
    assert TableKey.objects.exists()
    client.post(url, chosen | {"post": "yes"})
    assert not TableKey.objects.exists()
    assert AuditEvent.objects.filter(action="catalog.delete", on_id=str(key.pk)).exists()


def test_the_auditor_reads_and_others_do_not_enter() -> None:
    dataset = make_dataset()
    url = reverse("admin:catalog_dataset_change", args=[dataset.pk])
    auditor = client_for(make_user(Role.AUDITOR), verified=True)
    assert auditor.get(url).status_code == 200
    assert auditor.post(url, {"title_fr": "x"}).status_code == 403
    plain = make_user()
    plain.is_staff = plain.is_superuser = True
    plain.save()
    assert client_for(plain, verified=True).get(url).status_code in {302, 403}
