"""The counter's pages: query budgets at two sizes, near-miss people, odd addresses."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.common.calendar import PARIS
from requests_app.models import Act, Stage
from tests.support.client import client_for, page_text
from tests.support.factories import World, user
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return World()


def staff(user: User) -> Client:
    return client_for(user, verified=True)


def queries_of(client: Client, path: str) -> int:
    client.get(path)  # sessions, content types and the hour's audit row are warm
    with count_queries() as counted:
        answer = client.get(path)
    assert answer.status_code == 200, path
    return len(counted)


def copies(world: World, model: Stage, number: int) -> None:
    """More pending stages like one: rows only, to weigh a list."""
    for index in range(number):
        request = world.draft().__class__.objects.order_by("-created_at").first()
        assert request is not None
        request.state, request.number = "submitted", f"GUI-2030-{index:04d}"
        request.submitted_at = timezone.now()
        request.save()
        Stage.objects.create(
            request=request,
            code=model.code,
            kind=model.kind,
            role=model.role,
            state="running",
            started_at=timezone.now(),
            due_at=timezone.now(),
        )


def test_inbox_budget_does_not_grow(world: World) -> None:
    story = world.story().reach("completeness")
    client = staff(world.secretariat)
    few = queries_of(client, "/a-traiter/")
    copies(world, story.stage("completeness"), 300)
    many = queries_of(client, "/a-traiter/")
    assert many <= 15
    assert many <= few
    assert "301 dossiers attendent" in page_text(client.get("/a-traiter/"))


def test_request_page_budget_does_not_grow_with_events(world: World) -> None:
    story = world.story().reach("referral")
    client = staff(world.secretariat)
    for tab in ("suivi", "dossier", "pieces", "avis", "acces", "notes", "journal"):
        path = f"/dossiers/{story.request.pk}/?onglet={tab}"
        few = queries_of(client, path)
        for _index in range(40):
            Act.objects.create(
                request=story.request,
                code="record_referral",
                effective_at=timezone.now(),
                entered_at=timezone.now(),
                entered_by=world.secretariat,
            )
        many = queries_of(client, path)
        assert many <= 25, tab
        assert many <= few, tab


@pytest.mark.parametrize(
    "path", ["/a-traiter/?page=999", "/a-traiter/?tri=nawak", "/a-traiter/?etape=x&q=%00"]
)
def test_odd_addresses_of_the_inbox_are_answered(world: World, path: str) -> None:
    assert staff(world.secretariat).get(path).status_code == 200


def test_a_stranger_gets_404_everywhere(world: World) -> None:
    story = world.story().reach("opinion")
    stage = story.stage("opinion")
    stranger = staff(User.objects.create_user("intrus", "intrus@example.org", "x"))
    base = f"/dossiers/{story.request.pk}/"
    for path in (
        base,
        f"{base}completude/",
        f"{base}extraction/",
        f"{base}etapes/{stage.pk}/issue_opinion/",
        f"{base}actes/withdraw/",
        f"{base}taches/{uuid.uuid4()}/",
        f"{base}corriger/{uuid.uuid4()}/",
    ):
        for method in ("get", "post"):
            assert getattr(stranger, method)(path).status_code in {404, 405}, (method, path)
    assert stranger.post(f"{base}notes/", {"text": "x"}).status_code == 404


def test_an_act_by_the_wrong_role_is_forbidden(world: World) -> None:
    story = world.story().reach("opinion")
    stage = story.stage("opinion")
    path = f"/dossiers/{story.request.pk}/etapes/{stage.pk}/issue_opinion/"
    assert staff(world.secretariat).get(path).status_code == 403
    assert staff(world.secretariat).post(path, {}).status_code == 403


def test_a_stage_of_another_request_is_not_found(world: World) -> None:
    mine = world.story().reach("completeness")
    other = world.story().reach("completeness")
    path = f"/dossiers/{mine.request.pk}/etapes/{other.stage('completeness').pk}/redirect/"
    assert staff(world.secretariat).get(path).status_code == 404


def test_a_refused_form_keeps_what_was_typed(world: World) -> None:
    story = world.story().reach("completeness")
    path = f"/dossiers/{story.request.pk}/etapes/{story.stage('completeness').pk}/redirect/"
    answer = staff(world.secretariat).post(path, {"route": "MR-004", "message": ""})
    assert answer.status_code == 422
    assert 'value="MR-004"' in answer.content.decode()


def test_a_second_click_changes_nothing(world: World) -> None:
    story = world.story().reach("holder")
    stage = Stage.objects.filter(request=story.request, kind="holder").first()
    assert stage is not None
    client = staff(world.holder_rep(stage))
    path = f"/dossiers/{story.request.pk}/etapes/{stage.pk}/file_remark/"
    first = client.post(path, {"text": "Remarque."})
    assert first.status_code == 302
    second = client.post(path, {"text": "Remarque."})
    assert second.status_code in {302, 403}
    assert Act.objects.filter(request=story.request, code="file_remark").count() == 1


def test_a_correction_is_a_new_act_with_its_reason(world: World) -> None:
    story = world.story().reach("authorisation")
    act = Act.objects.get(request=story.request, code="record_referral")
    client = staff(world.secretariat)
    page = client.get(f"/dossiers/{story.request.pk}/corriger/{act.pk}/")
    assert page.status_code == 200
    day: Any = act.effective_at.astimezone(PARIS).date().isoformat()
    path = f"/dossiers/{story.request.pk}/corriger/{act.pk}/"
    assert client.post(path, {"effective_on": day, "reason": ""}).status_code == 422
    done = client.post(path, {"effective_on": day, "reason": "Date mal lue."})
    assert done.status_code == 302, page_text(done)
    assert Act.objects.get(corrects=act).correction_reason == "Date mal lue."


def test_an_administrator_reads_a_file_for_a_reason_only(world: World) -> None:
    story = world.story().reach("completeness")
    client = staff(world.administrator)
    content = f"/dossiers/{story.request.pk}/?onglet=dossier"
    words = "Une étude de test."
    assert words not in client.get(content).content.decode()
    path = f"/dossiers/{story.request.pk}/consulter/"
    assert client.post(path, {"reason": ""}).status_code == 422
    assert client.post(path, {"reason": "Incident 42."}).status_code == 302
    assert words in client.get(content).content.decode()
    assert staff(world.secretariat).get(path).status_code == 403


def test_operations_are_the_operators(world: World) -> None:
    story = world.story().reach("opening")
    workspace = story.fresh().workspace
    operator, auditor = staff(world.operator), staff(world.auditor)
    assert queries_of(operator, "/exploitation/") <= 15
    page = f"/exploitation/{workspace.pk}/"
    few = queries_of(operator, page)
    assert few <= 25
    one = workspace.grants.get(person=world.investigator)
    for number in range(5):
        one.pk, one.person = None, user(f"autre-{number}")
        one._state.adding = True
        one.save()
    assert queries_of(operator, page) <= few
    path = f"/exploitation/{workspace.pk}/hold/"
    assert auditor.get(f"/exploitation/{workspace.pk}/").status_code == 200
    assert auditor.post(path, {"reason": "x"}).status_code == 403
    assert operator.post(path, {"reason": ""}).status_code == 422
    assert operator.post(path, {"reason": "Vérification."}).status_code == 302
    workspace.refresh_from_db()
    assert workspace.held_at is not None
    assert staff(world.secretariat).get("/exploitation/").status_code == 403


def test_the_register_shows_nothing_before_its_act(world: World) -> None:
    story = world.story().reach("register")
    visitor = Client()
    assert story.request.title not in page_text(visitor.get("/repertoire/"))
    story.register()
    assert story.fresh().title in page_text(visitor.get("/repertoire/"))
    assert visitor.get(f"/repertoire/{story.fresh().number}/").status_code == 200
    assert visitor.get("/repertoire/GUI-1999-0001/").status_code == 404
    assert story.fresh().number in visitor.get("/repertoire/export.csv").content.decode()


@pytest.mark.parametrize(
    "model", ["accessrequest", "stage", "task", "transitionlog", "permit", "grant", "workspace"]
)
def test_admin_lists_keep_their_budget(world: World, model: str) -> None:
    world.story().reach("opening")
    administrator = world.administrator
    administrator.is_staff = True
    administrator.save()
    client = staff(administrator)
    few = queries_of(client, f"/admin/requests_app/{model}/")
    world.story().reach("opening")
    many = queries_of(client, f"/admin/requests_app/{model}/")
    assert many <= 15
    assert many <= few + 1  # one more page of results at most
