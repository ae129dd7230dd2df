"""Links that open an account or a place never reach a log whole."""

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client
from gunicorn.config import Config

from portal.common.access_log import AccessLog
from portal.common.logs import HideLinkTokens


TOKEN = "aaE9v87BlChX88d7o_homKO1sdGuFbHQDKqU3YZSkJk"
PATHS = [
    f"/compte/invitation/{TOKEN}/",
    f"/compte/invitation/{TOKEN}/inscription/",
    f"/compte/inscription/{TOKEN}/",
    f"/compte/adresse/{TOKEN}/",
    f"/compte/mot-de-passe/NmE0/{TOKEN}/",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_django_writes_such_a_path_without_its_token(
    path: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The console's filter comes first: what the later handlers get is cut already."""
    client.get(path)
    logging.getLogger("django.request").warning("Forbidden: %s", path)
    written = [record.getMessage() for record in caplog.records]
    assert any("/…" in text and "/compte/" in text for text in written)
    assert not any(TOKEN in text for text in written)


@pytest.mark.parametrize("path", PATHS)
def test_the_access_log_too_with_its_referrer(path: str) -> None:
    log = AccessLog(Config())
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_REFERER": f"https://guichet.example{path}",
        "REMOTE_ADDR": "192.0.2.1",
    }
    answer = SimpleNamespace(status="200 OK", sent=10, headers=[], response_length=10)
    atoms = log.atoms(answer, SimpleNamespace(headers=[]), environ, timedelta(seconds=1))
    assert TOKEN not in str(atoms)
    assert "/compte/" in atoms["r"]


def test_other_paths_and_hashes_stay(caplog: pytest.LogCaptureFixture) -> None:
    text = f"audit head 12:{'a' * 64} /dossiers/5e0c0f3e-55d4-4d0e-a4ee-2b8a4e7c2f10/"
    record = logging.LogRecord("x", logging.INFO, "", 0, text, (), None)
    HideLinkTokens().filter(record)
    assert record.getMessage() == text


def test_no_handler_writes_beside_the_filtered_one() -> None:
    assert settings.LOGGING["loggers"]["django"]["handlers"] == []
    assert [h["filters"] for h in settings.LOGGING["handlers"].values()] == [["links"]]
