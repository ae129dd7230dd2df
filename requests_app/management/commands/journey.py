"""Play the main job from search to revoked key; non-zero at the first step that does not hold."""

import os
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.common.process_settings import PortalError
from portal.common.processes import Portal
from requests_app.journey import steps  # noqa: F401 - registers the steps
from requests_app.journey.casting import casting
from requests_app.journey.story import STEPS, Story
from requests_app.journey.visitor import StepFailed


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
        root = Path(tempfile.mkdtemp(prefix="guichet-journey-"))
        env = {"GUICHET_DEMO": "1", "GUICHET_TRAINING": "1"}
        store = "moto"
        if options["real"]:
            missing = [name for name in REAL.values() if not os.environ.get(name)]
            if missing:
                raise CommandError(f"Serveurs réels : il manque {', '.join(missing)}.")
            env |= {ours: os.environ[theirs] for ours, theirs in REAL.items()}
            store = "rgw"
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
                code = self._play(story)
        except PortalError as error:
            raise CommandError(str(error)) from error
        finally:
            if options["keep"]:
                self.stdout.write(f"Gardé : {root}")
            else:
                shutil.rmtree(root, ignore_errors=True)
        sys.exit(code)

    def _say(self, text: str) -> None:
        self.stdout.write(f"   {text}")

    def _play(self, story: Story) -> int:
        story.seen |= casting(real_dictionary=story.real_dictionary)
        skipped = False
        started = time.monotonic()
        for one in STEPS:
            if one.needs_portal and story.portal is None:
                self.stdout.write(f"-- {one.number} {one.title} : non joué")
                skipped = True
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
        self.stdout.write(f"Parcours tenu en {time.monotonic() - started:.0f} s.")
        return NOT_PLAYED if skipped else 0
