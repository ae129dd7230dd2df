"""A small catalogue and an applicant's side, written for the tests."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from catalog.models import DataHolder, Dataset, Table, TableKey, Variable
from portal.accounts.models import Membership, Organisation, User
from requests_app import dossier
from requests_app.models import AccessRequest
from requests_app.procedures import registry
from requests_app.procedures.content import Row


def organisation(code: str, kind: str = "applicant", **fields: Any) -> Organisation:
    return Organisation.objects.get_or_create(
        code=code, defaults={"name": f"Organisme {code}", "kind": kind, **fields}
    )[0]


def person(username: str, *, of: Organisation | None = None, **membership: Any) -> User:
    """A person, member of an organisation (confirmed unless `confirmed_at=None` is given)."""
    user = User.objects.create_user(
        username,
        f"{username}@example.org",
        "x",
        first_name=username.capitalize(),
        last_name="Test",
        email_confirmed_at=timezone.now(),
    )
    if of is not None:
        Membership.objects.create(
            user=user, organisation=of, **{"confirmed_at": timezone.now(), **membership}
        )
    return user


def signatory(username: str, *, of: Organisation) -> User:
    return person(username, of=of, can_sign_since=timezone.now())


def dataset(
    code: str, *, holder: str = "holder-a", kind: str = "catalogue", **more: Any
) -> Dataset:
    body = organisation(holder, "holder")
    owner = DataHolder.objects.filter(organisation=body).first()
    if owner is None:
        owner = DataHolder(organisation=body)
        owner.save()
    one = Dataset(
        code=code,
        kind=kind,
        title_fr=more.pop("title_fr", f"Base {code}"),
        holder=owner,
        published_at=more.pop("published_at", timezone.now()),
        **more,
    )
    one.save()
    return one


def table(of: Dataset, name: str, variables: dict[str, dict[str, Any]], **more: Any) -> Table:
    """A table with its variables: name -> fields."""
    one = Table(dataset=of, name=name, label_fr=more.pop("label_fr", f"Table {name}"), **more)
    one.save()
    for position, (variable, fields) in enumerate(variables.items()):
        Variable(
            table=one,
            name=variable,
            position=position,
            **{"label_fr": f"Libellé {variable}", **fields},
        ).save()
    return one


@dataclass
class Catalogue:
    """Main base of two linked tables, a catalogue base of one, a described one."""

    main: Dataset
    register: Dataset
    elsewhere: Dataset
    people: Table
    care: Table
    cases: Table


def catalogue() -> Catalogue:
    main = dataset("base-principale", kind="main_base", holder="cnam", title_fr="Base principale")
    people = table(
        main,
        "BENEF",
        {
            "BEN_ID": {},
            "BEN_NAI_MOI": {"identifier": "birth_month"},
            "BEN_SEXE": {},
            "BEN_ANCIEN": {"valid_from": 2006, "valid_until": 2012, "missing_years": [2009]},
        },
    )
    care = table(
        main, "SOINS", {"BEN_ID": {}, "SOI_DATE": {"identifier": "care_date"}, "SOI_ACTE": {}}
    )
    TableKey.objects.create(
        table=care, variables=["BEN_ID"], target_table=people, target_variables=["BEN_ID"]
    )
    register = dataset("registre", title_fr="Registre de démonstration")
    cases = table(register, "CAS", {"CAS_ID": {}, "CAS_TYPE": {}})
    elsewhere = dataset(
        "ailleurs",
        kind="described",
        ask_route="contact",
        contact_email="contact@example.org",
        title_fr="Base d’ailleurs",
    )
    return Catalogue(main, register, elsewhere, people, care, cases)


def draft(
    *,
    by: User,
    of: Organisation,
    procedure: str = "fr-cnil-standard",
    rows: list[Row] | None = None,
    title: str = "Étude de test",
) -> AccessRequest:
    return dossier.create(
        title=title,
        organisation=of,
        procedure=registry.current(procedure)[0],
        orientation={},
        rows=rows or [],
        by=by,
    )
