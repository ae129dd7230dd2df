"""The account page: what one is, what one has, and how to mend what blocks."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from portal.accounts import terms, tokens
from portal.accounts.models import DeclarationOfInterests, Role, Training
from portal.common.calendar import legal_today
from portal.notifications.models import Message
from tests.support.client import client_for, enrol, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
ACCOUNT = "/compte/"


def test_each_thing_that_blocks_has_its_way_out(settings: Any) -> None:
    settings.SITE_FACTS = settings.SITE_FACTS | {"contact_email": "aide@guichet.example"}
    page = client_for(a_person()).get(ACCOUNT)
    text, links = page_text(page), page.content.decode()
    assert text.count("manque") == 3
    for way in (
        reverse("accounts:terms"),
        reverse("accounts:second_factor"),
        "mailto:aide@guichet.example",
        reverse("accounts:membership_ask"),
    ):
        assert f'href="{way}"' in links


def test_what_one_has_is_dated() -> None:
    user = a_member(an_organisation(), signs=True).user
    today = legal_today()
    Training.objects.create(
        user=user, title="Données", followed_on=today, valid_until=today + timedelta(days=365)
    )
    terms.accept(by=user)
    enrol(user)
    tokens.create(by=user, name="poste", days=30)
    text = page_text(client_for(user, verified=True).get(ACCOUNT))
    assert "manque" not in text
    for words in ("signataire depuis le", "Installé le", "1 jeton valable", "acceptées le"):
        assert words in text


def test_a_training_that_ended_is_missing() -> None:
    user = a_person()
    today = legal_today()
    Training.objects.create(
        user=user,
        title="Données",
        followed_on=today - timedelta(days=400),
        valid_until=today - timedelta(days=1),
    )
    assert page_text(client_for(user).get(ACCOUNT)).count("manque") == 3


def test_an_address_changed_by_an_administrator_is_confirmed_from_here() -> None:
    user = a_person("ada", email_confirmed_at=None)
    client = client_for(user)
    page = client.get(ACCOUNT)
    assert "non confirmée" in page_text(page)
    assert f'value="{user.email}"' in client.get(reverse("accounts:email")).content.decode()
    client.post(reverse("accounts:email"), {"email": user.email})
    body = Message.objects.get(code="account.email_change").body
    path = next(word for word in body.split() if "/compte/adresse/" in word)
    client.post(path.partition("//")[2].partition("/")[2].join(["/", ""]))
    user.refresh_from_db()
    assert user.email_confirmed_at is not None


def test_a_member_of_a_committee_is_told_of_the_yearly_declaration() -> None:
    """A14: public, updated yearly."""
    user = with_role(Role.COMMITTEE_MEMBER, scope=an_organisation(kind="committee"))
    client = client_for(user, verified=True)
    assert "dpi.sante.gouv.fr" in page_text(client.get(ACCOUNT))
    old = DeclarationOfInterests.objects.create(
        user=user, declared_on=legal_today() - timedelta(days=366)
    )
    assert "à mettre à jour" in page_text(client.get(ACCOUNT))
    old.declared_on = legal_today()
    old.save()
    assert "dpi.sante.gouv.fr" not in page_text(client.get(ACCOUNT))
    assert "Déclaration publique" not in page_text(client_for(a_person()).get(ACCOUNT))


def test_the_page_costs_the_same_with_more_rows() -> None:
    user = a_member(an_organisation()).user
    client = client_for(user)
    counts = []
    for size in (1, 12):
        for number in range(size):
            a_member(an_organisation(), user=user)
            tokens.create(by=user, name=f"poste {number}", days=30)
        client.get(ACCOUNT)
        with count_queries() as queries:
            client.get(ACCOUNT)
        counts.append(queries.count)
    assert counts[0] == counts[1] <= 19
