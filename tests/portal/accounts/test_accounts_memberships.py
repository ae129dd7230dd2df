"""Memberships and the capacity to sign: who may confirm, and who nearly may."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import memberships as service
from portal.accounts import permissions, throttle
from portal.accounts.models import Membership, Organisation, Role, User
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from tests.support.client import client_for, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role


pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    return an_organisation("chu", name="CHU fictif")


@pytest.fixture
def manager(organisation: Organisation) -> User:
    return a_member(organisation, manager=True).user


def near_misses(organisation: Organisation, candidate: User) -> dict[str, User]:
    """People who are one fact away from being able to confirm."""
    other = an_organisation("autre")
    ended = a_member(organisation, manager=True)
    ended.ended_at = ended.confirmed_at
    ended.save()
    disabled = a_member(organisation, manager=True).user
    disabled.is_active = False
    disabled.save()
    return {
        "the person": candidate,
        "a plain member": a_member(organisation).user,
        "a signatory": a_member(organisation, signs=True).user,
        "manager elsewhere": a_member(other, manager=True).user,
        "unconfirmed manager": a_member(organisation, confirmed=False, manager=True).user,
        "former manager": ended.user,
        "disabled manager": disabled,
        "operator": with_role(Role.OPERATOR),
        "auditor": with_role(Role.AUDITOR),
        "administrator": with_role(Role.ADMINISTRATOR),
        "superuser": a_person(is_superuser=True, is_staff=True),
        "holder of it": with_role(Role.HOLDER_REPRESENTATIVE, scope=organisation),
    }


def test_object_and_list_agree_and_near_misses_are_refused(
    organisation: Organisation, manager: User
) -> None:
    pending = a_member(organisation, confirmed=False, asks_to_sign=True)
    may = {"manager": manager, "secretariat": with_role(Role.SECRETARIAT)}
    people = near_misses(organisation, pending.user) | may
    for name, person in people.items():
        fresh = User.objects.get(pk=person.pk)
        in_list = permissions.memberships_to_confirm(fresh).filter(pk=pending.pk).exists()
        assert permissions.can_confirm(fresh, pending) is in_list, name
        assert in_list is (name in may), name
        if name not in may:
            with pytest.raises(service.NotAllowed):
                service.confirm(pending, by=fresh)
            with pytest.raises(service.NotAllowed):
                service.refuse(pending, by=fresh, reason="non")
    pending.refresh_from_db()
    assert pending.confirmed_at is None


def test_nobody_confirms_their_own(organisation: Organisation) -> None:
    secretary = with_role(Role.SECRETARIAT)
    own = a_member(organisation, secretary, confirmed=False)
    assert not permissions.can_confirm(secretary, own)
    client = client_for(secretary, verified=True)
    assert client.get(reverse("accounts:confirmation", args=[own.pk])).status_code == 404
    manager_to_sign = a_member(organisation, manager=True, asks_to_sign=True)
    with pytest.raises(service.NotAllowed):
        service.confirm(manager_to_sign, by=manager_to_sign.user, may_sign=True)


def test_a_manager_of_a_suspended_organisation_confirms_nothing(
    organisation: Organisation, manager: User
) -> None:
    pending = a_member(organisation, confirmed=False)
    Organisation.objects.update(suspended_at=organisation.created_at)
    assert not permissions.can_confirm(manager, pending)


def test_asking_from_the_account_to_the_confirmed_signature(
    organisation: Organisation, manager: User
) -> None:
    person = a_person()
    client = client_for(person)
    client.post(
        reverse("accounts:membership_ask"), {"organisation": organisation.pk, "to_sign": "on"}
    )
    membership = Membership.objects.get(user=person)
    assert not permissions.can_sign_for(person, organisation)
    asked = Message.objects.get(code="account.membership_asked")
    assert asked.recipient == manager
    assert "attend une confirmation" in page_text(client.get(reverse("accounts:account")))

    boss = client_for(manager, verified=True)
    url = reverse("accounts:confirmation", args=[membership.pk])
    assert str(person) in page_text(boss.get(reverse("accounts:confirmations")))
    nothing = boss.post(url, {})
    assert "Remplissez ce champ" in page_text(nothing)
    boss.post(url, {"answer": "sign", "manager": "on"})
    membership.refresh_from_db()
    assert membership.confirmed_by == manager
    assert not membership.is_manager  # the secretariat's to give
    assert permissions.can_sign_for(person, organisation)
    assert Message.objects.filter(code="account.membership_confirmed", recipient=person).exists()
    again = boss.post(url, {"answer": "refuse", "reason": "non"}, follow=True)
    assert "a déjà reçu une réponse" in page_text(again)
    assert (
        list(
            AuditEvent.objects.filter(on_id=str(membership.pk)).values_list("action", flat=True)
        ).count("membership.confirm")
        == 1
    )


def test_membership_without_the_signature_is_chosen_with_its_reason(
    organisation: Organisation, manager: User
) -> None:
    pending = a_member(organisation, confirmed=False, asks_to_sign=True)
    boss = client_for(manager, verified=True)
    url = reverse("accounts:confirmation", args=[pending.pk])
    for silent in ({"answer": "accept"}, {"answer": "member"}):
        boss.post(url, silent)
        pending.refresh_from_db()
        assert pending.confirmed_at is None
    with pytest.raises(ValueError, match="for a reason"):
        service.confirm(pending, by=manager)
    said = boss.post(url, {"answer": "member", "reason": "Délégation échue"}, follow=True)
    assert "la capacité de signer est refusée" in page_text(said)
    pending.refresh_from_db()
    assert pending.confirmed_at
    assert not pending.asks_to_sign
    assert not permissions.can_sign_for(pending.user, organisation)
    told = Message.objects.get(recipient=pending.user).body
    account = page_text(client_for(pending.user).get("/compte/"))
    for shown in (told, account):
        assert "Délégation échue" in shown
        assert "Demander de nouveau à signer" in shown
    service.ask_to_sign(pending, by=pending.user)
    assert "Délégation échue" not in page_text(client_for(pending.user).get("/compte/"))
    boss.post(url, {"answer": "sign"})
    assert permissions.can_sign_for(User.objects.get(pk=pending.user_id), organisation)


def test_a_refusal_needs_a_reason_and_the_person_reads_it(
    organisation: Organisation, manager: User
) -> None:
    pending = a_member(organisation, confirmed=False)
    boss = client_for(manager, verified=True)
    url = reverse("accounts:confirmation", args=[pending.pk])
    assert "Donnez le motif" in page_text(boss.post(url, {"answer": "refuse"}))
    boss.post(url, {"answer": "refuse", "reason": "Inconnu du service"})
    pending.refresh_from_db()
    assert pending.ended_at
    assert "Inconnu du service" in Message.objects.get(recipient=pending.user).body
    assert "Inconnu du service" in page_text(client_for(pending.user).get("/compte/"))
    event = AuditEvent.objects.get(action="membership.refuse")
    assert "Inconnu" not in str(event.data)


def test_refusing_the_signature_keeps_the_membership(
    organisation: Organisation, manager: User
) -> None:
    member = a_member(organisation)
    client_for(member.user).post(reverse("accounts:ask_to_sign", args=[member.pk]))
    service.refuse(member, by=manager, reason="Pas de délégation")
    member.refresh_from_db()
    assert member.ended_at is None
    assert not member.asks_to_sign


def test_signing_is_asked_for_oneself_only(organisation: Organisation) -> None:
    member = a_member(organisation)
    stranger = client_for(a_person())
    assert stranger.post(reverse("accounts:ask_to_sign", args=[member.pk])).status_code == 404


def test_a_new_organisation_stays_hidden_until_the_secretariat_confirms() -> None:
    person, secretary = a_person(), with_role(Role.SECRETARIAT)
    client = client_for(person)
    data = {"name": "Institut nouveau", "acronym": "IN", "siren": "12345678"}
    assert "neuf chiffres" in page_text(client.post(reverse("accounts:membership_ask"), data))
    client.post(reverse("accounts:membership_ask"), data | {"siren": "123 456 782"})
    organisation = Organisation.objects.get(name="Institut nouveau")
    assert organisation.siren == "123456782"
    assert organisation.proposed_at
    assert organisation not in Organisation.objects.joinable()
    membership = Membership.objects.get(user=person)
    assert Message.objects.get().recipient == secretary
    service.confirm(membership, by=secretary, manager=True)
    organisation.refresh_from_db()
    assert organisation.proposed_at is None
    membership.refresh_from_db()
    assert membership.is_manager


def test_a_known_organisation_is_not_described_twice(organisation: Organisation) -> None:
    client = client_for(a_person())
    response = client.post(reverse("accounts:membership_ask"), {"name": "chu FICTIF"})
    assert "est dans la liste sous le nom" in page_text(response)
    assert Organisation.objects.count() == 1
    empty = client.post(reverse("accounts:membership_ask"), {})
    assert "Choisissez un organisme" in page_text(empty)


@pytest.mark.parametrize(
    "siren",
    ["732829320", "732 829 320", "732\xa0829\u202f320", "732.829.320", "\uff17\uff13\uff12829320"],
)
def test_a_siren_is_read_as_everybody_writes_it(siren: str) -> None:
    client_for(a_person()).post(
        reverse("accounts:membership_ask"), {"name": "Institut nouveau", "siren": siren}
    )
    assert Organisation.objects.get().siren == "732829320"


@pytest.mark.parametrize(
    ("siren", "words"),
    [
        ("٧٣٢٨٢٩٣٢٠", "neuf chiffres"),
        ("73282932²", "neuf chiffres"),
        ("732829321", "un chiffre est faux"),
        ("000000000", "un chiffre est faux"),
        ("73282932", "neuf chiffres"),
        ("732829320 00074", "neuf chiffres"),
        ("73282932O", "neuf chiffres"),
    ],
)
def test_what_is_no_siren_is_said_and_kept(siren: str, words: str) -> None:
    answer = client_for(a_person()).post(
        reverse("accounts:membership_ask"), {"name": "Institut nouveau", "siren": siren}
    )
    assert words in page_text(answer)
    assert f'value="{siren}"' in answer.content.decode()
    assert not Organisation.objects.exists()


def test_an_organisation_is_proposed_once() -> None:
    url = reverse("accounts:membership_ask")
    first = client_for(a_person())
    first.post(url, {"name": "Institut nouveau", "siren": "732829320"})
    again = first.post(url, {"name": "INSTITUT  NOUVEAU"})
    assert "déjà proposé" in page_text(again)
    other = client_for(a_person()).post(url, {"name": "Autre nom", "siren": "732 829 320"})
    assert "est déjà proposé" in page_text(other)
    assert Organisation.objects.count() == 1


def test_a_suspended_organisation_is_not_proposed_anew(organisation: Organisation) -> None:
    Organisation.objects.update(siren="732829320", suspended_at=organisation.created_at)
    url = reverse("accounts:membership_ask")
    answer = client_for(a_person()).post(url, {"name": "Sous un autre nom", "siren": "732829320"})
    assert "ne peut pas être rejoint" in page_text(answer)
    assert Organisation.objects.count() == 1


@pytest.mark.parametrize("name", ["CHU FICTIF", "ＣＨＵ fictif", "chu\xa0fic\u00adtif"])
def test_a_listed_organisation_is_known_in_any_writing(
    organisation: Organisation, name: str
) -> None:
    answer = client_for(a_person()).post(reverse("accounts:membership_ask"), {"name": name})
    assert "est dans la liste sous le nom" in page_text(answer)
    assert Organisation.objects.count() == 1


def test_committees_suspended_and_own_organisations_cannot_be_joined(
    organisation: Organisation,
) -> None:
    mine = a_member(organisation)
    committee = an_organisation(kind="committee")
    stopped = an_organisation(suspended_at=organisation.created_at)
    client = client_for(mine.user)
    for target in (organisation, committee, stopped):
        client.post(reverse("accounts:membership_ask"), {"organisation": target.pk})
    assert Membership.objects.filter(user=mine.user).count() == 1


def test_ending_a_membership(organisation: Organisation, manager: User) -> None:
    member = a_member(organisation, signs=True)
    url = reverse("accounts:membership_end", args=[member.pk])
    assert client_for(a_member(organisation).user).post(url).status_code == 404
    boss = client_for(manager, verified=True)
    assert "Donnez un motif" in page_text(boss.post(url, {}))
    boss.post(url, {"reason": "Départ"})
    assert not permissions.can_sign_for(member.user, organisation)
    leaver = a_member(organisation)
    client_for(leaver.user).post(reverse("accounts:membership_end", args=[leaver.pk]))
    leaver.refresh_from_db()
    assert leaver.ended_by == leaver.user


def test_the_list_is_closed_to_others(client: Client, organisation: Organisation) -> None:
    url = reverse("accounts:confirmations")
    assert client.get(url).status_code == 302
    assert client_for(a_member(organisation).user).get(url).status_code == 403
    secretary = client_for(with_role(Role.SECRETARIAT), verified=True)
    assert "Rien à confirmer" in page_text(secretary.get(url))
    assert secretary.get(url, {"voir": "membres", "tri": "-personne"}).status_code == 200


def test_one_person_does_not_flood_those_who_confirm(organisation: Organisation) -> None:
    client = client_for(a_person())
    url = reverse("accounts:membership_ask")
    for n in range(throttle.MEMBERSHIPS_BY_PERSON.tries):
        assert client.post(url, {"name": f"Organisme inventé {n}"}).status_code == 302
    refused = client.post(url, {"name": "Encore un organisme"})
    assert refused.status_code == 429
    assert "Réessayez demain" in page_text(refused)
    assert "Encore un organisme" in refused.content.decode()


@pytest.mark.parametrize(
    ("email", "website", "same"),
    [
        ("ada@universite.fr", "https://www.universite.fr/labo", True),
        ("ada@labo.universite.fr", "https://universite.fr", True),
        ("ada@e.fr", "https://www.universite.fr", False),
        ("ada@universite.fr.exemple.com", "https://www.universite.fr", False),
        ("ada@fauxuniversite.fr", "https://universite.fr", False),
        ("ada@universite.fr", "", False),
    ],
)
def test_a_domain_is_compared_by_whole_labels(email: str, website: str, same: bool) -> None:
    assert service.same_domain(email, website) is same
