"""Several people at once: one act, one number, no hole."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from requests_app.models import AccessRequest, Extract, Opinion, TransitionLog
from requests_app.permits import extraction
from requests_app.workflow import engine
from tests.support.factories import World


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run calls in threads released together; their results, exceptions included."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=20)
            return call()
        except Exception as error:  # noqa: BLE001 - the error is the result
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_four_presidents_issue_one_opinion() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.declare()
    world = story.world
    stage, payload = story.stage("opinion"), story.opinion_payload()
    senses = ["favourable", "favourable_with_recommendations", "reserved", "unfavourable"]
    results = at_once(
        [
            lambda sense=sense: engine.apply(
                stage.pk, "issue_opinion", by=world.president, **(payload | {"sense": sense})
            )
            for sense in senses
        ]
    )
    done = [one for one in results if isinstance(one, engine.Applied) and not one.already_done]
    refused = [one for one in results if isinstance(one, engine.TransitionRefused)]
    assert (len(done), len(refused)) == (1, 3), results
    assert Opinion.objects.count() == 1
    assert TransitionLog.objects.filter(stage=stage, name="issue_opinion").count() == 1


def test_four_clicks_of_one_person_are_one_act() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.declare()
    stage, payload = story.stage("opinion"), story.opinion_payload()
    results = at_once(
        [lambda: engine.apply(stage.pk, "issue_opinion", by=story.world.president, **payload)] * 4
    )
    assert sorted(one.already_done for one in results) == [False, True, True, True]
    assert Opinion.objects.count() == 1


def test_the_last_two_answers_at_once_open_the_next_stage_once() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.opinion("favourable")
    rows = list(story.request.stages.filter(kind="holder"))
    results = at_once(
        [
            lambda row=row, by=by: engine.apply(row.pk, "file_no_remark", by=by)
            for row, by in [(row, story.world.holder_rep(row)) for row in rows]
        ]
    )
    assert all(isinstance(one, engine.Applied) for one in results), results
    assert story.stage("answer").state == "running"
    assert TransitionLog.objects.filter(stage__code="answer", name="start").count() == 1


def test_four_deposits_have_four_numbers_without_a_hole() -> None:
    world = World()
    stories = [world.story() for _ in range(4)]
    versions = [story.ask_signature() for story in stories]
    results = at_once(
        [
            lambda story=story, version=version: engine.apply(
                story.request.pk,
                "sign",
                by=world.representative,
                version=version,
                sha256=version.sha256,
            )
            for story, version in zip(stories, versions, strict=True)
        ]
    )
    assert all(isinstance(one, engine.Applied) for one in results), results
    numbers = sorted(AccessRequest.objects.values_list("number", flat=True))
    assert [number[-4:] for number in numbers] == ["0001", "0002", "0003", "0004"]


def test_a_verb_refuses_to_nest() -> None:
    from django.db import transaction

    story = World().story()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        engine.apply(story.request, "ask_signature", by=story.world.investigator)
    assert connection.in_atomic_block is False


def test_an_extract_is_confirmed_or_asked_for_again_never_both() -> None:
    for _ in range(2):
        story = World().story().reach("extract")
        story.manifest()
        world = story.world
        extraction.ask(story.request, by=world.operator)
        Extract.objects.update(state="staged", asked_at=None, asked_by=None)
        results = at_once(
            [
                lambda story=story, by=world.second_operator: story.confirm_extract(by=by),
                lambda request=story.request, by=world.operator: extraction.ask(request, by=by),
            ]
        )
        confirmed, asked = (not isinstance(one, Exception) for one in results)
        assert confirmed != asked, results
        extract = Extract.objects.get(workspace__request=story.request)
        assert (extract.confirmed_at is not None) == confirmed
        assert (extract.asked_at is not None) == asked
