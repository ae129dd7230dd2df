"""Known secrets are looked for wherever they must not be: logs, rows, task arguments, pages."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.apps import apps
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

from requests_app.models import Credential, Grant, Workspace
from requests_app.provisioning import custody, reveal, workspaces
from requests_app.provisioning.worker import keys, tasks
from tests.support.client import client_for

from . import world
from .live import Live


pytestmark = pytest.mark.django_db(transaction=True)
Play = Callable[..., Workspace]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[str]:
    """Every secret of this run: the provider's, as they come in, and the rings of custody."""
    found = [*settings.CUSTODY_KEYS, *settings.PROBE_KEYS]
    real = custody.seal

    def seal(secret: str, **options: Any) -> bytes:
        found.append(secret)
        return real(secret, **options)

    monkeypatch.setattr(keys.custody, "seal", seal)
    return found


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that any library would write at its most talkative, tracebacks included."""
    caplog.set_level(logging.DEBUG)
    formatter = logging.Formatter("%(name)s %(message)s")
    return lambda: "\n".join(formatter.format(record) for record in caplog.records)


def rows() -> str:
    """Every column of every row of every table, ciphertexts too."""
    return "\n".join(
        str([bytes(v) if isinstance(v, memoryview) else v for v in row])
        for model in apps.get_models()
        for row in model._default_manager.values_list()
    )


def absent(secrets: list[str], text: str, where: str) -> None:
    assert text, where
    assert not [secret[:4] for secret in secrets if secret in text], where


def test_no_secret_in_logs_rows_or_task_arguments(
    live: Live, play: Play, made: list[str], everything_logged: Callable[[], str]
) -> None:
    made += [live.config.secret_key]
    live.fault("lost", face="api", method="POST", path="/api-keys", times=1)
    live.fault("unavailable", times=3, every=5)
    workspace = play(world.study())
    grant = workspace.grants.get()
    assert grant.state == "open"
    live.fault("status", face="api", method="DELETE", path="/api-keys", status=500, times=1)
    reveal.rotate(grant, by=grant.person)
    play(workspace)
    reveal.reveal(grant, by=grant.person)
    published: list[Any] = []

    def keep(body: Any = None, headers: Any = None, **_rest: Any) -> None:
        published.append((body, headers))

    before_task_publish.connect(keep)
    try:
        tasks.reconcile.apply_async((str(workspace.pk),), retry=False)
    finally:
        before_task_publish.disconnect(keep)
    world.close(grant)
    play(workspace)
    assert len(made) >= 2 + 1 + 3  # rings, the portal's, two of the person and the probe's
    absent(made, everything_logged(), "logs")
    absent(made, rows(), "rows")
    absent(made, str(published), "task arguments")
    assert not Credential.objects.filter(ciphertext__isnull=False).exists()  # all wiped


def test_a_worker_that_breaks_on_a_key_says_no_secret(
    live: Live,
    play: Play,
    made: list[str],
    everything_logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worst place for a mistake of ours: with the new secret in hand."""
    workspace = world.study()

    def broken(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("not ours to show")

    monkeypatch.setattr(keys, "_audit", broken)
    with pytest.raises(RuntimeError):
        play(workspace)
    logging.getLogger("celery").error("task failed", exc_info=True)
    workspace.refresh_from_db()
    assert workspace.failure_code == "internal"
    assert len(made) >= 3
    absent(made, everything_logged(), "logs")
    absent(made, rows(), "rows")


@pytest.fixture
def opened(live: Live, play: Play, made: list[str]) -> Grant:
    return play(world.study()).grants.get()


def test_a_page_that_breaks_on_the_key_shows_no_secret(
    opened: Grant, made: list[str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The error page, and the report that goes to whoever mends (frames and their variables)."""
    settings.DEBUG = False
    client: Client = client_for(opened.person, verified=True)
    client.raise_request_exception = False
    reports: list[str] = []

    def broken(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("a template that breaks")

    def report(request: Any) -> None:
        kind, error, trace = sys.exc_info()
        reporter = ExceptionReporter(request, kind, error, trace)
        reports.extend([reporter.get_traceback_html(), reporter.get_traceback_text()])

    def failing_render(request: Any, *_args: Any, **_options: Any) -> None:
        try:
            broken()
        except RuntimeError:
            report(request)
            raise

    monkeypatch.setattr("requests_app.counter.pages.applicant.my_access.render", failing_render)
    answer = client.post(reverse("requests_app:reveal_key", args=[opened.pk]))
    assert answer.status_code == 500
    absent(made, answer.content.decode(), "the error page")
    assert len(reports) == 2
    for text in reports:
        absent(made, text, "the report")
    report(RequestFactory().get("/"))  # outside an error it has nothing to say
    assert workspaces.retry(opened.workspace, by=opened.person) == 0


def test_the_key_is_on_its_page_only(opened: Grant, made: list[str]) -> None:
    client = client_for(opened.person, verified=True)
    shown = client.post(reverse("requests_app:reveal_key", args=[opened.pk]))
    secret = next(s for s in made if s in shown.content.decode())
    assert "no-store" in shown["Cache-Control"]
    assert secret not in str(shown.cookies) + str(dict(client.session))
    again = client.post(reverse("requests_app:reveal_key", args=[opened.pk]), follow=True)
    mine = client.get(reverse("requests_app:my_access"))
    for page in (again, mine):
        assert secret not in page.content.decode()
