"""`manage.py sandbox`: a local Scaleway (control plane and S3) for demo, training and tests.

What is secret may also come from the environment, where `ps` does not show it:
`GUICHET_SANDBOX_RGW_ENDPOINT`, `…_RGW_ACCESS_KEY`, `…_RGW_SECRET_KEY`, `…_ADMIN_TOKEN`.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.training.sandbox.server import Options, Sandbox, SandboxBusyError


class Command(BaseCommand):
    help = "Démarre un Scaleway local (plan de contrôle et stockage S3)."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--root", type=Path, required=True, help="dossier de l’état")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="API (0 : un port libre)")
        parser.add_argument("--s3-port", type=int, default=0, help="S3 (0 : un port libre)")
        parser.add_argument("--store", choices=("moto", "rgw"), default="moto")
        for name in ("rgw_endpoint", "rgw_access_key", "rgw_secret_key", "admin_token"):
            default = os.environ.get(f"GUICHET_SANDBOX_{name.upper()}", "")
            note = "active les routes /sandbox/" if name == "admin_token" else "magasin rgw"
            parser.add_argument(f"--{name.replace('_', '-')}", default=default, help=note)

    def handle(self, *args: Any, **options: Any) -> None:
        names = Options.__dataclass_fields__
        given = Options(**{name: value for name, value in options.items() if name in names})
        try:
            sandbox = Sandbox(given)
        except SandboxBusyError as error:
            raise CommandError(f"Un bac à sable tourne déjà sur {given.root}.") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"Le bac à sable ne peut pas démarrer : {error}") from error
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        sandbox.start()
        self.stdout.write(f"READY api={sandbox.api_url} s3={sandbox.s3_url}")
        self.stdout.flush()
        stopped.wait()
        sandbox.stop()
