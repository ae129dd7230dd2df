"""A confirmed extract that cannot be delivered any more: its stage opens again, and people know."""

import shutil

import pytest
from django.urls import reverse

from catalog.models import Table
from portal.notifications.models import Message
from requests_app.models import Permit, Stage, Workspace
from requests_app.permits import creating, extraction
from requests_app.provisioning.extract import delivery, preparing, staging
from requests_app.provisioning.extract.sources import SyntheticSource
from requests_app.workflow import engine
from requests_app.workflow.clock import run_due
from tests.support.client import client_for, page_text
from tests.support.factories import Story
from tests.support.factories import World as Counter

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = [pytest.mark.django_db, pytest.mark.faults]


def prepare(story: Story) -> Workspace:
    """By one operator, then confirmed by the other."""
    workspace: Workspace = story.fresh().workspace
    scope = creating.approved_scope(story.request)
    staging.stage(workspace, scope=scope, by=story.world.operator, origin=SyntheticSource(rows=3))
    story.confirm_extract(by=story.world.second_operator)
    workspace.refresh_from_db()
    return workspace


def test_what_is_lost_after_the_confirmation_is_prepared_and_confirmed_again() -> None:
    counter, backend = Counter(), FakeBackend()
    story = counter.story().reach("extract")
    for person in (counter.investigator, counter.named):
        world.make_ready(person)
    workspace = prepare(story)
    play = player(lambda: backend)
    assert story.stage("opening").state == "running"
    shutil.rmtree(preparing.ready_folder(workspace))
    play(workspace)
    Message.objects.all().delete()
    assert run_due() == 1
    assert run_due() == 0
    stage = story.stage("extract")
    assert (stage.state, stage.outcome, stage.ended_at) == ("running", "", None)
    told = Message.objects.get(recipient=counter.operator, code="request.expected_extract")
    for said in (stage.acts.get(code="reopen_extract").text, told.body):
        assert "n’est plus tel qu’il a été confirmé" in said
    assert "à préparer à nouveau" in told.subject
    page = reverse("requests_app:extraction", args=[story.request.pk])
    shown = page_text(client_for(counter.operator, verified=True).get(page))
    assert "n’est plus tel qu’il a été confirmé" in shown
    assert extraction.is_askable(story.request)
    workspace = prepare(story)
    assert story.stage("extract").outcome == "confirmed"
    play(workspace)
    workspace.refresh_from_db()
    assert workspace.extract.delivered_at is not None
    assert set(workspace.grants.values_list("state", flat=True)) == {"open"}
    run_due()
    assert story.stage("opening").outcome == "opened"
    with pytest.raises(engine.TransitionRefused, match="pas été renvoyée"):
        story.do("extract", "reopen_extract", by=None)


@pytest.mark.parametrize("changed", ["permit", "catalogue"])
def test_what_is_no_longer_allowed_when_it_is_delivered_goes_back(changed: str) -> None:
    """A table that left the catalogue, or a narrower permit: nobody waits for ever."""
    base = world.dataset()
    workspace = world.study(scope=world.scope_of(base))
    if changed == "permit":
        scope = world.scope_of(base)
        scope[0]["variables"] = ["ID", "AGE"]
        Permit.objects.filter(request=workspace.request).update(scope=scope)
    else:
        Table.objects.filter(dataset=base).delete()
    workspace = player(FakeBackend)(workspace)
    assert workspace.last_error == ""
    assert workspace.grants.get().missing == ["extract_missing"]
    assert list(delivery.sent_back()) == [workspace]
    assert "ne correspond pas à l’autorisation" in workspace.extract.problem


def test_nothing_opens_again_once_no_opening_waits() -> None:
    story = Counter().story().reach("extract")
    workspace = prepare(story)
    delivery.send_back(workspace, reason="Perdue.")
    Stage.objects.filter(pk=story.stage("opening").pk).update(state="skipped")
    assert run_due() == 0
    with pytest.raises(engine.TransitionRefused, match="n’attend pas"):
        story.do("extract", "reopen_extract", by=None)
