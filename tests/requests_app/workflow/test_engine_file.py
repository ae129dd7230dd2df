"""The file: freezing, signing, completing, correcting, withdrawing; and ends of odd cases."""

from datetime import timedelta
from typing import Any

import pytest

from portal.common.calendar import legal_today
from requests_app import dossier
from requests_app.models import AccessRequest, Act, Piece, RequestVersion, Stage
from requests_app.rights import permissions
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities
from requests_app.workflow.clock import run_due
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, stored_file, user


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def refused(*words: str) -> Any:
    return pytest.raises(engine.TransitionRefused, match="|".join(words))


def test_all_that_is_missing_is_told_at_once() -> None:
    world = World()
    request = world.draft()
    Piece.objects.filter(request=request, code__in=["protocol", "summary"]).delete()
    request.content["purpose"]["summary"] = ""
    request.save()
    with pytest.raises(engine.TransitionRefused) as error:
        engine.apply(request, "ask_signature", by=world.investigator)
    told = str(error.value)
    assert "Protocole scientifique" in told
    assert told.count("Résumé du projet") == 2  # the field and the piece
    assert not RequestVersion.objects.exists()


def test_a_cancelled_signature_makes_the_next_version() -> None:
    story = World().story()
    first = story.ask_signature()
    story.do("", "cancel_signature", by=story.world.investigator)
    assert story.fresh().state == "draft"
    second = story.ask_signature()
    first.refresh_from_db()
    assert (first.status, first.number, second.number) == ("cancelled", 1, 2)


def test_signing_signs_the_fingerprint() -> None:
    story = World().story()
    version = story.ask_signature()
    good = {"version": version, "sha256": version.sha256}
    with refused("empreinte"):
        story.do("", "sign", by=story.world.representative, **(good | {"sha256": "0" * 64}))
    with pytest.raises(engine.NotAllowed):
        story.do("", "sign", by=story.world.investigator, **good)
    with pytest.raises(engine.NotAllowed):
        story.do("", "sign", by=user("autre", of=story.world.holder_a, signs=True), **good)
    done = story.do("", "sign", by=story.world.representative, **good)
    version.refresh_from_db()
    assert (version.status, version.signature, version.signed_by) == (
        "signed",
        "online",
        story.world.representative,
    )
    assert done.request.number == f"GUI-{legal_today().year}-0001"
    assert done.act is not None
    assert done.act.version == version


def incomplete() -> Story:
    story = World().story()
    story.sign()
    story.review("to_mend")
    story.do("completeness", "request_completion", by=story.world.secretariat, message="")
    story.review()
    story.fresh()
    return story


def _offered(story: Story) -> set[str]:
    return {one.name for one in abilities(story.fresh(), user=story.world.investigator)}


def test_a_completed_file_is_signed_again_only_for_what_the_procedure_says() -> None:
    story = incomplete()
    piece = Piece.objects.get(request=story.request, code="summary")
    piece.file = stored_file(story.request)
    piece.save()
    assert _offered(story) == {"send_completion", "withdraw"}
    protocol = Piece.objects.get(request=story.request, code="protocol")
    protocol.file = stored_file(story.request)
    protocol.save()
    assert _offered(story) == {"ask_signature", "withdraw"}
    with refused("Protocole scientifique"):
        story.do("", "send_completion", by=story.world.investigator)
    data = dossier.section_of(story.request, "duration") | {"months": 12}
    dossier.save_section(story.request, "duration", data, by=story.world.investigator, revision=99)
    with refused("Durée"):
        story.do("", "send_completion", by=story.world.investigator)
    version = story.ask_signature()
    assert story.stage("completeness").state == "paused"
    story.do("", "sign", by=story.world.representative, version=version, sha256=version.sha256)
    assert story.fresh().state == "submitted"
    assert story.stage("completeness").state == "running"
    assert AccessRequest.objects.exclude(number=None).count() == 1


def test_a_cancelled_signature_of_a_completion_goes_back_to_incomplete() -> None:
    story = incomplete()
    story.ask_signature()
    with refused("en cours de signature"):
        story.do("completeness", "close_incomplete", by=story.world.secretariat, message="Non.")
    story.do("", "cancel_signature", by=story.world.investigator)
    assert story.fresh().state == "incomplete"


