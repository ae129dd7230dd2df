"""The whole portal on this machine: database, demo data, sandbox and processes, until Ctrl-C."""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.training.process_settings import PortalError
from portal.training.processes import PROJECT, Portal


# What a person may set to put the demonstration on other parts, by the portal's own names.
PASSED_ON = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "SEARCH_URL",
    "EMAIL_URL",
    "GUICHET_STATE_SITE",
    "GUICHET_PROCEDURES",
    "GUICHET_LOG_LEVEL",
)
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUIET_SECONDS = 60  # a process that ends twice within this time is not started a third time


class Command(BaseCommand):
    help = "Prépare et lance le portail de démonstration sur cette machine ; Ctrl-C arrête tout."
    requires_system_checks: list[str] = []  # `prepare()` runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        port = os.environ.get("GUICHET_PORT", "8000")
        parser.add_argument("--port", default=port, help="port de l’adresse locale (8000)")
        parser.add_argument("--store", choices=["moto", "rgw"], default="moto")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in STOPPING:
            signal.signal(number, _interrupt)
        started = time.monotonic()
        root = Path(settings.VAR_DIR)
        env = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
        env |= {k: v for k, v in os.environ.items() if k.startswith("GUICHET_SANDBOX_")}
        env["GUICHET_DEMO"] = "1"
        try:
            port = int(options["port"])
        except ValueError:
            self._give_up(f"« {options['port']} » n’est pas un numéro de port.")
        try:
            with Portal(root, env, port=port, store=options["store"], say=self._say) as portal:
                accounts = portal.prepare()
                portal.no_more_commands()
                portal.start()
                self._welcome(portal, accounts, time.monotonic() - started)
                self._watch(portal)
        except PortalError as error:
            self._give_up(str(error))
        except KeyboardInterrupt:  # the portal has stopped by now
            self.stdout.write("\nArrêté. Tout est gardé : « make demo » reprend où vous en étiez.")

    def _give_up(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(1)

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()

    def _welcome(self, portal: Portal, accounts: str, seconds: float) -> None:
        where = "" if portal.root == PROJECT / "var" else f"GUICHET_VAR={portal.root} "
        code = f"{where}GUICHET_DEMO=1 .venv/bin/python manage.py demo_code COMPTE"
        self.stdout.write(
            f"\n{accounts.rstrip()}\n"
            f"    ({code})\n\n"
            f"Guichet est ouvert (prêt en {seconds:.0f} s) : {portal.url}\n"
            f"Bac à sable Scaleway : {portal.sandbox_url}, stockage S3 : {portal.s3_url}\n"
            f"Journaux : {portal.root / 'log'}\n"
            "Pour arrêter : Ctrl-C."
        )
        self.stdout.flush()

    def _watch(self, portal: Portal) -> None:
        """Start again what ends by itself, as a service manager would; not twice in a row."""
        ended: dict[str, float] = {}
        while True:
            time.sleep(1)
            name = portal.failed()
            if name is None:
                continue
            if time.monotonic() - ended.get(name, -QUIET_SECONDS) < QUIET_SECONDS:
                tail = "\n".join(portal.log(name).splitlines()[-15:])
                raise PortalError(f"Le processus « {name} » s’arrête sans cesse :\n{tail}")
            ended[name] = time.monotonic()
            self.stdout.write(f"Le processus « {name} » s’est arrêté : il est relancé.")
            portal.restart(name)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:  # the terminal is gone: nothing can be written there
        sys.stdout = sys.stderr = Path(os.devnull).open("w")
    for one in STOPPING:  # a second Ctrl-C must not leave processes behind
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt
