"""Small catalogues for tests: one call, one object, everything it needs."""

from datetime import date
from itertools import count
from typing import Any

from django.utils import timezone

from catalog.models import DataHolder, Dataset, Table, Variable
from portal.accounts.models import Organisation, RoleAssignment, User
from portal.accounts.models.role import SITE_ROLES


_numbers = count(1)


def make_organisation(**values: Any) -> Organisation:
    n = next(_numbers)
    values = {"code": f"org-{n}", "name": f"Organisme {n}", "kind": "holder"} | values
    return Organisation.objects.create(**values)


def make_holder(**values: Any) -> DataHolder:
    if "organisation" not in values:
        values["organisation"] = make_organisation()
    return DataHolder.objects.create(**values)


def make_dataset(*, published: bool = True, **values: Any) -> Dataset:
    n = next(_numbers)
    if "holder" not in values:
        values["holder"] = make_holder()
    values = {
        "code": f"base-{n}",
        "kind": "catalogue",
        "title_fr": f"Base numéro {n}",
        "summary_fr": "Ce que la base contient.",
        "excludes_fr": "Ce qu’elle ne contient pas.",
        "as_of": date(2026, 1, 1),
        "published_at": timezone.now() if published else None,
    } | values
    return Dataset.objects.create(**values)


def make_table(dataset: Dataset | None = None, **values: Any) -> Table:
    n = next(_numbers)
    values = {"name": f"TABLE_{n}", "label_fr": f"Table {n}"} | values
    return Table.objects.create(dataset=dataset or make_dataset(), **values)


def make_variable(table: Table | None = None, **values: Any) -> Variable:
    n = next(_numbers)
    values = {"name": f"VAR_{n}", "label_fr": f"Variable {n}"} | values
    return Variable.objects.create(table=table or make_table(), **values)


def make_user(*roles: str, scope: Organisation | None = None) -> User:
    n = next(_numbers)
    user = User.objects.create_user(f"personne{n}", f"personne{n}@example.org", "x" * 14)
    for role in roles:
        own = None if role in SITE_ROLES else scope or make_organisation()
        RoleAssignment.objects.create(user=user, role=role, scope=own)
    return user
