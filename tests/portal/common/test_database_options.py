"""What the portal says to PostgreSQL when it connects, whichever process asks."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection


pytestmark = pytest.mark.both


URL = "postgresql://guichet:x@127.0.0.1:5432/guichet"
SHOW = """
import json
from portal.settings.base import DATABASES
print(json.dumps(DATABASES["default"].get("OPTIONS", {})))
"""


def options(url: str, **env: str) -> dict[str, object]:
    """As a process of its own reads them: settings are read once."""
    given = {**os.environ, "GUICHET_DB_POOL": "0", **env, "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=given, capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_postgresql_compiles_no_statement_whatever_the_process() -> None:
    assert options(URL) == {"options": "-c jit=off"}
    assert options(URL, GUICHET_DB_POOL="1") == {"options": "-c jit=off", "pool": True}


def test_what_the_address_asks_is_kept_and_has_the_last_word() -> None:
    found = options(
        f"{URL}?sslmode=require&options=-c%20jit%3Don%20-c%20search_path%3Dg", GUICHET_DB_POOL="1"
    )
    assert found == {
        "sslmode": "require",
        "options": "-c jit=off -c jit=on -c search_path=g",
        "pool": True,
    }


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL alone has it")
def test_the_connection_of_this_process_has_it_off() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
