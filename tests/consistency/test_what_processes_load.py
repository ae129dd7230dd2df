"""What each process holds once started: no cloud SDK but where a provider is called, and registries
of one size everywhere, so that no process knows less than another of verbs, messages or rights.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.consistency.test_shared_state import FILLED_AT_START


SDKS = ("scaleway", "scaleway_core", "boto3", "botocore")
# As gunicorn, `celery worker` and `celery beat` come to the point where they serve.
STARTS = {
    "web": "import portal.wsgi; from django.urls import get_resolver; get_resolver().url_patterns",
    "default": "from portal import celery_app; celery_app.Worker(queues='default')",
    "search": "from portal import celery_app; celery_app.Worker(queues='search')",
    "beat": "from portal import celery_app; celery_app.Beat().init_loader()",
}
TELL = """
import json, sys, importlib
def size(name):
    module, _, attribute = name.rpartition(".")
    return len(getattr(importlib.import_module(module), attribute))
print(json.dumps({
    "modules": sorted(sys.modules),
    "tasks": sorted(name for name in portal_app().tasks if not name.startswith("celery.")),
    "sizes": {name: size(name) for name in %r},
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
            [sys.executable, "-c", helper + start + TELL % sorted(FILLED_AT_START)],
            cwd=Path(settings.BASE_DIR),
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
    answers = {name: process.communicate(timeout=120)[0] for name, process in started.items()}
    assert [process.returncode for process in started.values()] == [0] * len(started)
    return {name: json.loads(answer.splitlines()[-1]) for name, answer in answers.items()}


@pytest.mark.parametrize("name", STARTS)
def test_no_cloud_sdk_is_loaded(name: str, told: dict[str, dict[str, Any]]) -> None:
    loaded = told[name]["modules"]
    assert "requests_app.permits.access" in loaded  # it did start
    assert [one for one in loaded if one.partition(".")[0] in SDKS] == []
    assert [one for one in loaded if one.startswith("portal.training.")] == []


def test_registries_are_of_one_size_everywhere(told: dict[str, dict[str, Any]]) -> None:
    sizes = {name: said["sizes"] for name, said in told.items()}
    assert sum(sizes["web"].values()) > 200
    assert {name: said for name, said in sizes.items() if said != sizes["web"]} == {}
    assert told["default"]["tasks"] == told["search"]["tasks"] == told["beat"]["tasks"] != []
