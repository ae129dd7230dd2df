"""The counter's pages: query budgets at two sizes, near-miss people, odd addresses."""

import re
import uuid
from copy import copy
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.common.calendar import PARIS
from requests_app.models import (
    AccessRequest,
    Act,
    Piece,
    Report,
    RequestDataset,
    RequestMember,
    Stage,
)
from requests_app.rights import permissions
from requests_app.workflow import engine
from tests.support import pdfs
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


def copies(model: Stage, number: int) -> None:
    """More pending stages like one, each of a file as whole: rows only, to weigh a list."""
    original, now = model.request, timezone.now()
    requests = [AccessRequest.objects.get(pk=original.pk) for _index in range(number)]
    for index, one in enumerate(requests):
        one.pk, one.number, one.title = (
            uuid.uuid4(),
            f"GUI-2030-{index:04d}",
            f"Étude copiée {index}",
        )
    AccessRequest.objects.bulk_create(requests)
    for beside in (RequestDataset, RequestMember, Piece):
        rows = list(beside.objects.filter(request=original))
        beside.objects.bulk_create(_again(row, request) for request in requests for row in rows)
    Stage.objects.bulk_create(
        Stage(
            request=request,
            code=model.code,
            kind=model.kind,
            role=model.role,
            state="running",
            started_at=now,
            due_at=now,
        )
        for request in requests
    )


def _again(row: Any, request: AccessRequest) -> Any:
    """The same row of another file."""
    twin = copy(row)
    twin.pk, twin.request = row._meta.pk.get_default(), request
    return twin


def test_inbox_budget_does_not_grow(world: World) -> None:
    story = world.story().reach("completeness")
    client = staff(world.secretariat)
    few = queries_of(client, "/a-traiter/")
    copies(story.stage("completeness"), 300)
    many = queries_of(client, "/a-traiter/")
    assert many <= 15
    assert many <= few
    assert "301 dossiers attendent" in page_text(client.get("/a-traiter/"))


def test_an_act_asks_again_what_a_page_has_kept(world: World) -> None:
    """What bars somebody is read under the lock: another process may have written it meanwhile."""
    story = world.story().reach("completeness")
    story.review()
    person = User.objects.get(pk=world.secretariat.pk)
    assert permissions.is_actor(person, "secretariat", story.request)
    elsewhere = RequestMember(
        request=story.request, user=person, kind="editor", added_by=world.investigator
    )
    RequestMember.objects.bulk_create([elsewhere])  # without a word to this thread
    with count_queries() as kept:
        assert permissions.is_actor(person, "secretariat", story.request)
    assert len(kept) == 0
    with pytest.raises(engine.NotAllowed):
        engine.apply(story.stage("completeness"), "accept_completeness", by=person)


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
        assert many <= 20, tab
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
    words = {"text": "Remarque.", "confirm": "on"}
    assert client.post(path, words | {"confirm": ""}).status_code == 422  # asked first
    first = client.post(path, words)
    assert first.status_code == 302
    second = client.post(path, words)
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
    done = client.post(path, {"effective_on": day, "reason": "Date mal lue.", "confirm": "on"})
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


def _names(world_user: User, path: str) -> list[str]:
    """Names of the acts offered on a request's page, the main one first."""
    content = staff(world_user).get(path).content.decode()
    return re.findall(r'class="fr-btn[^"]*" href="[^"]*/etapes/[^/]+/([a-z_]+)/"', content)


def test_whoever_acts_reads_what_their_silence_becomes(world: World) -> None:
    story = world.story().reach("opinion")
    story.declare()
    here = f"/dossiers/{story.request.pk}/etapes/{story.stage('opinion').pk}/issue_opinion/"
    page = staff(world.president).get(here).content.decode()
    assert "Sans acte de votre part à cette date&nbsp;: avis tacite favorable" in page
    other = world.story().reach("completeness")
    here = f"/dossiers/{other.request.pk}/etapes/{other.stage('completeness').pk}/redirect/"
    assert "Sans acte de votre part" not in staff(world.secretariat).get(here).content.decode()


def test_who_has_not_declared_is_named_so_where_members_are_chosen(world: World) -> None:
    story, member = world.story().reach("opinion"), world.member
    story.do("opinion", "declare_interest", by=world.president, answer="none")
    for name in ("issue_opinion", "assign_rapporteurs"):
        here = f"/dossiers/{story.request.pk}/etapes/{story.stage('opinion').pk}/{name}/"
        page = staff(world.president).get(here).content.decode()
        assert f"{member} – n’a pas encore déclaré" in page
        assert f"{world.president} – n’a pas encore déclaré" not in page


