"""The administration of accounts: fast lists, no secret, acts with a reason, roles by rule."""

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.contrib.admin.sites import site
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts import invitations, role_grants, second_factor, suspension, tokens
from portal.accounts.models import (
    ApiToken,
    Invitation,
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    Training,
    User,
)
from portal.accounts.roles import has_role
from portal.accounts.signals import access_suspended, conditions_changed
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from tests.support.client import client_for, enrol, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
LISTS = (
    "user",
    "organisation",
    "membership",
    "roleassignment",
    "training",
    "termsacceptance",
    "declarationofinterests",
    "invitation",
    "apitoken",
)


@pytest.fixture
def administrator() -> User:
    return with_role(Role.ADMINISTRATOR)


@pytest.fixture
def admin(administrator: User) -> Client:
    return client_for(administrator, verified=True)


def act(client: Client, model: str, action: str, item: Any, reason: str = "") -> Any:
    data = {"action": action, "_selected_action": [str(item.pk)]}
    if reason:
        data |= {"confirmed": "1", "reason": reason}
    return client.post(reverse(f"admin:accounts_{model}_changelist"), data, follow=True)


def fill(count: int) -> None:
    for _n in range(count):
        organisation = an_organisation()
        user = a_member(organisation, signs=True).user
        with_role(Role.HOLDER_REPRESENTATIVE, user, organisation)
        Training.objects.create(
            user=user, title="Données", followed_on="2026-01-01", valid_until="2028-01-01"
        )
        tokens.create(by=user, name="x", days=30)


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_fast_at_any_size(admin: Client, name: str) -> None:
    url = reverse(f"admin:accounts_{name}_changelist")
    counts = []
    for size in (2, 20):
        fill(size)
        with count_queries() as queries:
            assert admin.get(url, {"q": ""}).status_code == 200
        counts.append(queries.count)
    assert counts[1] <= counts[0]
    assert counts[1] <= 15


def test_no_secret_is_shown(admin: Client, administrator: User) -> None:
    person = a_person(password="phrase-de-passe-longue-1")
    device = enrol(person)
    token, text = tokens.create(by=person, name="x", days=30)
    pages = [
        reverse("admin:accounts_user_change", args=[person.pk]),
        reverse("admin:accounts_apitoken_change", args=[token.pk]),
        reverse("admin:accounts_user_changelist"),
    ]
    for page in pages:
        body = admin.get(page).content.decode()
        for secret in (person.password, device.key, text, token.token_hash):
            assert secret not in body
    assert not site.is_registered(TOTPDevice)


def test_suspending_needs_a_reason_and_is_heard(admin: Client, administrator: User) -> None:
    person = a_person()
    token, _text = tokens.create(by=person, name="x", days=30)
    heard: list[Any] = []

    def listener(**kwargs: Any) -> None:
        heard.append((kwargs["user"], kwargs["reason"]))

    access_suspended.connect(listener)
    try:
        asked = act(admin, "user", "suspend", person)
        assert "ne pourront plus se connecter" in page_text(asked)
        assert User.objects.get(pk=person.pk).is_active
        act(admin, "user", "suspend", person, "Départ signalé")
    finally:
        access_suspended.disconnect(listener)
    assert not User.objects.get(pk=person.pk).is_active
    assert heard == [(person, "Départ signalé")]
    assert ApiToken.objects.get(pk=token.pk).revoked_at
    assert AuditEvent.objects.filter(action="account.suspend", on_id=str(person.pk)).exists()
    assert Message.objects.filter(address=person.email, code="account.suspended").exists()
    act(admin, "user", "resume", person, "Erreur")
    assert User.objects.get(pk=person.pk).is_active


def test_nobody_suspends_or_resets_oneself(admin: Client, administrator: User) -> None:
    for action in ("suspend", "reset_second_factor"):
        response = act(admin, "user", action, administrator, "essai")
        assert "Refusé pour" in page_text(response)
    assert User.objects.get(pk=administrator.pk).is_active
    assert second_factor.has_second_factor(administrator)


def test_a_lost_second_factor_is_reset_with_a_reason(admin: Client) -> None:
    person = a_person()
    enrol(person)
    act(admin, "user", "reset_second_factor", person, "Téléphone perdu, identité vérifiée")
    assert not second_factor.has_second_factor(person)
    assert Message.objects.filter(recipient=person).exists()


def test_a_suspended_organisation_signs_nothing(admin: Client) -> None:
    organisation = an_organisation()
    member = a_member(organisation, signs=True)
    act(admin, "organisation", "suspend", organisation, "Sanction")
    organisation.refresh_from_db()
    assert organisation.suspended_at
    assert organisation.suspension_reason == "Sanction"
    assert not Membership.objects.signatory().filter(pk=member.pk).exists()
    act(admin, "organisation", "resume", organisation, "Levée")
    assert Membership.objects.signatory().filter(pk=member.pk).exists()


def test_only_administrators_grant_roles_and_not_to_themselves(administrator: User) -> None:
    person = a_person()
    for by in (
        a_person(),
        a_person(is_superuser=True),
        *(with_role(role) for role in (Role.SECRETARIAT, Role.AUDITOR, Role.DPO, Role.OPERATOR)),
    ):
        with pytest.raises(PermissionDenied):
            role_grants.grant(to=person, role=Role.OPERATOR, by=by)
    with pytest.raises(PermissionDenied):
        role_grants.grant(to=administrator, role=Role.SECRETARIAT, by=administrator)
    role_grants.grant(to=person, role=Role.OPERATOR, by=administrator)
    assert has_role(person, Role.OPERATOR)
    event = AuditEvent.objects.get(action="role.grant")
    assert event.data["role"] == "operator"


