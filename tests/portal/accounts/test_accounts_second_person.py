"""The second factor of who holds powers takes two administrators, and their owners hear of it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import (
    factor_resets,
    registration,
    role_grants,
    second_factor,
    suspension,
    tokens,
)
from portal.accounts.models import FactorReset, FormerEmail, Membership, Role, RoleAssignment, User
from portal.accounts.otp import VERIFIED_AT
from portal.accounts.owners import tell_owner
from portal.audit.models import AuditEvent
from portal.notifications import sending
from portal.notifications.models import Message
from tests.support.client import client_for, enrol, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role


pytestmark = pytest.mark.django_db
REASON = "Téléphone perdu, identité vérifiée au guichet"


def settled(user: User) -> User:
    """An administrator of long standing."""
    assignments = RoleAssignment.objects.filter(user=user)
    assignments.update(granted_at=timezone.now() - timedelta(days=60))
    return user


@pytest.fixture
def first() -> User:
    return settled(with_role(Role.ADMINISTRATOR, a_person("premiere")))


@pytest.fixture
def second() -> User:
    return settled(with_role(Role.ADMINISTRATOR, a_person("seconde")))


@pytest.fixture
def operator() -> User:
    user = with_role(Role.OPERATOR, a_person("operateur"))
    enrol(user)
    return user


def told(code: str) -> set[str]:
    rows = Message.objects.filter(code=f"account.{code}").select_related("recipient")
    return {row.address or row.recipient.email for row in rows}


def move(user: User, email: str, *, by: User) -> None:
    """As an administrator changes an address."""
    client = client_for(by, verified=True)
    url = reverse("admin:accounts_user_change", args=[user.pk])
    form = BeautifulSoup(client.get(url).content, "html.parser").find(id="user_form")
    fields = {one["name"]: one.get("value", "") for one in form.find_all("input", {"name": True})}
    assert client.post(url, fields | {"email": email}).status_code == 302
    user.refresh_from_db()


def holders() -> dict[str, User]:
    """Everybody whose factor takes two persons."""
    organisation = an_organisation()
    return {
        **{
            role: with_role(
                role, None, None if role in {Role.OPERATOR, Role.AUDITOR} else organisation
            )
            for role in (Role.OPERATOR, Role.AUDITOR, Role.PRESIDENT, Role.HOLDER_REPRESENTATIVE)
        },
        "signatory": a_member(organisation, signs=True).user,
        "manager": a_member(organisation, manager=True).user,
    }


class TestOneAloneResetsNothing:
    def test_of_anybody_who_holds_powers(self, first: User, second: User) -> None:
        for name, user in holders().items():
            enrol(user)
            words = factor_resets.ask_reset(user, by=first, reason=REASON)
            assert second_factor.has_second_factor(user), name
            assert "un autre administrateur doit confirmer" in (words or ""), name

    @pytest.mark.parametrize("how", ["role ended", "suspended", "place ended", "organisation"])
    def test_by_taking_the_powers_away_first(self, first: User, how: str) -> None:
        organisation = an_organisation()
        user = a_member(organisation, signs=True).user
        if how in {"role ended", "suspended"}:
            Membership.objects.all().delete()
            with_role(Role.OPERATOR, user)
        enrol(user)
        if how == "role ended":
            role_grants.end(RoleAssignment.objects.get(user=user), by=first, reason="x")
        elif how == "suspended":
            suspension.suspend_person(user, by=first, reason="x")
        elif how == "place ended":
            Membership.objects.update(ended_at=timezone.now())
        else:
            suspension.suspend_organisation(organisation, by=first, reason="x")
        factor_resets.ask_reset(User.objects.get(pk=user.pk), by=first, reason=REASON)
        assert second_factor.has_second_factor(user)

    @pytest.mark.parametrize(
        "place", [{"asks_to_sign": True}, {"manager": True}, {"asks_to_sign": True, "member": True}]
    )
    def test_of_who_asks_for_a_signature_or_an_organisation(
        self, first: User, place: dict[str, bool]
    ) -> None:
        """Confirmed afterwards, it would be confirmed to whoever took the account meanwhile."""
        confirmed = place.pop("member", False)
        user = a_member(an_organisation(), confirmed=confirmed, **place).user
        enrol(user)
        assert factor_resets.ask_reset(user, by=first, reason=REASON)
        assert second_factor.has_second_factor(user)

    def test_who_holds_nothing_is_reset_at_once(self, first: User) -> None:
        user = a_person()
        enrol(user)
        assert factor_resets.ask_reset(user, by=first, reason=REASON) is None
        assert not second_factor.has_second_factor(user)

    def test_nor_proposes_for_oneself_or_twice(self, first: User, operator: User) -> None:
        with pytest.raises(PermissionDenied):
            factor_resets.propose(first, by=first, reason=REASON)
        with pytest.raises(PermissionDenied):
            factor_resets.propose(first, by=operator, reason=REASON)
        factor_resets.propose(operator, by=first, reason=REASON)
        with pytest.raises(ValidationError, match="déjà proposée"):
            factor_resets.propose(operator, by=first, reason=REASON)
        with pytest.raises(ValidationError, match="rien à réinitialiser"):
            factor_resets.propose(with_role(Role.AUDITOR), by=first, reason=REASON)


class TestConfirming:
    @pytest.fixture
    def proposal(self, first: User, second: User, operator: User) -> FactorReset:
        return factor_resets.propose(operator, by=first, reason=REASON)

    def refused(self, proposal: FactorReset, by: User, words: str) -> None:
        with pytest.raises((ValidationError, PermissionDenied), match=words):
            factor_resets.confirm(proposal, by=by)
        assert second_factor.has_second_factor(proposal.user)

    def test_another_administrator_does_it_and_all_is_said(
        self, proposal: FactorReset, second: User, operator: User
    ) -> None:
        assert told("factor_reset_to_confirm") == {second.email}
        factor_resets.confirm(proposal, by=second)
        assert not second_factor.has_second_factor(operator)
        event = AuditEvent.objects.get(action="account.second_factor_reset")
        assert event.actor_id == second.pk
        assert event.data["proposed_by"] == str(proposal.proposed_by_id)
        assert told("second_factor_changed") == {operator.email}
        self_again = pytest.raises(ValidationError, match="n’est plus à confirmer")
        with self_again:
            factor_resets.confirm(proposal, by=second)

    def test_never_who_proposed_nor_the_person(
        self, proposal: FactorReset, first: User, operator: User
    ) -> None:
        self.refused(proposal, first, "Vous l’avez proposée")
        refusal = AuditEvent.objects.get(action="account.factor_reset_confirm")
        assert (refusal.outcome, refusal.actor_id) == ("refused", first.pk)
        self.refused(proposal, operator, "")
        settled(with_role(Role.ADMINISTRATOR, operator))
        self.refused(proposal, User.objects.get(pk=operator.pk), "votre propre compte")
        for wrong in (first, operator):
            with pytest.raises(IntegrityError), transaction.atomic():
                FactorReset.objects.filter(pk=proposal.pk).update(
                    confirmed_by=wrong, confirmed_at=timezone.now()
                )

    @pytest.mark.parametrize("role", [Role.SECRETARIAT, Role.AUDITOR, Role.DPO, None])
    def test_nobody_but_an_administrator(self, proposal: FactorReset, role: Role | None) -> None:
        person = settled(with_role(role)) if role else a_person(is_superuser=True, is_staff=True)
        self.refused(proposal, person, "")
        with pytest.raises(PermissionDenied):
            factor_resets.cancel(proposal, by=person)

    def test_a_puppet_made_since_does_not_count(self, proposal: FactorReset, first: User) -> None:
        puppet = a_person()
        role_grants.grant(to=puppet, role=Role.ADMINISTRATOR, by=first)
        self.refused(proposal, puppet, "n’étiez pas administrateur")

    @pytest.mark.parametrize("chain", [1, 2, 3])
    def test_a_puppet_made_just_before_does_not_count(
        self, first: User, second: User, operator: User, chain: int
    ) -> None:
        """Nor one made by a puppet."""
        maker = first
        for _n in range(chain):
            puppet = a_person()
            role_grants.grant(to=puppet, role=Role.ADMINISTRATOR, by=maker)
            maker = puppet
        proposal = factor_resets.propose(operator, by=first, reason=REASON)
        self.refused(proposal, maker, "un administrateur indépendant")
        factor_resets.confirm(proposal, by=second)

    def test_two_puppets_of_one_hand_do_not_count(
        self, first: User, second: User, operator: User
    ) -> None:
        one, other = a_person(), a_person()
        for puppet in (one, other):
            role_grants.grant(to=puppet, role=Role.ADMINISTRATOR, by=first)
        proposal = factor_resets.propose(operator, by=one, reason=REASON)
        self.refused(proposal, other, "indépendant")
        self.refused(proposal, first, "indépendant")
        assert {second.email} <= told("administrator_named")

    def test_a_colleague_whose_address_was_just_taken_does_not_count(
        self, proposal: FactorReset, first: User, second: User
    ) -> None:
        move(second, "autre@exemple.fr", by=first)
        self.refused(proposal, second, "indépendant")

    def test_only_who_may_confirm_is_asked_and_nobody_is_said(
        self, first: User, operator: User
    ) -> None:
        said = factor_resets.ask_reset(operator, by=first, reason=REASON)
        assert said is not None
        assert "aucun administrateur ne peut le confirmer" in said
        factor_resets.cancel(FactorReset.objects.get(), by=first, reason="Trop tôt.")
        puppet = a_person("recrue")
        role_grants.grant(to=puppet, role=Role.ADMINISTRATOR, by=first)
        said = factor_resets.ask_reset(operator, by=first, reason=REASON)
        assert "aucun administrateur ne peut le confirmer" in str(said)
        assert told("factor_reset_to_confirm") == set()

    def test_a_colleague_named_long_ago_counts(self, first: User, operator: User) -> None:
        colleague = a_person()
        role_grants.grant(to=colleague, role=Role.ADMINISTRATOR, by=first)
        settled(colleague)
        proposal = factor_resets.propose(operator, by=first, reason=REASON)
        factor_resets.confirm(proposal, by=colleague)
        assert not second_factor.has_second_factor(operator)

    @pytest.mark.parametrize("how", ["ended", "ended and given again", "suspended"])
    def test_a_proposer_who_lost_the_role_counts_no_more(
        self, proposal: FactorReset, first: User, second: User, how: str
    ) -> None:
        if how == "suspended":
            suspension.suspend_person(first, by=second, reason="x")
        else:
            role_grants.end(RoleAssignment.objects.get(user=first), by=second, reason="x")
        if how == "ended and given again":
            role_grants.grant(to=first, role=Role.ADMINISTRATOR, by=None)
        self.refused(proposal, second, "n’est plus à confirmer")
        assert FactorReset.objects.with_standing().get().state == FactorReset.State.LAPSED

    def test_it_lapses(self, proposal: FactorReset, second: User) -> None:
        with time_machine.travel(proposal.expires_at + timedelta(seconds=1)):
            self.refused(proposal, second, "n’est plus à confirmer")
            again = factor_resets.propose(proposal.user, by=second, reason=REASON)
        assert again.pk != proposal.pk

    def test_the_person_refuses_it_from_their_account(
        self, proposal: FactorReset, first: User, second: User, operator: User
    ) -> None:
        client = client_for(operator, verified=True)
        assert "On propose de retirer" in page_text(client.get(reverse("accounts:account")))
        url = reverse("accounts:factor_reset_refuse", args=[proposal.pk])
        assert client_for(second, verified=True).post(url).status_code == 404
        assert client_for(operator).post(url).status_code == 403  # the factor must be shown
        client.post(url)
        self.refused(proposal, second, "n’est plus à confirmer")
        assert told("factor_reset_refused") == {first.email, second.email}
        assert "On propose de retirer" not in page_text(client.get(reverse("accounts:account")))

    def test_an_administrator_cancels_it(self, proposal: FactorReset, second: User) -> None:
        assert factor_resets.cancel(proposal, by=second, reason="Erreur")
        assert not factor_resets.cancel(proposal, by=second)
        assert told("factor_reset_cancelled") == {proposal.user.email}
        self.refused(proposal, second, "n’est plus à confirmer")


class TestInTheAdministration:
    def act(self, client: Client, model: str, action: str, item: Any, **more: str) -> Any:
        data = {"action": action, "_selected_action": [str(item.pk)], **more}
        return client.post(reverse(f"admin:accounts_{model}_changelist"), data, follow=True)

    def test_the_button_proposes_and_another_confirms(
        self, first: User, second: User, operator: User
    ) -> None:
        mine, other = client_for(first, verified=True), client_for(second, verified=True)
        answer = self.act(
            mine, "user", "reset_second_factor", operator, confirmed="1", reason=REASON
        )
        assert "un autre administrateur doit confirmer" in page_text(answer)
        proposal = FactorReset.objects.get()
        page = reverse("admin:accounts_factorreset_change", args=[proposal.pk])
        assert "Vous l’avez proposée" in page_text(mine.get(page))
        assert "Confirmer la réinitialisation" not in mine.get(page).content.decode()
        assert "Confirmer la réinitialisation" in other.get(page).content.decode()
        self.act(mine, "factorreset", "confirm", proposal, confirmed="1")
        assert second_factor.has_second_factor(operator)
        assert "Vérifiez d’abord" in page_text(self.act(other, "factorreset", "confirm", proposal))
        self.act(other, "factorreset", "confirm", proposal, confirmed="1")
        assert not second_factor.has_second_factor(operator)
        assert "plus rien à confirmer" in page_text(other.get(page))

    def test_who_confirms_has_just_shown_their_factor(
        self, first: User, second: User, operator: User
    ) -> None:
        proposal = factor_resets.propose(operator, by=first, reason=REASON)
        other = client_for(second, verified=True)
        session = other.session
        session[VERIFIED_AT] -= 3600
        session.save()
        asked = self.act(other, "factorreset", "confirm", proposal, confirmed="1")
        assert asked.status_code == 403
        assert second_factor.has_second_factor(operator)

    def test_an_auditor_reads_and_does_nothing(self, first: User, operator: User) -> None:
        proposal = factor_resets.propose(operator, by=first, reason=REASON)
        client = client_for(with_role(Role.AUDITOR), verified=True)
        page = reverse("admin:accounts_factorreset_change", args=[proposal.pk])
        assert REASON in page_text(client.get(page))
        for action in ("confirm", "cancel"):
            self.act(client, "factorreset", action, proposal, confirmed="1", reason="x")
        assert FactorReset.objects.open().exists()


class TestTheFormerAddress:
    def test_hears_of_the_change_and_so_does_the_new_one(self, first: User, operator: User) -> None:
        move(operator, "ailleurs@exemple.fr", by=first)
        assert told("email_changed") == {"operateur@exemple.fr"}
        assert told("email_new") == {"ailleurs@exemple.fr"}
        assert FormerEmail.objects.get().changed_by == first

    def test_hears_of_what_follows(self, first: User, second: User, operator: User) -> None:
        """The takeover of an account, step by step: each is told where its owner reads."""
        move(operator, "ailleurs@exemple.fr", by=first)
        move(operator, "plus-loin@exemple.fr", by=first)
        old, between, now = (f"{n}@exemple.fr" for n in ("operateur", "ailleurs", "plus-loin"))
        assert told("email_changed") == {old, between}
        assert told("email_new") == {between, now}  # the first had not left when the second came
        registration.ask_reset(email=operator.email)
        assert told("reset_asked") == {old, between}
        assert told("reset") == {now}
        assert not Message.objects.filter(
            code="account.reset_asked", body__contains="mot-de-passe/M"
        )
        registration.password_changed(user=operator, by_link=True)
        assert told("password_changed") == {old, between, now}
        proposal = factor_resets.propose(operator, by=first, reason=REASON)
        assert told("factor_reset_proposed") == {old, between, now}
        factor_resets.confirm(proposal, by=second)
        assert told("second_factor_changed") == {old, between, now}
        tokens.create(by=operator, name="x", days=1)
        assert told("token_created") == {old, between, now}

    def test_hears_when_a_person_without_powers_is_reset(self, first: User) -> None:
        user = a_person("ada")
        enrol(user)
        move(user, "ailleurs@exemple.fr", by=first)
        factor_resets.ask_reset(user, by=first, reason=REASON)
        assert told("second_factor_changed") == {"ada@exemple.fr", "ailleurs@exemple.fr"}

    def test_hears_nothing_for_ever(self, first: User, operator: User) -> None:
        move(operator, "ailleurs@exemple.fr", by=first)
        FormerEmail.objects.update(ended_at=timezone.now() - timedelta(days=31))
        registration.password_changed(user=operator, by_link=False)
        assert told("password_changed") == {"ailleurs@exemple.fr"}

    def test_hears_of_any_change_of_letters(self, first: User, operator: User) -> None:
        """A look-alike is another address; so is another case: nothing is compared but letters."""
        move(operator, "Operateur@exemple.fr", by=first)
        assert told("email_changed") == {"operateur@exemple.fr"}


class TestAWarningThatHasNotLeft:
    """When the address is replaced before the mail goes."""

    def test_goes_to_the_address_it_was_written_for(self, first: User) -> None:
        user = a_person("ada")
        enrol(user)
        factor_resets.ask_reset(user, by=first, reason=REASON)
        move(user, "ailleurs@exemple.fr", by=first)
        sending.send_due()
        warned = [one for one in mail.outbox if "votre second facteur est retiré" in one.subject]
        assert {one.to[0] for one in warned} == {"ada@exemple.fr", "ailleurs@exemple.fr"}
        given = [one.to[0] for one in mail.outbox if "vous a donné cette adresse" in one.subject]
        assert given == ["ailleurs@exemple.fr"]

    def test_so_that_a_proposed_reset_can_be_refused(self, first: User, operator: User) -> None:
        factor_resets.propose(operator, by=first, reason=REASON)
        Message.objects.filter(code="account.factor_reset_proposed").update(  # tried, tried again
            tries=1, send_after=timezone.now() + timedelta(hours=1)
        )
        move(operator, "ailleurs@exemple.fr", by=first)
        move(operator, "plus-loin@exemple.fr", by=first)
        sending.send_due()
        proposed = [one.to[0] for one in mail.outbox if "est proposée" in one.subject]
        assert "operateur@exemple.fr" in proposed

    def test_never_takes_a_link_along(self, first: User) -> None:
        user = a_person("ada")
        registration.ask_reset(email=user.email)
        move(user, "ailleurs@exemple.fr", by=first)
        assert not Message.objects.filter(code="account.reset", address="ada@exemple.fr").exists()


def test_the_mail_of_a_first_factor_says_what_to_do() -> None:
    user = a_person("ada")
    tell_owner("second_factor_changed", user=user, context={"installed": True})
    body = Message.objects.get(code="account.second_factor_changed").body
    assert reverse("accounts:password_reset") in body
    assert "suspendre le compte" in body


class TestAFirstFactor:
    """Of somebody who holds powers, and whose address an administrator has just replaced."""

    URL = "accounts:second_factor"

    def page(self, user: User, method: str = "get") -> Any:
        return getattr(client_for(user), method)(reverse(self.URL), {"code": "123456"})

    def test_waits_for_the_former_address_to_be_heard(self, first: User) -> None:
        user = with_role(Role.OPERATOR, a_person("nouvelle"))
        assert self.page(user).status_code == 200
        move(user, "ailleurs@exemple.fr", by=first)
        for method in ("get", "post"):
            answer = self.page(user, method)
            assert answer.status_code == 403
            assert "Revenez à partir du" in page_text(answer)
        assert not second_factor.has_second_factor(user)
        with time_machine.travel(timezone.now() + factor_resets.COOLING + timedelta(minutes=1)):
            assert self.page(user).status_code == 200

    def test_is_installed_at_once_by_others(self, first: User) -> None:
        nobody, moved_alone = a_person("ada"), with_role(Role.OPERATOR, a_person("bob"))
        move(nobody, "ailleurs@exemple.fr", by=first)
        FormerEmail.objects.create(user=moved_alone, email="x@exemple.fr", changed_by=moved_alone)
        assert self.page(nobody).status_code == 200
        assert self.page(moved_alone).status_code == 200
