"""What engages somebody asks for a second factor passed less than ten minutes ago."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.accounts import invitations
from portal.accounts.models import (
    Invitation,
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    User,
)
from portal.accounts.otp import CODE_FIELD
from portal.common.admin import confirmed_action
from tests.support.client import aged, client_for, enrol, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role
from tests.support.totp import code_of


pytestmark = pytest.mark.django_db
STEP_UP = "/compte/second-facteur/verifier/"


@pytest.fixture
def organisation() -> Organisation:
    return an_organisation("chu", name="CHU fictif")


@pytest.fixture
def manager(organisation: Organisation) -> User:
    return a_member(organisation, manager=True).user


def asks(client: Client, url: str, data: dict[str, Any]) -> None:
    """Opened: sent to the step-up page. Sent: nothing done, the fields kept."""
    opened = client.get(url)
    assert opened["Location"].startswith(STEP_UP), opened
    assert "recent=1" in opened["Location"]
    kept = client.post(url, data)
    assert kept.status_code == 403
    body = kept.content.decode()
    assert CODE_FIELD in body
    assert all(f'name="{name}"' in body for name in data)


def test_confirming_a_membership(organisation: Organisation, manager: User) -> None:
    pending = a_member(organisation, confirmed=False, asks_to_sign=True)
    url = reverse("accounts:confirmation", args=[pending.pk])
    data = {"answer": "sign", "reason": ""}
    device = enrol(manager)
    client = aged(client_for(manager, verified=True))
    asks(client, url, data)
    pending.refresh_from_db()
    assert pending.confirmed_at is None
    assert client.post(url, data | {CODE_FIELD: code_of(device)}).status_code == 302
    pending.refresh_from_db()
    assert pending.can_sign_since is not None


def test_inviting_a_signatory(organisation: Organisation, manager: User) -> None:
    data = {"kind": "representative", "email": "rep@exemple.fr", "organisation": organisation.pk}
    asks(aged(client_for(manager, verified=True)), reverse("accounts:invite"), data)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(("kind", "asked"), [("representative", True), ("team", False)])
def test_sending_the_invitation_again(
    organisation: Organisation, manager: User, kind: str, asked: bool
) -> None:
    sent = invitations.invite(
        kind=Invitation.Kind(kind),
        email="rep@exemple.fr",
        by=manager,
        organisation=organisation,
        request_id=uuid4(),
    )
    url = reverse("accounts:invitation_resend", args=[sent.pk])
    answer = aged(client_for(manager, verified=True)).post(url)
    assert (answer.status_code == 403) is asked
    sent_again = Invitation.objects.get().token_hash != sent.token_hash
    assert sent_again is not asked


def test_changing_the_address_of_an_account() -> None:
    person = a_person("ada")
    client = aged(client_for(with_role(Role.ADMINISTRATOR), verified=True))
    url = reverse("admin:accounts_user_change", args=[person.pk])
    data = {"username": "ada", "email": "ailleurs@exemple.fr", "first_name": "A", "last_name": "B"}
    asked = client.post(url, data)
    assert asked.status_code == 403
    assert page_text(asked)
    person.refresh_from_db()
    assert person.email == "ada@exemple.fr"


def test_granting_a_role() -> None:
    client = aged(client_for(with_role(Role.ADMINISTRATOR), verified=True))
    person = a_person()
    url = reverse("admin:accounts_roleassignment_add")
    asks(client, url, {"user": person.pk, "role": "operator"})
    assert not RoleAssignment.objects.filter(user=person).exists()


@pytest.mark.parametrize(
    ("table", "action"),
    [
        ("user", "suspend"),
        ("user", "resume"),
        ("user", "reset_second_factor"),
        ("organisation", "suspend"),
        ("organisation", "resume"),
        ("roleassignment", "end_role"),
    ],
)
def test_an_act_of_the_administration_keeps_the_chosen_rows(table: str, action: str) -> None:
    administrator = with_role(Role.ADMINISTRATOR)
    device = enrol(administrator)
    client = aged(client_for(administrator, verified=True))
    body = an_organisation()
    people = [with_role(Role.HOLDER_REPRESENTATIVE, scope=body) for _n in range(2)]
    rows: list[Any] = {
        "user": people,
        "organisation": [body, an_organisation()],
        "roleassignment": list(RoleAssignment.objects.filter(user__in=people)),
    }[table]
    url = reverse(f"admin:accounts_{table}_changelist")
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    asked = client.post(url, chosen | {"confirmed": "1", "reason": "Départ"})
    assert asked.status_code == 403
    assert asked.content.decode().count('name="_selected_action"') == 2
    passed = client.post(url, chosen | {CODE_FIELD: code_of(device)})
    assert all(str(row) in page_text(passed) for row in rows)


def test_every_act_of_the_administration_that_takes_a_reason_asks() -> None:
    """By the way it is declared: the next one asks too."""
    with_reason = set()
    for model_admin in admin.site._registry.values():
        for function in model_admin.actions or ():
            if callable(function) and "needs_reason" in (function.__code__.co_freevars or ()):
                cells = dict(
                    zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
                )
                if cells["needs_reason"].cell_contents:
                    with_reason.add(function.__name__)
                    assert cells["needs_fresh_factor"].cell_contents, function.__name__
    assert {"suspend", "resume", "end_role"} <= with_reason
    assert "needs_fresh_factor" in confirmed_action.__kwdefaults__


def test_who_has_no_factor_reads_why_and_comes_back(manager: User) -> None:
    client = client_for(manager)
    opened = client.get(reverse("accounts:invite"), follow=True)
    text = page_text(opened)
    assert "vous confirmez qui appartient à un organisme" in text
    assert f'value="{reverse("accounts:invite")}"' in opened.content.decode()


def test_a_stranger_learns_nothing_of_what_would_be_asked(organisation: Organisation) -> None:
    pending = a_member(organisation, confirmed=False)
    client = client_for(a_person())
    assert client.get(reverse("accounts:confirmation", args=[pending.pk])).status_code == 404
    assert client.get(reverse("accounts:invite")).status_code == 403
    assert Membership.objects.get(pk=pending.pk).confirmed_at is None
