"""A list of the administration answers what it offers, and nothing else."""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from bs4 import BeautifulSoup
from django.contrib import admin
from django.contrib.admin.views.main import IGNORED_PARAMS
from django.contrib.auth.models import AnonymousUser
from django.db.models import Field, Transform
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.accounts.models import Role, Training, User
from portal.accounts.roles import kept
from portal.audit.models import AuditEvent
from portal.common.sensitive import SENSITIVE, sensitive_columns
from portal.notifications.models import Message
from tests.support.client import client_for
from tests.support.people import a_member, a_person, an_organisation, with_role


SITE: dict[Any, Any] = dict(admin.site._registry)
ROLES = (Role.ADMINISTRATOR, Role.AUDITOR, Role.DPO, Role.SECRETARIAT, Role.OPERATOR, None)
# The look-ups that the lists offer, read off their filters by hand: a wider answer fails here.
SUFFIXES = {"", "exact", "isnull", "isempty", "gte", "lt"}


def address(model: Any, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def request_of(role: Role | None) -> Any:
    request = RequestFactory().get("/admin/")
    user: Any = AnonymousUser()
    if role is not None:
        user = User(username=role)
        kept(user, "roles", lambda: frozenset({(role, None)}))
    request.user = user
    return request


@cache
def lookups_of(field: Field) -> tuple[str, ...]:
    """Every look-up and transform that the column knows, and those of its transforms."""
    found = field.get_lookups() if hasattr(field, "get_lookups") else {}
    transforms = [name for name, kind in found.items() if issubclass(kind, Transform)]
    return ("", *sorted(found), *(f"{one}__gt" for one in sorted(transforms)))


def columns_of(model: Any) -> Iterator[tuple[str, Any]]:
    for field in model._meta.concrete_fields:
        yield field.name, field
        if field.attname != field.name:
            yield field.attname, field
    yield "pk", model._meta.pk


def hops_of(model: Any) -> list[tuple[str, Any]]:
    """Relations that a look-up can follow from a table: forwards, backwards, many to many."""
    return [
        (field.name, field.related_model)
        for field in model._meta.get_fields()
        if field.is_relation and field.related_model and not getattr(field, "hidden", False)
    ]


def paths_of(model: Any) -> Iterator[tuple[str, str, bool]]:
    """`(path, look-up, sensitive)`: own columns and those one relation away, every one; two
    relations away, those that hold something."""
    for name, field in columns_of(model):
        for one in lookups_of(field):
            yield name, one, name in sensitive_columns(model)
    for hop, near in hops_of(model):
        for name, field in columns_of(near):
            for one in lookups_of(field):
                yield f"{hop}__{name}", one, name in sensitive_columns(near)
        for second, far in hops_of(near):
            for name in sensitive_columns(far):
                for one in lookups_of(far._meta.get_field(name)):
                    yield f"{hop}__{second}__{name}", one, True


def offered_by_hand(one: Any) -> set[str]:
    """What the filters themselves say they read, built as the list builds them."""
    names: set[str] = set()
    for item in one.list_filter:
        if isinstance(item, type):
            names.add(item.parameter_name)
        else:
            names.add(item[0] if isinstance(item, list | tuple) else item)
    return names


@pytest.mark.parametrize("role", ROLES)
def test_no_look_up_is_answered_but_those_the_list_offers(role: Role | None) -> None:
    request, tried, wrong = request_of(role), 0, []
    for model, one in SITE.items():
        listed = offered_by_hand(one)
        for path, lookup, sensitive in paths_of(model):
            asked = f"{path}__{lookup}" if lookup else path
            tried += 1
            if not one.lookup_allowed(asked, "2026", request):
                continue
            # Its filter is listed, by that very name; a relation's filter compares its key.
            base = path if path in listed else path.rpartition("__")[0]
            if sensitive or base not in listed or lookup not in SUFFIXES:
                wrong.append(f"{model._meta.label_lower} {asked}")
    assert wrong == []
    assert tried > 50_000


@pytest.mark.parametrize("lookup", ["regex", "iregex", "startswith", "contains", "gt", "range"])
def test_no_list_takes_a_pattern_or_an_order(lookup: str) -> None:
    request = request_of(Role.AUDITOR)
    for model, one in SITE.items():
        for name, _field in columns_of(model):
            assert not one.lookup_allowed(f"{name}__{lookup}", "a", request), (model, name)


def test_what_is_no_column_is_refused_too() -> None:
    request = request_of(Role.ADMINISTRATOR)
    for one in SITE.values():
        for asked in ("nothing", "nothing__regex", "", "__", "pk__in", "id__exact", "user__pk"):
            assert not one.lookup_allowed(asked, "1", request)


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def enter(role: Role) -> Client:
    return client_for(with_role(role), verified=True)


def sensitive_questions() -> list[tuple[Any, str]]:
    """The look-ups that read something, of every list that they can reach."""
    asked = []
    for model in sorted(SITE, key=lambda model: model._meta.label_lower):
        paths = [path for path, lookup, bad in paths_of(model) if bad and not lookup]
        tries = ("", "startswith", "regex", "gt", "isnull", "in", "icontains", "iregex")
        asked += [(model, f"{path}__{tries[n % 8]}".rstrip("_")) for n, path in enumerate(paths)]
    return asked


def test_two_hundred_questions_about_secrets_are_refused_and_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("django.security.DisallowedModelAdminLookup"),
                        "disabled", True)  # fmt: skip
    clients = [enter(Role.ADMINISTRATOR), enter(Role.AUDITOR)]
    questions = sensitive_questions()
    own = [(SITE_MODEL, name) for SITE_MODEL in SITE for name in sensitive_columns(SITE_MODEL)]
    questions = [
        *((model, f"{name}__{one}") for model, name in own for one in ("startswith", "regex")),
        *questions[:: max(1, len(questions) // 160)],
    ]
    assert len(questions) >= 200
    answered = []
    for number, (model, asked) in enumerate(questions[:200]):
        answer = clients[number % 2].get(address(model), {asked: "a"})
        if answer.status_code != 400:
            answered.append((model._meta.label_lower, asked, answer.status_code))
    assert answered == []
    refusals = AuditEvent.objects.filter(action="admin.refuse", outcome="refused")
    assert refusals.count() == len(questions[:200])
    assert {"password__regex", "body__startswith"} <= {event.data["asked"] for event in refusals}


def test_a_true_guess_and_a_false_one_get_the_same_answer() -> None:
    person = a_person("presidente", password="phrase-de-passe-longue-1")
    auditor = enter(Role.AUDITOR)
    for guess in (person.password[:20], "argon3"):
        answer = auditor.get(
            address(User), {"username": "presidente", "password__startswith": guess}
        )
        assert answer.status_code == 400
        assert guess not in answer.content.decode()
    for guess in (person.password[10:40], "nothing of the kind"):
        listed = auditor.get(address(User), {"q": guess}).context["cl"]
        assert listed.result_count == 0
    by_letter = auditor.get(address(User), {"o": "0.1.2.3.4.5.6.7.-1.99"})
    assert by_letter.status_code == 200
    facets = auditor.get(address(User), {"_facets": "True", "password__regex": "a"})
    assert facets.status_code == 400


def test_a_list_is_sorted_by_what_it_offers_only() -> None:
    auditor = enter(Role.AUDITOR)
    assert auditor.get(address(AuditEvent), {"o": "0"}).status_code == 200
    refused = auditor.get(address(AuditEvent), {"o": "-4"})  # shown, not offered for sorting
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "order", ["+3", " 3", "٣", "0_3", "²", "x", "-", "0.+3", "--3", "3" * 5000]
)
def test_a_column_is_named_by_plain_digits(order: str) -> None:
    assert enter(Role.AUDITOR).get(address(AuditEvent), {"o": order}).status_code == 400


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31 23:59:59", "9999-12-31T00:00Z"])
def test_a_date_out_of_bounds_is_refused(day: str) -> None:
    auditor = enter(Role.AUDITOR)
    for given in (day, ["2026-01-01", day], [day, "2026-01-01"]):
        asked = auditor.get(address(Message), {"created_at__gte": given})
        assert asked.status_code == 400
    assert auditor.get(address(Message), {"created_at__gte": "2026-01-01"}).status_code == 200
    assert auditor.get(address(Message), {"created_at__gte": "2026-02-31"}).status_code == 302


@pytest.mark.parametrize("words", ["a " * 2500, "a" * 5000, "'a " * 1500])
def test_a_search_without_end_is_answered(words: str) -> None:
    auditor = enter(Role.AUDITOR)
    for model in (User, Message):
        assert auditor.get(address(model), {"q": words}).status_code == 200


# A list with each kind of filter: choices, booleans, dates, empty or not, relations, one's own.
KINDS = ("user", "training", "membership", "message", "dataholder", "table", "stagedrow")


def test_every_link_of_a_list_leads_somewhere() -> None:
    """The filters that are shown are those that are answered, counts included."""
    a_member(an_organisation(), signs=True)
    Training.objects.create(
        user=a_person(), title="x", followed_on="2026-01-01", valid_until="2028-01-01"
    )
    administrator = enter(Role.ADMINISTRATOR)
    followed = set()
    for model in [model for model in SITE if model._meta.model_name in KINDS]:
        page = administrator.get(address(model), {"_facets": "True"})
        links = BeautifulSoup(page.content, "html.parser").select("#changelist a[href^='?']")
        queries = [a["href"] for a in links]
        for query in queries:
            names = {name for name, _value in parse_qsl(query[1:], True)} - {*IGNORED_PARAMS, "p"}
            for name in names:
                assert SITE[model].lookup_allowed(name, "2026", page.wsgi_request), (model, name)
            if names and (model, frozenset(names)) not in followed:
                followed.add((model, frozenset(names)))
                assert administrator.get(address(model) + query).status_code == 200, query
    assert len(followed) > 12


@pytest.mark.parametrize("column", ["password", "username", "email", "sub"])
def test_a_row_is_named_by_its_key_alone(column: str) -> None:
    person = a_person("ada")
    administrator = enter(Role.ADMINISTRATOR)
    value = getattr(person, column) or "x"
    asked = {"_to_field": column}
    assert administrator.get(address(User), asked | {"_popup": "1"}).status_code == 400
    for page in ("change", "delete"):
        answer = administrator.get(address(User, page, value), asked)
        assert answer.status_code in {400, 403}
        assert "ada@" not in answer.content.decode()
    assert (
        administrator.get(address(User, "change", person.pk), {"_to_field": "id"}).status_code
        == 200
    )


class TestAutocomplete:
    def ask(self, client: Client, model: str, field: str, term: str = "") -> Any:
        label, name = model.split(".")
        query = {"app_label": label, "model_name": name, "field_name": field, "term": term}
        return client.get(reverse("admin:autocomplete"), query)

    def test_a_form_offers_names(self) -> None:
        a_person("ada")
        administrator = enter(Role.ADMINISTRATOR)
        found = self.ask(administrator, "accounts.training", "user", "ada").json()["results"]
        assert [one["text"] for one in found] == ["Ada Martin"]
        assert AuditEvent.objects.filter(
            action="admin.search_view", on_type="accounts.user"
        ).exists()

    @pytest.mark.parametrize(
        ("model", "field"),
        [
            ("accounts.emaillink", "user"),  # a table without any form
            ("accounts.apitoken", "user"),  # a list that nobody edits
            ("notifications.message", "recipient"),
            ("requests_app.accessrequest", "organisation"),
            ("accounts.user", "password"),
            ("accounts.training", "recorded_by"),  # in no form
        ],
    )
    def test_other_fields_are_refused_and_recorded(self, model: str, field: str) -> None:
        administrator = enter(Role.ADMINISTRATOR)
        assert self.ask(administrator, model, field).status_code == 403
        assert AuditEvent.objects.filter(action="admin.refuse").count() == 1

    def test_who_changes_nothing_needs_no_names(self) -> None:
        assert self.ask(enter(Role.AUDITOR), "accounts.training", "user").status_code == 403

    def test_secrets_are_not_searched(self) -> None:
        person = a_person("ada", password="phrase-de-passe-longue-1")
        administrator = enter(Role.ADMINISTRATOR)
        found = self.ask(administrator, "accounts.training", "user", person.password[8:30])
        assert found.json()["results"] == []


def test_no_address_opens_any_row_of_any_table() -> None:
    administrator = enter(Role.ADMINISTRATOR)
    assert administrator.get(f"/admin/r/1/{a_person().pk}/").status_code == 404


def test_the_declared_columns_are_those_that_were_read() -> None:
    """The columns of the attack, by name: taking one off the list must be seen here."""
    for label, names in {
        "accounts.user": {"password"},
        "accounts.apitoken": {"token_hash"},
        "accounts.invitation": {"token_hash", "about"},
        "notifications.message": {"body", "subject"},
        "requests_app.accessrequest": {"title", "content"},
        "requests_app.credential": {"ciphertext"},
        "requests_app.task": {"note"},
        "requests_app.storedfile": {"file"},
        "otp_totp.totpdevice": {"key"},
        "otp_static.statictoken": {"token"},
    }.items():
        assert names <= set(SENSITIVE[label]), label
    assert "sujet" not in str(Message(code="x", subject="sujet"))
