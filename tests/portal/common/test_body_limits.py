"""How much a request may send: refused from its length, before a byte of it is read or written."""

import io
import json
import tempfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.common.body_limits import ANONYMOUS_BYTES, MIB, SIGNED_IN_BYTES
from tests.support.client import client_for, page_text
from tests.support.people import a_person


pytestmark = pytest.mark.django_db
HANDLER = BaseHandler()
HANDLER.load_middleware()  # no signals: they would close the test's database
MULTIPART = "multipart/form-data; boundary=xx"
# Every view that takes a file; another one declares its limit and joins this list.
TAKES_FILES = {"draft_piece", "sign", "request_act", "stage_act", "close_task", "correct_act"}


class Counted(io.RawIOBase):
    """An endless multipart body that counts what is read of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.head = b'--xx\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'

    def read(self, size: int = -1) -> bytes:
        size = 65536 if size is None or size < 0 else size
        start, self.head = self.head[:size], self.head[size:]
        self.taken += size
        return start + b"x" * (size - len(start))


def send(
    path: str, length: object, *, cookies: str = "", kind: str = MULTIPART, **extra: Any
) -> tuple[int, bytes, int]:
    """Status, body and bytes read of a POST, as a WSGI server would hand it over."""
    body = Counted()
    environ = RequestFactory().post(path).environ
    environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": kind}
    environ |= {"HTTP_COOKIE": cookies} | extra
    answer = HANDLER.get_response(WSGIRequest(environ))
    assert isinstance(answer, HttpResponse)
    return answer.status_code, answer.content, body.taken


def session_of(user: Any) -> str:
    return f"sessionid={client_for(user).cookies['sessionid'].value}"


@pytest.fixture
def no_files_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", refuse)


@pytest.mark.usefixtures("no_files_written")
@pytest.mark.parametrize("path", ["/compte/connexion/", "/admin/login/", "/", "/dossiers/"])
@pytest.mark.parametrize("cookies", ["", "sessionid=0123456789abcdef0123456789abcdef; csrftoken=x"])
def test_nobody_sends_300_mib_anywhere(path: str, cookies: str) -> None:
    status, content, read = send(path, 300 * MIB, cookies=cookies)
    assert (status, read) == (413, 0)
    assert "64 Ko" in content.decode()


def test_what_fits_is_read_as_before() -> None:
    token = f"csrftoken={'x' * 32}"
    status, _content, read = send("/compte/connexion/", ANONYMOUS_BYTES, cookies=token)
    assert status == 403  # no token: the CSRF check has read the form
    assert 0 < read <= ANONYMOUS_BYTES
    assert send("/compte/connexion/", ANONYMOUS_BYTES + 1)[0] == 413


@pytest.mark.usefixtures("no_files_written")
def test_a_signed_in_person_sends_a_form_and_no_more() -> None:
    cookies = session_of(a_person("alix"))
    status, content, read = send("/mes-demandes/", SIGNED_IN_BYTES + 1, cookies=cookies)
    assert (status, read) == (413, 0)
    assert "dépasse 1 Mo" in content.decode()
    assert "raccourcissez vos textes" in content.decode()
    status, _content, _read = send("/mes-demandes/", ANONYMOUS_BYTES + 1, cookies=cookies)
    assert status != 413


def test_an_upload_has_the_limit_of_its_view(settings: Any) -> None:
    cookies = session_of(a_person("alix"))
    path = reverse("requests_app:draft_piece", args=["00000000-0000-0000-0000-000000000007", "x"])
    limit = settings.PIECE_MAX_BYTES + SIGNED_IN_BYTES
    status, content, read = send(path, limit + 1, cookies=cookies)
    assert (status, read) == (413, 0)
    assert "dépasse 25 Mo" in content.decode()
    assert "Réduisez le fichier" in content.decode()
    assert send(path, limit + 1)[0] == 413
    assert send(path, ANONYMOUS_BYTES + 1)[0] == 413  # before login: as anywhere


@pytest.mark.parametrize("length", ["", "-1", "abc", "10"])
def test_a_length_that_lies_lets_no_more_through(length: str) -> None:
    token = f"csrftoken={'x' * 32}"
    status, _content, read = send("/compte/connexion/", length, cookies=token)
    assert status in {400, 403}  # no form there, or no token in it
    assert read <= 10


def test_a_body_without_a_length_is_refused_unread() -> None:
    status, content, read = send("/compte/connexion/", "", HTTP_TRANSFER_ENCODING="chunked")
    assert (status, read) == (411, 0)
    assert "ne dit pas sa taille" in content.decode()


def test_the_api_reads_nothing_of_what_is_sent() -> None:
    for length, expected in ((1, 405), (ANONYMOUS_BYTES + 1, 413)):
        status, content, read = send("/api/v1/datasets/", length, kind="application/json")
        assert (status, read) == (expected, 0)
        assert json.loads(content)["status"] == expected


def test_the_administration_has_no_larger_forms() -> None:
    cookies = session_of(a_person("alix"))
    assert send("/admin/accounts/user/", SIGNED_IN_BYTES + 1, cookies=cookies)[2] == 0


def test_a_saving_form_is_told_in_its_own_words() -> None:
    cookies = session_of(a_person("alix"))
    _status, content, _read = send(
        "/mes-demandes/", SIGNED_IN_BYTES + 1, cookies=cookies, HTTP_X_AUTOSAVE="1"
    )
    assert content.startswith(b'{"error": ')


def test_too_many_fields_or_files_are_told_on_a_page(settings: Any) -> None:
    client = client_for(a_person("alix"), enforce_csrf_checks=True)  # the first to read the form
    client.cookies["csrftoken"] = "x" * 32
    path = reverse("accounts:logout")
    many = "&".join(f"a{n}=1" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1))
    fields = client.post(path, many, content_type="application/x-www-form-urlencoded")
    files = client.post(
        path,
        {f"f{n}": SimpleUploadedFile(f"{n}.txt", b"x")
         for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1)},
    )  # fmt: skip
    for answer in (fields, files):
        assert answer.status_code == 413
        assert "trop de champs ou de fichiers" in page_text(answer)


def test_the_views_that_take_files_are_known() -> None:
    def views(patterns: list[Any]) -> Any:
        for one in patterns:
            if isinstance(one, URLResolver):
                yield from views(one.url_patterns)
            elif isinstance(one, URLPattern) and hasattr(one.callback, "max_file_bytes"):
                yield one.name

    assert set(views(get_resolver().url_patterns)) == TAKES_FILES
