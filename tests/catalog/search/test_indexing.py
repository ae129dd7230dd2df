"""Outbox and index: a change and its announcement stand or fall together; nothing is lost."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from catalog.models import Dataset, IndexLease, IndexOutbox, Table, Variable
from catalog.outbox import enqueue
from catalog.publishing import publish, unpublish
from catalog.search import indexing
from catalog.search.backends import backend
from catalog.search.backends.base import SearchUnavailable
from catalog.search.indexing import (
    WriterBusy,
    build_if_missing,
    index_pending,
    rebuild,
    take_lease,
)
from catalog.search.query import SearchRequest, parse
from catalog.search.tasks import build_missing_index
from catalog.search.tasks import index_pending as task
from tests.catalog.factories import make_dataset, make_table, make_variable


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def found(text: str = "", kind: str = "variable") -> list[str]:
    result = backend().search(SearchRequest(parse(text), kind))
    return [] if result.loosened else [hit.key for hit in result.hits]


def test_a_change_and_its_outbox_row_are_one_transaction(indexed: Any) -> None:
    table = make_table()
    IndexOutbox.objects.all().delete()
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        make_variable(table)
        assert IndexOutbox.objects.exists()
        raise RuntimeError
    assert not IndexOutbox.objects.exists()
    assert not Variable.objects.exists()


def test_enqueue_refuses_to_stand_alone(transactional_db: Any) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        enqueue([("dataset", "x")])


def test_pending_changes_reach_the_index(indexed: Any) -> None:
    indexed()
    variable = make_variable(make_table(), name="GLYCEMIE", label_fr="Glycémie à jeun")
    assert found("glycémie") == []
    assert index_pending() > 0
    assert found("glycemie") == ["GLYCEMIE"]
    assert not IndexOutbox.objects.exists()
    variable.label_fr = "Sucre dans le sang"
    variable.save()
    task()
    assert found("glycémie à jeun") == []
    assert found("sucre") == ["GLYCEMIE"]
    assert index_pending() == 0


def test_a_missing_index_is_built_by_the_task(db: Any) -> None:
    make_variable(label_fr="Glycémie")
    index_pending()
    assert len(found("glycémie")) == 1


def test_an_index_lost_while_nothing_changes_is_built_again(indexed: Any, settings: Any) -> None:
    make_variable(label_fr="Glycémie")
    indexed()
    assert not build_if_missing()
    shutil.rmtree(settings.SEARCH_DIR)
    assert index_pending() == 0
    with pytest.raises(SearchUnavailable):
        found("glycémie")
    build_missing_index()
    assert len(found("glycémie")) == 1
    settings.SEARCH_URL = "opensearch+http://127.0.0.1:9"
    assert not build_if_missing()  # a dead server is not an error of the task


def test_unpublishing_takes_everything_out_of_the_index(indexed: Any) -> None:
    dataset = make_dataset()
    make_variable(make_table(dataset), name="UNE")
    shared = make_table(dataset)
    make_variable(shared, name="COMMUNE")
    make_variable(make_table(), name="COMMUNE")
    indexed()
    unpublish(dataset, by=None, reason="erreur")
    index_pending()
    assert set(found()) == {"COMMUNE"}
    assert str(dataset.pk) not in found(kind="dataset")
    dataset.controllers.add(dataset.holder.organisation)
    publish(dataset, by=None)
    index_pending()
    assert set(found()) == {"COMMUNE", "UNE"}


def test_deleting_takes_everything_out_of_the_index(indexed: Any) -> None:
    dataset = make_dataset()
    make_variable(make_table(dataset), name="UNE")
    make_variable(make_table(), name="AUTRE")
    indexed()
    Dataset.objects.filter(pk=dataset.pk).delete()
    index_pending()
    assert found() == ["AUTRE"]
    assert len(found(kind="table")) == 1
    Table.objects.all().delete()
    index_pending()
    assert found() == []


def test_a_renamed_holder_is_found_by_its_new_name(indexed: Any) -> None:
    dataset = make_dataset()
    indexed()
    organisation = dataset.holder.organisation
    organisation.name = "Institut Quetzal"
    organisation.save()
    index_pending()
    assert found("quetzal", "dataset") == [str(dataset.pk)]


def test_an_engine_that_fails_leaves_the_rows_for_later(
    indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed()
    make_variable(label_fr="Glycémie")

    def refuse(*_args: Any, **_more: Any) -> None:
        raise SearchUnavailable("le serveur ne répond pas")

    monkeypatch.setattr(type(backend()), "write", refuse)
    assert index_pending() == 0
    row = IndexOutbox.objects.first()
    assert row is not None
    assert (row.attempts, row.last_error) == (1, "le serveur ne répond pas")
    assert row.not_before is not None
    assert row.not_before > timezone.now()
    monkeypatch.undo()
    assert index_pending() == 0  # not yet due
    IndexOutbox.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert index_pending() > 0
    assert len(found("glycémie")) == 1


def test_one_writer_at_a_time(indexed: Any) -> None:
    make_variable(label_fr="Glycémie")
    lease = take_lease()
    with pytest.raises(WriterBusy):
        take_lease()
    assert index_pending() == 0
    with pytest.raises(WriterBusy):
        rebuild()
    with pytest.raises(CommandError):
        call_command("reindex")
    lease.release()
    assert index_pending() > 0


def test_the_lease_of_a_dead_writer_is_taken_over(db: Any) -> None:
    dead = take_lease()
    IndexLease.objects.update(until=timezone.now() - timedelta(seconds=1))
    take_lease()
    with pytest.raises(WriterBusy):
        dead.renew()


def test_what_changes_during_a_rebuild_is_not_lost(
    indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = make_variable(name="UNE", label_fr="Avant")
    real = indexing.all_documents

    def with_a_change() -> Any:
        yield from list(real())
        variable.label_fr = "Après"
        variable.save()

    monkeypatch.setattr(indexing, "all_documents", with_a_change)
    rebuild()
    assert found("après") == ["UNE"]
    assert not IndexOutbox.objects.exists()


def test_reindex_tells_what_it_did(db: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make_variable()
    call_command("reindex")
    assert "3 documents" in capsys.readouterr().out


def test_an_import_of_many_rows_is_coalesced(indexed: Any) -> None:
    table = make_table()
    for n in range(30):
        make_variable(table, name=f"V{n}")
    objects = indexing._objects(list(IndexOutbox.objects.values_list("pk", "kind", "key")))
    assert len(objects["table"]) == 1
    assert len(objects["dataset"]) == 1
    assert len(objects["variable"]) == 30