def test_every_piece_is_examined_before_the_file_is_complete() -> None:
    story = World().story()
    story.sign()
    with refused("Pièce à examiner"):
        story.do("completeness", "accept_completeness", by=story.world.secretariat)
    story.review("to_mend")
    with refused("encore à corriger"):
        story.do("completeness", "accept_completeness", by=story.world.secretariat)


def test_the_file_may_be_corrected_after_the_opinion_but_not_widened() -> None:
    story = World().story().reach("answer")
    content = story.fresh().content
    content["specification"]["rows"] = content["specification"]["rows"][:2]
    content["purpose"]["summary"] = "Résumé corrigé."
    story.request.save()
    with refused("élargie"):
        content["specification"]["rows"][0]["variables"] = []
        story.request.save()
        story.answer()
    content["specification"]["rows"][0]["variables"] = ["A"]
    story.request.save()
    story.answer()
    versions = RequestVersion.objects.filter(request=story.request).order_by("number")
    assert [(one.number, one.signature) for one in versions] == [(1, "online"), (2, "none")]
    act = Act.objects.get(request=story.request, code="answer_points")
    assert act.version == versions[1]


@pytest.mark.parametrize("code", ["completeness", "opinion", "authorisation", "convention"])
def test_withdrawal_at_any_time_before_effect(code: str) -> None:
    story = World().story().reach(code)
    with refused("motif"):
        story.do("", "withdraw", by=story.world.investigator, reason="")
    story.do("", "withdraw", by=story.world.investigator, reason="Projet abandonné.")
    assert story.fresh().state == "withdrawn"
    assert not Stage.objects.open().filter(request=story.request).exists()
    legal_advance("400d")
    assert run_due() == 0


def test_no_withdrawal_once_rights_exist() -> None:
    story = World().story().reach("extract")
    with refused("n’est pas possible"):
        story.do("", "withdraw", by=story.world.investigator, reason="Trop tard.")


def test_a_refusal_of_the_authority_ends_the_request() -> None:
    story = World().story().reach("authorisation")
    story.receipt()
    with refused("n’est pas celui"):
        story.do(
            "authorisation",
            "record_refusal",
            by=story.world.legal_officer,
            number="DR-2027-105",
            application_number="1",
        )
    story.do(
        "authorisation",
        "record_refusal",
        by=story.world.legal_officer,
        number="DR-2027-105",
        reason="Finalité insuffisante.",
    )
    assert story.fresh().state == "refused"
    assert story.stage("convention").state == "skipped"


def test_an_access_that_never_opened_is_closed_at_its_end() -> None:
    story = World().story().reach("convention")
    story.convention(ends_on=legal_today() + timedelta(days=10))
    story.extract()
    legal_advance("12d")
    run_due()
    assert story.stage("opening").outcome == "not_opened"
    assert story.stage("use").state == "skipped"
    story.move_grants("closed")
    story.closure()
    assert story.request.state == "closed"


def test_whoever_staged_the_extract_does_not_confirm_it() -> None:
    from requests_app.models import ExtractDeposit, Workspace

    story = World().story().reach("extract")
    workspace = Workspace.objects.get()
    story.manifest()
    ExtractDeposit.objects.create(
        workspace=workspace,
        dataset_code="base-a",
        table_name="T",
        file_name="base-a/T.csv",
        staged_by=story.world.operator,
    )
    with refused("elle-même"):
        story.confirm_extract(by=story.world.operator)
    story.confirm_extract(by=story.world.second_operator)


def test_only_what_was_done_elsewhere_is_corrected() -> None:
    story = World().story().reach("authorisation")
    officer = story.world.legal_officer
    referral = Act.objects.get(code="record_referral")
    complete = Act.objects.get(code="accept_completeness")
    assert permissions.can(officer, "correct_act", referral)
    assert not permissions.can(officer, "correct_act", complete)
    with refused("ne se corrige pas"):
        story.do("", "correct_act", by=officer, act=complete, reason="Erreur.")
    with refused("Choisissez l’acte"):
        story.do("", "correct_act", by=officer, act="pas-un-acte", reason="Erreur.")