def test_the_main_button_is_what_is_awaited(world: World) -> None:
    story = world.story().reach("opinion")
    path = f"/dossiers/{story.request.pk}/"
    story.declare()
    assert _names(world.president, path)[0] == "assign_rapporteurs"
    story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
    assert _names(world.president, path)[0] == "issue_opinion"
    assert _names(world.member, path)[0] == "file_report"
    report = story.opinion_payload() | {"present": None}
    report.pop("present")
    story.do("opinion", "file_report", by=world.member, **report)
    assert "file_report" not in _names(world.member, path)
    other = world.story().reach("authorisation")
    path = f"/dossiers/{other.request.pk}/"
    assert _names(world.legal_officer, path) == ["record_receipt"]
    assert "CNIL : Répondre à la demande" not in page_text(staff(world.legal_officer).get(path))
    other.receipt()
    assert _names(world.legal_officer, path)[0] == "record_authorisation"
    assert "CNIL : Répondre à la demande" in page_text(staff(world.legal_officer).get(path))


def test_nobody_is_offered_to_close_what_was_never_asked_for(world: World) -> None:
    story = world.story().reach("completeness")
    path = f"/dossiers/{story.request.pk}/"
    assert "close_incomplete" not in _names(world.secretariat, path)
    story.do("completeness", "request_completion", by=world.secretariat, message="Le plan.")
    assert "close_incomplete" not in _names(world.secretariat, path)  # the applicant has time
    story.do("", "send_completion", by=world.investigator)
    assert "close_incomplete" in _names(world.secretariat, path)


def test_a_member_who_stands_down_is_told_so_and_sees_no_more(world: World) -> None:
    story = world.story().reach("opinion")
    client = staff(world.member)
    path = f"/dossiers/{story.request.pk}/etapes/{story.stage('opinion').pk}/declare_interest/"
    done = client.post(path, {"answer": "withdrawn", "reason": "Lien."}, follow=True)
    assert done.status_code == 200
    assert "Vous vous êtes déporté du dossier" in page_text(done)
    assert client.get(f"/dossiers/{story.request.pk}/").status_code == 404


def test_the_grid_keeps_what_was_typed_and_leads_to_the_message(world: World) -> None:
    story = world.story().reach("completeness")
    client, path = staff(world.secretariat), f"/dossiers/{story.request.pk}/completude/"
    pieces = list(story.request.pieces.all())
    verdicts = {f"{piece.pk}-review": "accepted" for piece in pieces}
    verdicts |= {f"{pieces[0].pk}-review": "to_mend", f"{pieces[0].pk}-comment": "Le plan manque."}
    refused = client.post(path, verdicts | {f"{pieces[0].pk}-comment": ""})
    assert refused.status_code == 422
    half = {k: v for k, v in verdicts.items() if str(pieces[1].pk) not in k}
    half[f"{pieces[1].pk}-review"] = "pending"
    warned = client.post(path, half | {"then": "request_completion"}, follow=True)
    assert "1 pièce n’est pas encore examinée" in page_text(warned)
    sent = client.post(path, verdicts | {"then": "request_completion"}, follow=True)
    assert sent.redirect_chain[-1][0].endswith("/request_completion/")
    assert "Le plan manque." in sent.content.decode()
    assert "pas encore examinée" not in page_text(sent)
    nowhere = client.post(path, verdicts | {"then": "record_convention"})
    assert nowhere["Location"].endswith("/completude/")


def test_a_piece_is_read_in_a_frame_of_the_grid_only(world: World) -> None:
    story = world.story().reach("completeness")
    file = story.request.pieces.exclude(file=None).first().file
    client = staff(world.secretariat)
    path = f"/dossiers/{story.request.pk}/fichiers/{file.pk}/"
    kept, shown = client.get(path), client.get(f"{path}lire/")
    assert kept["X-Frame-Options"] == "DENY"
    assert kept["Content-Disposition"].startswith("attachment")
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in shown["Content-Security-Policy"]
    assert shown["Content-Disposition"].startswith("inline")
    grid = client.get(f"/dossiers/{story.request.pk}/completude/")
    assert "frame-src 'self'" in grid["Content-Security-Policy"]
    file.content_type = "text/html"
    file.save()
    assert client.get(f"{path}lire/").status_code == 404  # only ever downloaded
    intruder = staff(User.objects.create_user("intrus", "intrus@example.org", "x"))
    assert intruder.get(f"{path}lire/").status_code == 404


