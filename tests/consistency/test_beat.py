"""The beat schedule names tasks that exist, on queues that a process of ours listens to."""

import pytest
from celery.schedules import crontab

from portal.celery import app
from portal.training.process_settings import NAMES
from portal.training.processes import Portal


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Queues that the workers of `portal.training.processes` take from."""
    portal = Portal(tmp_path_factory.mktemp("portal"))
    commands = [portal._command(name) for name in NAMES]
    return {q for c in commands if "-Q" in c for q in c[c.index("-Q") + 1].split(",")}


@pytest.mark.parametrize("name", sorted(app.conf.beat_schedule))
def test_scheduled_task_exists_and_is_listened_to(name: str, queues: set[str]) -> None:
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule[name]
    assert entry["task"] in app.tasks
    routed = app.amqp.router.route(entry.get("options", {}), entry["task"])["queue"]
    assert getattr(routed, "name", routed) in queues


def test_every_route_leads_to_a_queue_that_is_listened_to(queues: set[str]) -> None:
    used = {route["queue"] for route in app.conf.task_routes.values()}
    assert used | {app.conf.task_default_queue} <= queues


def test_every_task_of_ours_is_routed_to_its_worker(queues: set[str]) -> None:
    """Only the provisioning worker may run provisioning: the others lack its keys."""
    app.loader.import_default_modules()
    for name in app.tasks:
        if name.startswith(("portal.", "catalog.", "requests_app.")):
            queue = app.amqp.router.route({}, name)["queue"]
            expected = "provisioning" if ".provisioning." in name else None
            assert getattr(queue, "name", queue) in ({expected} if expected else queues)


@pytest.mark.parametrize("name", sorted(app.conf.beat_schedule))
def test_a_scheduled_task_that_nobody_took_is_dropped_when_the_next_is_sent(name: str) -> None:
    """Else a worker back from an hour's work finds 720 sweeps to do first."""
    entry = app.conf.beat_schedule[name]
    expires = entry["options"]["expires"]
    schedule = entry["schedule"]
    if isinstance(schedule, crontab):  # each of ours names one hour and minute: once a day
        assert (len(schedule.hour), len(schedule.minute)) == (1, 1)
        schedule = 24 * 3600
    assert 0 < expires <= schedule
