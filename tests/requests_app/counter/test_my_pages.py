"""My requests, my access, and what catalogue pages show of requests."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from requests_app.counter import panels
from requests_app.models import (
    Act,
    CloudResource,
    Credential,
    Extract,
    Grant,
    GrantState,
    Permit,
    RequestVersion,
    Workspace,
)
from requests_app.procedures.content import Row
from requests_app.provisioning import custody
from tests.support.client import client_for, page_text
from tests.support.factories import World
from tests.support.queries import assert_query_count, count_queries
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db
MINE = reverse("requests_app:my_requests")
ACCESS = reverse("requests_app:my_access")


def test_my_requests_are_mine_sorted_filtered_and_exported() -> None:
    catalogue()
    alix = person("alix", of=organisation("univ"))
    other = person("autre", of=organisation("univ"))
    client = client_for(alix)
    assert "Vous n’avez pas encore de demande" in page_text(client.get(MINE))
    draft(by=alix, of=organisation("univ"), title="Zeste")
    draft(by=alix, of=organisation("univ"), title="=Amande")
    draft(by=other, of=organisation("univ"), title="Celle d’une autre")
    text = page_text(client.get(MINE, {"tri": "titre"}))
    assert text.index("=Amande") < text.index("Zeste")
    assert "Celle d’une autre" not in text
    assert "Compléter le dossier et demander la signature" in text
    filtered = page_text(client.get(MINE, {"q": "zes", "etat": "draft"}))
    assert "Zeste" in filtered
    assert "Amande" not in filtered
    assert "Aucune demande ne correspond" in page_text(client.get(MINE, {"q": "rien"}))
    assert client.get(MINE, {"etat": "nimporte", "page": "9999"}).status_code == 200
    csv = client.get(reverse("requests_app:my_requests_csv")).content.decode()
    assert "'=Amande" in csv


def test_my_requests_budget_does_not_grow() -> None:
    alix = person("alix", of=organisation("univ"))
    client = client_for(alix)
    for _index in range(2):
        draft(by=alix, of=organisation("univ"))
    client.get(MINE)
    with count_queries() as few:
        client.get(MINE)
    for _index in range(15):
        draft(by=alix, of=organisation("univ"))
    with assert_query_count(few.count):
        client.get(MINE)


def test_my_requests_budget_does_not_grow_with_files_under_way(
    settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    world = World()
    for _index in range(2):
        world.story().reach("opinion")
    client = client_for(world.investigator)
    client.get(MINE)
    with count_queries() as few:
        text = page_text(client.get(MINE))
    assert "Rendre l’avis du comité" in text
    for _index in range(5):
        world.story().reach("opinion")
    with assert_query_count(few.count):
        client.get(MINE)
    csv = client.get(reverse("requests_app:my_requests_csv")).content.decode()
    assert csv.count("Rendre l’avis du comité") == 7
    assert "Avant le" in csv.splitlines()[0]


@pytest.fixture
def grant(settings: Any, tmp_path: Any) -> Grant:
    """A study with its convention, as rows: provisioning has its own tests."""
    settings.MEDIA_ROOT = tmp_path
    world = World()
    story = world.story()
    story.sign()
    now = timezone.now()
    act = Act.objects.create(
        request=story.request, code="record_convention", effective_at=now, entered_at=now
    )
    permit = Permit.objects.create(
        request=story.request,
        number=1,
        act=act,
        request_version=RequestVersion.objects.get(),
        scope=[],
        delivery_mode="daughter_system",
        starts_at=now,
        expires_at=now + timedelta(days=365),
    )
    space = Workspace.objects.create(request=story.request, slug="etude-test")
    Extract.objects.create(workspace=space)
    return Grant.objects.create(
        permit=permit, workspace=space, person=world.investigator, expires_at=permit.expires_at
    )


def test_what_is_missing_is_told_with_where_to_mend_it(grant: Grant) -> None:
    text = page_text(client_for(grant.person).get(ACCESS))
    assert "En attente" in text
    assert "Formation à la sécurité des données absente ou échue" in text
    assert "Lire et accepter les conditions" in text
    assert "Enregistrer un second facteur" in text
    assert "Afficher la clé" not in text


def test_a_person_without_access_reads_when_one_opens() -> None:
    text = page_text(client_for(person("alix")).get(ACCESS))
    assert "Un accès s’ouvre quand une convention signée vous nomme." in text


@pytest.fixture(autouse=True)
def ring(settings: Any) -> None:
    settings.CUSTODY_KEYS = [Fernet.generate_key().decode()]


def open_it(grant: Grant) -> Credential:
    """The grant open with its key in custody, as the reconciler leaves it."""
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.OPEN, opened_at=timezone.now())
    workspace: Workspace = grant.workspace
    Workspace.objects.filter(pk=workspace.pk).update(endpoint="https://s3.example", region="fr-par")
    for kind in ("in", "ws"):
        CloudResource.objects.create(
            workspace=workspace,
            kind="bucket",
            logical_key=kind,
            external_id=f"etude-{kind}",
            status="ready",
        )
    key = Credential.objects.create(grant=grant, use="person", access_key="SCWTESTKEY")
    key.ciphertext = custody.seal("un-secret-de-test", ring="person", credential=key.pk)
    key.save()
    return key


def test_the_key_needs_a_fresh_second_factor(grant: Grant) -> None:
    key = open_it(grant)
    url = reverse("requests_app:reveal_key", args=[grant.pk])
    client = client_for(grant.person)
    assert client.get(url).status_code == 302
    assert client.post(url).status_code == 403
    key.refresh_from_db()
    assert key.revealed_at is None


def fresh(user: User) -> Any:
    import time

    client = client_for(user, verified=True)
    session = client.session
    session["second_factor_at"] = int(time.time())
    session.save()
    return client


def test_the_key_is_shown_once_and_never_cached(grant: Grant) -> None:
    key = open_it(grant)
    url = reverse("requests_app:reveal_key", args=[grant.pk])
    client = fresh(grant.person)
    assert "une seule fois" in page_text(client.get(url))
    response = client.post(url)
    assert "un-secret-de-test" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert "etude-in" in page_text(response)
    again = client.post(url, follow=True)
    assert "déjà été affichée" in page_text(again)
    assert "un-secret-de-test" not in again.content.decode()
    text = page_text(client.get(ACCESS))
    assert "Renouveler la clé" in text
    assert "un-secret-de-test" not in text
    key.refresh_from_db()
    assert (key.ciphertext, key.revealed_at is None) == (None, False)


@pytest.mark.parametrize(
    ("withdrawn", "said"),
    [("unrevealed", "pas été affichée dans les 72 heures"), ("missing", "n’existe plus")],
)
def test_a_key_that_is_gone_is_said_with_the_way_out(
    grant: Grant, withdrawn: str, said: str
) -> None:
    key, now = open_it(grant), timezone.now()
    Credential.objects.filter(pk=key.pk).update(
        withdrawn_at=now, withdrawn_reason=withdrawn, deleted_at=now, ciphertext=None
    )
    text = page_text(client_for(grant.person).get(ACCESS))
    assert said in text
    assert "Renouveler la clé" in text


def test_another_persons_access_does_not_exist(grant: Grant) -> None:
    open_it(grant)
    client = fresh(person("autre"))
    for name in ("reveal_key", "rotate_key"):
        assert client.post(reverse(f"requests_app:{name}", args=[grant.pk])).status_code == 404


def test_investigator_may_remove_colleagues_from_the_page(grant: Grant) -> None:
    text = page_text(client_for(grant.person).get(ACCESS))
    assert "retirer Habilite" in text


def test_catalogue_panels_offer_the_selection_and_the_latest_date() -> None:
    known = catalogue()
    url = reverse("catalog:dataset", args=[known.register.code])
    client = client_for()
    text = page_text(client.get(url))
    assert "Ajouter à ma sélection" in text
    assert "réponse au plus tard le" in text
    assert "Autorisation CNIL après avis du comité" in text
    assert "MR-007" not in text  # main base only
    client.post(reverse("requests_app:basket_add"), {"dataset": "registre", "next": url})
    assert "Dans votre sélection" in page_text(client.get(url))
    elsewhere = page_text(client.get(reverse("catalog:dataset", args=["ailleurs"])))
    assert "Ajouter à ma sélection" not in elsewhere


def test_median_is_absent_with_too_few_answers() -> None:
    assert panels.median_days() is None


def test_awaiting_studies_are_named_without_access() -> None:
    catalogue()
    alix = person("alix", of=organisation("univ"))
    one = draft(by=alix, of=organisation("univ"), rows=[Row(dataset="registre")], title="Étude X")
    one.members.update(has_data_access=True)
    text = page_text(client_for(alix).get(ACCESS))
    assert "Étude X : aucun accès avant la convention signée" in text