def test_an_answer_has_a_reminder_and_no_deadline(world: World) -> None:
    """T2: the decree sets none, the file waits."""
    story = world.story().reach("answer")
    text = page_text(staff(world.investigator).get(f"/dossiers/{story.request.pk}/"))
    assert "Aucune échéance ne court ; relance le" in text
    assert "poursuivez, avant le" not in text


def test_the_opinion_starts_from_the_report_that_the_president_names(world: World) -> None:
    story = world.story().reach("opinion")
    story.declare()
    story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
    report = story.opinion_payload()
    report.pop("present")
    report["headings"] = dict.fromkeys(report["headings"], "Mots du rapporteur.")
    story.do("opinion", "file_report", by=world.member, **report)
    filed = Report.objects.get()
    path = f"/dossiers/{story.request.pk}/etapes/{story.stage('opinion').pk}/issue_opinion/"
    client = staff(world.president)
    assert client.get(path).content.decode().count("Mots du rapporteur.</textarea>") == 0
    started = client.get(f"{path}?rapport={filed.pk}").content.decode()
    assert started.count("Mots du rapporteur.</textarea>") == 5
    assert "Préciser la durée." in started
    assert "checked" not in started.split('name="sense"')[1]  # a sense is a person's word
    assert client.get(f"{path}?rapport=nawak").status_code == 200
    assert client.get(f"{path}?rapport={uuid.uuid4()}").status_code == 200


def test_a_number_and_a_document_are_put_right_even_once_refused(world: World) -> None:
    story = world.story().reach("authorisation")
    story.receipt()
    stage = story.stage("authorisation")
    engine.apply(
        stage, "record_refusal", by=world.legal_officer, number="DR-2027-1O5", reason="Motifs."
    )
    act = Act.objects.get(code="record_refusal")
    client, path = staff(world.legal_officer), f"/dossiers/{story.request.pk}/corriger/{act.pk}/"
    page = client.get(path)
    assert 'value="DR-2027-1O5"' in page.content.decode()
    day = act.effective_at.astimezone(PARIS).date().isoformat()
    document = SimpleUploadedFile("refus.pdf", pdfs.page("refus"), content_type="application/pdf")
    words = {"effective_on": day, "reason": "Chiffre mal lu.", "text": "Motifs.", "confirm": "on"}
    done = client.post(path, words | {"number": "DR-2027-105", "document": document})
    assert done.status_code == 302, page_text(done)
    new = Act.objects.get(corrects=act)
    assert (new.data["number"], act.data["number"]) == ("DR-2027-105", "DR-2027-1O5")
    assert new.document is not None
    assert story.fresh().state == "refused"
    shown = page_text(client.get(f"/dossiers/{story.request.pk}/?onglet=avis"))
    assert "DR-2027-105" in shown
    assert "DR-2027-1O5" in shown  # both stay visible
    assert client.get(path).status_code in {403, 404, 200}
    again = client.post(path, words | {"number": "DR-2027-106"})
    assert "corrigez l’acte qui le remplace" in page_text(again)


def test_an_empty_inbox_leads_to_the_last_files_done(world: World) -> None:
    story = world.story().reach("opinion")
    client = staff(world.member)
    assert story.request.number in page_text(client.get("/a-traiter/"))  # interests to declare
    story.declare()
    text = page_text(client.get("/a-traiter/"))
    assert "Rien n’attend votre action" in text
    assert "Vos derniers dossiers traités" in text
    assert story.request.number in text.split("Vos derniers dossiers traités")[1]
    assert queries_of(client, "/a-traiter/") <= 15
    other = staff(world.operator)
    assert "Vos derniers dossiers traités" not in page_text(other.get("/a-traiter/"))


def test_the_export_of_the_inbox_holds_the_tasks_too(world: World) -> None:
    story = world.story().reach("opinion")
    story.holder()
    story.opinion("reserved")
    story.answer()
    story.referral()
    story.authorisation()
    client = staff(world.legal_officer)
    words = "Vérifier l’autorisation donnée malgré un avis réservé ou défavorable"
    assert words in client.get("/a-traiter/export.csv").content.decode()
    filtered = client.get("/a-traiter/export.csv?q=nawak").content.decode()
    assert story.request.title not in filtered


def test_a_member_who_has_not_declared_has_not_sat(world: World) -> None:
    story = world.story().reach("opinion")
    story.declare(world.president)
    with pytest.raises(engine.TransitionRefused, match="n’a pas déclaré ses liens"):
        engine.apply(
            story.stage("opinion"),
            "issue_opinion",
            by=world.president,
            **story.opinion_payload("favourable"),
        )
