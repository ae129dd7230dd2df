"""What each process holds once started: no cloud SDK but where a provider is called, and everywhere
the names that frozen.json has: no process knows less than another of verbs, messages or rights.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.consistency import names, registries


SDKS = ("scaleway", "scaleway_core", "boto3", "botocore")
# As gunicorn, `celery worker` and `celery beat` come to the point where they serve.
STARTS = {
    "web": "import portal.wsgi; from django.urls import get_resolver; get_resolver().url_patterns",
    "default": "from portal import celery_app; celery_app.Worker(queues='default')",
    "search": "from portal import celery_app; celery_app.Worker(queues='search')",
    "provisioning": "from portal import celery_app; celery_app.Worker(queues='provisioning')",
    "extracts": "from portal import celery_app; celery_app.Worker(queues='extracts')",
    "beat": "from portal import celery_app; celery_app.Beat().init_loader()",
}
CALLS_A_PROVIDER = {"provisioning", "extracts"}
TELL = """
import json, sys
modules = sorted(sys.modules)
from tests.consistency import registries
print(json.dumps({
    "modules": modules,
    "tasks": sorted(name for name in portal_app().tasks if not name.startswith("celery.")),
    "names": {name: registries.names(name) for name in registries.ALL},
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each process says of itself, all started at once."""
    helper = "def portal_app():\n    from portal import celery_app\n    return celery_app\n"
    started = {}
    for name, start in STARTS.items():
        variables = {
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
            "GUICHET_VAR": str(tmp_path_factory.mktemp(name)),
        }
        started[name] = subprocess.Popen(
            [sys.executable, "-c", helper + start + TELL],
            cwd=Path(settings.BASE_DIR),
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
    answers = {name: process.communicate(timeout=120)[0] for name, process in started.items()}
    assert [process.returncode for process in started.values()] == [0] * len(started)
    return {name: json.loads(answer.splitlines()[-1]) for name, answer in answers.items()}


@pytest.mark.parametrize("name", [name for name in STARTS if name not in CALLS_A_PROVIDER])
def test_no_cloud_sdk_is_loaded(name: str, told: dict[str, dict[str, Any]]) -> None:
    loaded = told[name]["modules"]
    assert "requests_app.permits.access" in loaded  # it did start
    assert [one for one in loaded if one.partition(".")[0] in SDKS] == []
    assert [one for one in loaded if one.startswith("portal.training.")] == []


def test_registries_are_of_one_size_everywhere(told: dict[str, dict[str, Any]]) -> None:
    """In each process: what a module registers is missed wherever nothing imports it."""
    held = json.loads(names.FILE.read_text())["names"]
    wanted = {name: registries.frozen(name, held) for name in registries.ALL}
    assert min(map(len, wanted.values())) > 0
    lacking = {
        f"{process}, {name}: {sorted(set(wanted[name]) ^ set(there))}"
        for process, said in told.items()
        for name, there in said["names"].items()
        if there != wanted[name]
    }
    assert not lacking


def test_every_worker_and_beat_know_every_task(told: dict[str, dict[str, Any]]) -> None:
    tasks = [said["tasks"] for name, said in told.items() if name != "web"]  # it sends by name
    assert len(tasks[0]) > 5
    assert all(one == tasks[0] for one in tasks)