def test_a_role_fits_its_scope(administrator: User) -> None:
    person, organisation = a_person(), an_organisation(kind="committee")
    for role, scope in ((Role.OPERATOR, organisation), (Role.PRESIDENT, None)):
        with pytest.raises(ValidationError):
            role_grants.grant(to=person, role=role, by=administrator, scope=scope)
        with pytest.raises(IntegrityError), transaction.atomic():
            RoleAssignment.objects.create(user=person, role=role, scope=scope)


def test_granting_and_ending_a_role_in_the_admin(admin: Client, administrator: User) -> None:
    person = a_person()
    url = reverse("admin:accounts_roleassignment_add")
    refused = admin.post(url, {"user": administrator.pk, "role": "auditor", "scope": ""})
    assert "On ne s’attribue pas un rôle" in page_text(refused)
    admin.post(url, {"user": person.pk, "role": "auditor", "scope": ""})
    assignment = RoleAssignment.objects.get(user=person)
    assert assignment.granted_by == administrator
    assert Message.objects.filter(code="account.role_granted", recipient=person).exists()
    change = reverse("admin:accounts_roleassignment_change", args=[assignment.pk])
    assert admin.post(change, {"role": "operator"}).status_code == 403
    act(admin, "roleassignment", "end_role", assignment, "Fin de mission")
    assert not has_role(User.objects.get(pk=person.pk), Role.AUDITOR)


def test_an_auditor_in_the_admin_changes_no_account() -> None:
    client = client_for(with_role(Role.AUDITOR), verified=True)
    assert client.get(reverse("admin:index")).status_code == 200
    for name in LISTS:
        assert client.get(reverse(f"admin:accounts_{name}_changelist")).status_code == 200
    person = a_person()
    page = reverse("admin:accounts_user_change", args=[person.pk])
    assert client.post(page, {"email": "autre@exemple.fr"}).status_code == 403
    act(client, "user", "suspend", person, "essai")  # the action is not offered, and not done
    assert User.objects.get(pk=person.pk).is_active
    assert client.get(reverse("admin:accounts_roleassignment_add")).status_code == 403


def test_a_person_made_here_chooses_the_password_by_mail(admin: Client) -> None:
    admin.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "nouvelle",
            "first_name": "N",
            "last_name": "N",
            "email": "n@exemple.fr",
            "title": "",
        },
    )
    user = User.objects.get(username="nouvelle")
    assert not user.has_usable_password()
    assert Message.objects.filter(code="account.reset", recipient=user).exists()


def test_a_training_is_a_dated_fact_and_is_announced(admin: Client, administrator: User) -> None:
    person = a_person()
    heard: list[Any] = []

    def listener(**kwargs: Any) -> None:
        heard.append(kwargs["user"])

    conditions_changed.connect(listener)
    try:
        admin.post(
            reverse("admin:accounts_training_add"),
            {
                "user": person.pk,
                "title": "SNDS",
                "followed_on": "2026-01-01",
                "valid_until": "2028-01-01",
                "evidence": "attestation",
            },
        )
    finally:
        conditions_changed.disconnect(listener)
    assert Training.objects.get().recorded_by == administrator
    assert heard == [person]


def test_suspension_by_others_is_refused() -> None:
    person, organisation = a_person(), an_organisation()
    secretary = with_role(Role.SECRETARIAT)
    with pytest.raises(PermissionDenied):
        suspension.suspend_person(person, by=secretary, reason="x")
    with pytest.raises(PermissionDenied):
        suspension.suspend_organisation(organisation, by=secretary, reason="x")
    assert Organisation.objects.get(pk=organisation.pk).suspended_at is None


def test_the_first_administrator_comes_from_the_command_line() -> None:
    person = a_person("premiere")
    call_command("grant_role", "premiere", "administrator", stdout=StringIO())
    assert has_role(person, Role.ADMINISTRATOR)
    event = AuditEvent.objects.get(action="role.grant")
    assert event.actor_id is None
    for wrong in (["inconnue", "auditor"], ["premiere", "president"]):
        with pytest.raises(CommandError):
            call_command("grant_role", *wrong, stdout=StringIO())


def test_the_former_address_hears_of_a_change_by_an_administrator(admin: Client) -> None:
    """Otherwise an address changed, then a reset, would take an account quietly."""
    user = a_person("ada")
    url = reverse("admin:accounts_user_change", args=[user.pk])
    form = BeautifulSoup(admin.get(url).content, "html.parser").find(id="user_form")
    fields = {one["name"]: one.get("value", "") for one in form.find_all("input", {"name": True})}
    assert admin.post(url, fields | {"email": "x@exemple.fr"}).status_code == 302
    user.refresh_from_db()
    assert (user.email, user.email_confirmed_at) == ("x@exemple.fr", None)
    message = Message.objects.get(code="account.email_changed")
    assert message.address == "ada@exemple.fr"


def test_an_invitation_tells_administrators_no_title_of_a_request(admin: Client) -> None:
    invitation = invitations.invite(
        kind=Invitation.Kind.TEAM,
        email="ada@exemple.fr",
        by=a_person(),
        request_id=uuid4(),
        about="GUI-2027-0001 – Étude confidentielle",
    )
    for name, args in (("changelist", []), ("change", [invitation.pk])):
        page = admin.get(reverse(f"admin:accounts_invitation_{name}", args=args))
        assert page.status_code == 200
        assert "confidentielle" not in page.content.decode()
