"""Play the main job from search to revoked key; non-zero at the first step that does not hold."""

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

from portal.training.journey import steps  # noqa: F401 - registers the steps
from portal.training.journey.casting import casting
from portal.training.journey.story import STEPS, Story
from portal.training.journey.visitor import StepFailed
from portal.training.process_settings import PortalError
from portal.training.processes import Portal


# What `--real` takes from the test servers' environment, under the portal's own names.
REAL = {
    "DATABASE_URL": "TEST_DATABASE_URL",
    "CELERY_BROKER_URL": "TEST_REDIS_URL",
    "CACHE_URL": "TEST_REDIS_CACHE_URL",
    "SEARCH_URL": "TEST_OPENSEARCH_URL",
    "GUICHET_SANDBOX_RGW_ENDPOINT": "TEST_RGW_ENDPOINT",
    "GUICHET_SANDBOX_RGW_ACCESS_KEY": "TEST_RGW_ACCESS_KEY",
    "GUICHET_SANDBOX_RGW_SECRET_KEY": "TEST_RGW_SECRET_KEY",
}
NOT_PLAYED = 3


@contextlib.contextmanager
def own_database(url: str) -> Iterator[str]:
    """A new PostgreSQL database beside the given one, dropped at the end; its address."""
    name = f"journey_{secrets.token_hex(6)}"
    parts = urlsplit(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


class Command(BaseCommand):
    help = "Joue le parcours complet, de la recherche à la clé retirée, avec ses preuves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="portail déjà démarré (de démonstration)")
        parser.add_argument(
            "--password", default="", help="mot de passe des comptes de démonstration"
        )
        parser.add_argument(
            "--dictionary", default="", help="dossier d’un dictionnaire Table Schema"
        )
        parser.add_argument(
            "--real", action="store_true", help="PostgreSQL, Redis, OpenSearch et RGW (TEST_*)"
        )
        parser.add_argument("--keep", action="store_true", help="garder le dossier temporaire")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.reconfigure(line_buffering=True) if hasattr(
            self.stdout, "reconfigure"
        ) else None
        if options["url"]:
            story = Story(
                url=options["url"],
                portal=None,
                password=options["password"],
                real_dictionary=bool(options["dictionary"]),
            )
            sys.exit(self._play(story))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its portal ends with it
        root = Path(tempfile.mkdtemp(prefix="guichet-journey-"))
        env = {"GUICHET_DEMO": "1", "GUICHET_TRAINING": "1"}
        store = "moto"
        if options["real"]:
            missing = [name for name in REAL.values() if not os.environ.get(name)]
            if missing:
                raise CommandError(f"Serveurs réels : il manque {', '.join(missing)}.")
            env |= {ours: os.environ[theirs] for ours, theirs in REAL.items()}
            own = f"journey-{secrets.token_hex(4)}"
            env |= {"GUICHET_SEARCH_PREFIX": own, "GUICHET_CACHE_PREFIX": own}
            store = "rgw"
        with contextlib.ExitStack() as stack:
            if options["real"]:
                env["DATABASE_URL"] = stack.enter_context(own_database(env["DATABASE_URL"]))
            code = self._on_own_portal(root, env, store=store, options=options)
        sys.exit(code)

    def _on_own_portal(
        self, root: Path, env: dict[str, str], *, store: str, options: dict[str, Any]
    ) -> int:
        """Start a portal in a temporary folder, play, stop it."""
        try:
            with Portal(root, env, store=store, say=self._say) as portal:
                portal.prepare()
                if options["dictionary"]:
                    portal.manage("import_table_schema", options["dictionary"])
                    portal.manage("reindex")
                portal.start()
                story = Story(
                    url=portal.url,
                    portal=portal,
                    password=(root / "demo_password").read_text().strip(),
                    real_dictionary=bool(options["dictionary"]),
                )
                return self._play(story)
        except PortalError as error:
            raise CommandError(str(error)) from error
        finally:
            if options["keep"]:
                self.stdout.write(f"Gardé : {root}")
            else:
                shutil.rmtree(root, ignore_errors=True)

    def _say(self, text: str) -> None:
        self.stdout.write(f"   {text}")

    def _play(self, story: Story) -> int:
        story.seen |= casting(real_dictionary=story.real_dictionary)
        skipped = 0
        started = time.monotonic()
        for one in STEPS:
            if one.needs_portal and story.portal is None:
                self.stdout.write(f"-- {one.number} {one.title} : non joué")
                skipped += 1
                continue
            before = time.monotonic()
            try:
                proof = one.play(story)
            except StepFailed as failure:
                self.stdout.write(f"KO {one.number} {one.title} : {failure}")
                return 1
            self.stdout.write(
                f"OK {one.number} {one.title} : {proof} ({time.monotonic() - before:.1f} s)"
            )
        took = f"{time.monotonic() - started:.0f} s"
        if skipped:
            self.stdout.write(f"Joué en partie, en {took} : {skipped} étapes non jouées.")
            return NOT_PLAYED
        self.stdout.write(f"Parcours tenu en {took}.")
        return 0
