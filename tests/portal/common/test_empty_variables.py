"""A variable that is set to nothing is one that is not set, whatever it is for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings


HELD = json.loads(Path(settings.BASE_DIR, "tests/consistency/frozen.json").read_text())
NAMES = [name for name in HELD["names"]["environment"] if name.isupper()]
NEEDED = {
    "GUICHET_SECRET_KEY": "x" * 60,
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",  # read by Django
}
TELL = """
import json, sys
from portal.settings import production
found = {n: v for n, v in vars(production).items() if n.isupper()}
print(json.dumps(found, default=lambda value: type(value).__name__))  # texts not yet in a language
"""


def settings_with(**variables: str) -> dict[str, Any]:
    """As a process of its own reads them, with these variables and none other of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=settings.BASE_DIR,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("blank", ["", "  "])
def test_the_portal_starts_as_if_it_were_not_there(blank: str, tmp_path: Path) -> None:
    given = NEEDED | {"GUICHET_VAR": str(tmp_path)}
    blanks = dict.fromkeys(set(NAMES) - set(given), blank)
    assert {"DATABASE_URL", "EMAIL_URL", "CELERY_BROKER_URL", "GUICHET_KEY_DAYS"} <= set(blanks)
    assert settings_with(**given, **blanks) == settings_with(**given)
