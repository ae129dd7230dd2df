"""The operator's pages: what fails said once, closings with their proof, extracts beside what was
approved."""

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.notifications.models import Message
from requests_app.models import Extract, ExtractDeposit, Grant, Permit, ProviderReading, Workspace
from requests_app.permits import extraction, operations
from requests_app.workflow import receivers
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db
LIST = "/exploitation/"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def story(world: World) -> Story:
    return world.story().reach("opening")


@pytest.fixture
def operator(world: World) -> Client:
    return client_for(world.operator, verified=True)


def shown(page: Any) -> dict[str, str]:
    """What the form of an act's page sends of itself."""
    tags = BeautifulSoup(page.content, "html.parser").select("main form input[type=hidden]")
    return {str(tag["name"]): str(tag["value"]) for tag in tags} | {"csrfmiddlewaretoken": "x"}


def unreachable(workspace: Workspace, text: str) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(
        failure_code="unreachable",
        last_step="ensure_study",
        last_error=text,
        failing_since=timezone.now(),
        tries=9,
    )
    workspace.grants.update(state="failed", reason=text)


def test_a_silent_provider_is_one_banner(operator: Client, story: Story) -> None:
    workspace: Workspace = story.fresh().workspace
    assert "ne répond pas" not in page_text(operator.get(LIST))
    unreachable(workspace, "Étape « projet » : l’hébergeur ne répond pas (panne).")
    text = page_text(operator.get(LIST))
    assert text.count("L’hébergeur ne répond pas") == 1
    assert "1 étude attend" in text
    assert "(panne)" not in text  # not beside each access
    assert "étape « projet », 9 essais" in text
    Workspace.objects.update(failure_code="quota")
    text = page_text(operator.get(LIST))
    assert "L’hébergeur ne répond pas" not in text
    assert "(panne)" in text  # this study's own trouble


def test_a_silent_provider_is_told_once_an_hour(world: World, story: Story) -> None:
    assert world.operator.is_active  # there to be told
    first: Workspace = story.fresh().workspace
    second: Workspace = world.story().reach("opening").fresh().workspace
    for workspace in (first, second):
        unreachable(workspace, "Panne.")
        workspace.refresh_from_db()
        receivers.on_failed(workspace=workspace, code="unreachable")
    mine = Message.objects.filter(recipient=world.operator, code="request.workspace_failed")
    assert mine.count() == 1
    for workspace in (first, second):
        receivers.on_failed(workspace=workspace, code="quota")
    assert mine.count() == 3  # each study's own


def test_a_reading_that_failed_is_said(operator: Client) -> None:
    ProviderReading.objects.create(
        kind="quotas", problem="Étape « lecture des quotas » : refusé.", read_at=timezone.now()
    )
    assert "lecture des quotas" in page_text(operator.get(LIST))


def test_searched_by_number_and_person(operator: Client, story: Story) -> None:
    grant = story.fresh().workspace.grants.first()
    assert grant is not None
    number = story.request.number
    assert number in page_text(operator.get(LIST, {"q": number}))
    assert number in page_text(operator.get(LIST, {"q": f"{number} {grant.person.last_name}"}))
    nothing = page_text(operator.get(LIST, {"q": "introuvable\0", "etat": "open"}))
    assert "Aucun accès ne correspond" in nothing
    exported = operator.get(reverse("requests_app:operations_csv"), {"q": "introuvable"})
    assert number not in exported.content.decode()


def test_conditions_and_proof_with_their_dates(operator: Client, story: Story) -> None:
    workspace: Workspace = story.fresh().workspace
    page = f"{LIST}{workspace.pk}/"
    text = page_text(operator.get(page))
    assert "Nommée dans le dossier depuis le" in text
    assert "192.0.2.10/32" in text  # from where, by the convention
    grant = workspace.grants.first()
    assert grant is not None
    assert operations.proof_of(grant) is None
    now = timezone.now()
    Grant.objects.filter(pk=grant.pk).update(state="closed", closed_at=now)
    assert "fermé sans avoir été ouvert" in page_text(operator.get(page))
    assert "rien à prouver" in page_text(operator.get(LIST, {"etat": "closed"}))
    grant.credentials.create(use="person", access_key="SCWPERSON", withdrawn_at=now, deleted_at=now)
    Grant.objects.filter(pk=grant.pk).update(
        state="closed", closed_at=now, proof_at=now, streak=5, revocation_seconds=31.26
    )
    text = page_text(operator.get(page))
    assert "retrait prouvé en 31,3 s" in text
    assert "clé absente chez l’hébergeur (404)" in text
    assert "5 tours d’essais refusés de suite" in text


def test_the_second_person_sees_each_file_beside_what_was_approved(
    operator: Client, world: World
) -> None:
    story = world.story().reach("extract")
    story.manifest()
    workspace: Workspace = story.fresh().workspace
    page = reverse("requests_app:extraction", args=[story.request.pk])
    reviewed = extraction.review(story.request, workspace)
    assert reviewed
    table = reviewed[0].table
    text = page_text(operator.get(page))
    assert all(name in text for name in table.header)
    assert "Aucun fichier n’est préparé" in text
    ExtractDeposit.objects.create(
        workspace=workspace,
        dataset_code=table.dataset,
        table_name=table.table,
        file_name=table.file_name,
        rows=7,
        staged_by=world.operator,
    )
    entry = {"file": table.file_name, "years_checked": False}
    manifest = workspace.extract.manifest | {"files": [entry]}
    Extract.objects.update(manifest=manifest)
    assert "vérifiez-les vous-même" in page_text(operator.get(page))
    act = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("extract").pk, "confirm_extract"],
    )
    second = client_for(world.second_operator, verified=True)
    shown = page_text(second.get(act))
    assert table.file_name in shown
    assert "vérifiez-les vous-même" in shown


def test_what_is_no_longer_approved_is_not_confirmed(world: World) -> None:
    story = world.story().reach("extract")
    Extract.objects.update(state="staged", manifest={"files": [], "scope_sha256": "0" * 64})
    second = client_for(world.second_operator, verified=True)
    act = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("extract").pk, "confirm_extract"],
    )
    answer = second.post(act, shown(second.get(act)))
    assert "n’est plus celle de la spécification approuvée" in page_text(answer)
    assert Extract.objects.get().confirmed_at is None


def test_what_is_being_prepared_again_is_not_confirmed(world: World, operator: Client) -> None:
    """Whoever confirms confirms what is there, not what the worker is about to write over it."""
    story = world.story().reach("extract")
    story.manifest()
    second = client_for(world.second_operator, verified=True)
    page = reverse("requests_app:extraction", args=[story.request.pk])
    act = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("extract").pk, "confirm_extract"],
    )
    assert act in second.get(page).content.decode()
    form = shown(second.get(act))
    operator.post(page)
    assert act not in second.get(page).content.decode()
    answer = second.post(act, form)
    assert "Une préparation est demandée" in page_text(answer)
    assert Extract.objects.get().confirmed_at is None
    Extract.objects.update(state="staged", asked_at=None, asked_by=None)
    second.post(act, form)
    assert Extract.objects.get().confirmed_by == world.second_operator


@pytest.mark.parametrize("back", ["confirmed", "delivered"])
def test_what_is_confirmed_is_not_prepared_again(world: World, operator: Client, back: str) -> None:
    story = world.story().reach("extract")
    story.manifest()
    Extract.objects.update(
        state=back, confirmed_at=timezone.now(), confirmed_by=world.second_operator
    )
    page = reverse("requests_app:extraction", args=[story.request.pk])
    assert "Préparer à nouveau" not in page_text(operator.get(page))
    operator.post(page)
    assert Extract.objects.get().asked_at is None
    with pytest.raises(extraction.AskRefused):
        extraction.ask(story.request, by=world.operator)


def test_a_short_convention_is_told_with_the_days_really_left(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit = Permit.objects.get(request=story.request)
    seen: list[Any] = []
    monkeypatch.setattr(receivers.notices.AccessExpiring, "tell", lambda *_a, **k: seen.append(k))
    Permit.objects.filter(pk=permit.pk).update(
        expires_at=timezone.now() + timedelta(days=59, hours=5)
    )
    permit.refresh_from_db()
    receivers.on_permit_expiring(permit=permit, days=90)
    assert {one["days"] for one in seen} == {60}  # each group of people in its words


def test_drift_is_told_in_words(world: World, story: Story) -> None:
    assert world.operator.is_active
    workspace = story.fresh().workspace
    receivers.on_drift(workspace=workspace, finding="lifecycle_rule", narrowed=False)
    body = Message.objects.get(recipient=world.operator, code="request.drift_found").body
    assert "règle de cycle de vie" in body
    assert "lifecycle_rule" not in body


def test_who_confirms_confirms_what_the_page_showed(world: World) -> None:
    """Prepared, read, prepared again: the second is shown, and confirmed by a second sending."""
    story = world.story().reach("extract")
    story.manifest()
    second = client_for(world.second_operator, verified=True)
    act = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("extract").pk, "confirm_extract"],
    )
    read = shown(second.get(act))
    workspace: Workspace = story.fresh().workspace
    table = extraction.review(story.request, workspace)[0].table
    files = [{"file": table.file_name, "sha256": "b" * 64, "years_checked": False}]
    Extract.objects.update(manifest=workspace.extract.manifest | {"files": files})
    answer = second.post(act, read)
    assert "préparée à nouveau depuis que vous l’avez vue" in page_text(answer)
    assert Extract.objects.get().confirmed_at is None
    assert second.post(act, {"csrfmiddlewaretoken": "x"}).status_code == 422  # nothing seen
    assert Extract.objects.get().confirmed_at is None
    assert second.post(act, shown(answer)).status_code == 302
    assert Extract.objects.get().confirmed_by == world.second_operator
