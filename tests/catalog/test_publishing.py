"""Publishing, what forbids it, who may, who sees what; demonstration data; constraints."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from catalog.completeness import completeness
from catalog.ingest.demo import seed_catalogue
from catalog.models import Dataset, Table, Variable
from catalog.permissions import may_see_dataset
from catalog.publishing import publish, unpublish
from portal.accounts.models import Role
from portal.audit.models import AuditEvent, AuditText

from .factories import make_dataset, make_holder, make_table, make_user, make_variable


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def publishable() -> Dataset:
    dataset = make_dataset(published=False)
    dataset.controllers.add(dataset.holder.organisation)
    make_variable(make_table(dataset))
    return dataset


def test_publish_records_who_did_it() -> None:
    dataset, by = publishable(), make_user(Role.SECRETARIAT)
    assert publish(dataset, by=by)
    assert not publish(dataset, by=by)
    event = AuditEvent.objects.get(action="catalog.publish")
    assert (event.actor_id, event.on_id) == (by.pk, str(dataset.pk))
    assert dataset in Dataset.objects.published()
    assert unpublish(dataset, by=by, reason="Effectifs faux")
    assert not unpublish(dataset, by=by, reason="Effectifs faux")
    assert AuditText.objects.get(event__action="catalog.unpublish").text == "Effectifs faux"
    with pytest.raises(ValidationError):
        unpublish(dataset, by=by, reason=" ")


def test_what_is_missing_forbids_publishing_and_is_named() -> None:
    dataset = make_dataset(published=False, summary_fr="", excludes_fr="", as_of=None)
    with pytest.raises(ValidationError) as refused:
        publish(dataset, by=None)
    for words in (
        "ce que contient la base", "ce que la base ne contient pas", "la date de la description",
        "au moins un responsable de traitement", "au moins une table",
    ):  # fmt: skip
        assert words in refused.value.messages[0]
    assert completeness(dataset).percent < 50
    assert not AuditEvent.objects.exists()


def test_a_base_that_is_only_described_needs_no_table() -> None:
    dataset = make_dataset(
        published=False, kind="described", ask_route="contact", contact_email="a@b.example"
    )
    assert publish(dataset, by=None)


def test_who_may_publish() -> None:
    dataset = publishable()
    own = make_user(Role.HOLDER_REPRESENTATIVE, scope=dataset.holder.organisation)
    other = make_user(Role.HOLDER_REPRESENTATIVE, scope=make_holder().organisation)
    for user in (other, make_user(), make_user(Role.AUDITOR)):
        with pytest.raises(PermissionDenied):
            publish(dataset, by=user)
    assert publish(dataset, by=own)
    with pytest.raises(PermissionDenied):
        unpublish(dataset, by=other, reason="non")


def test_object_answer_and_query_set_agree() -> None:
    holder = make_holder()
    for published in (True, False):
        make_variable(make_table(make_dataset(published=published, holder=holder)))
        make_variable(make_table(make_dataset(published=published)))
    users = [
        make_user(role, scope=holder.organisation) if role else make_user()
        for role in (*Role, None)
    ]
    for user in users:
        seen = set(Dataset.objects.visible_to(user))
        assert seen == {d for d in Dataset.objects.all() if may_see_dataset(user, d)}
        assert {t.dataset for t in Table.objects.visible_to(user)} == seen
        assert {v.table.dataset for v in Variable.objects.visible_to(user)} == seen
    sizes = {len(Dataset.objects.visible_to(user)) for user in users}
    assert sizes == {2, 3, 4}


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "described", "ask_route": "here"},
        {"ask_route": "other_route"},
        {"ask_route": "contact"},
        {"covers_from": 2020, "covers_until": 2010},
        {"min_typical_age": 60, "max_typical_age": 10},
    ],
)
def test_constraints_speak_french(values: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_dataset(**values)
    fine = make_dataset()
    for name, value in values.items():
        setattr(fine, name, value)
    with pytest.raises(ValidationError) as wrong:
        fine.full_clean()
    assert all("constraint" not in message.lower() for message in wrong.value.messages)


def test_the_demonstration_catalogue() -> None:
    seeded = seed_catalogue()
    assert (seeded.datasets, seeded.tables) == (25, 52)
    assert Dataset.objects.published().count() == 25
    assert all(Dataset.objects.values_list("is_demo", flat=True))
    routes = set(Dataset.objects.values_list("ask_route", flat=True))
    assert routes == {"here", "other_route", "contact"}
    holders = set(
        Dataset.objects.requestable().filter(kind="catalogue").values_list("holder", flat=True)
    )
    assert len(holders) >= 2
    commune = Variable.objects.filter(name="BEN_RES_COM")
    assert {v.identifier for v in commune} == {"residence_commune"}
    assert commune.filter(label_fr="Commune de résidence du bénéficiaire").count() == 2
    assert set(Variable.objects.exclude(identifier="").values_list("identifier", flat=True)) == set(
        Variable.Identifier.values
    )
    assert all(
        "démonstration" in d.holder.name or d.holder.organisation.code == "cnam"
        for d in Dataset.objects.select_related("holder__organisation")
    )
    assert seed_catalogue().changed == 0
    call_command("seed_catalogue", verbosity=0)


def test_every_key_of_the_demonstration_joins_variables_that_exist() -> None:
    seed_catalogue()
    for table in Table.objects.prefetch_related("keys__target_table__variables", "variables"):
        own = {v.name for v in table.variables.all()}
        assert set(table.primary_key) <= own, table.name
        for key in table.keys.all():
            assert set(key.variables) <= own
            assert set(key.target_variables) <= {v.name for v in key.target_table.variables.all()}
