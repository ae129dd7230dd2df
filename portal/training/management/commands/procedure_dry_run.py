"""`manage.py procedure_dry_run CODE`: a procedure played by made-up people, far from any real
row."""

import json
import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.common.calendar import PARIS
from portal.training.process_settings import environment_of
from portal.training.rehearsal.report import as_text
from requests_app.procedures import registry
from requests_app.procedures.schema import Procedure


# Days for which legal time is known: public holidays, and years that a screen can hold.
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)


class Command(BaseCommand):
    help = (
        "Joue une procédure du dépôt à chacune de ses fins, avec des personnes inventées et sur une"
        " base temporaire : étapes, échéances, silences, courriels, accès. Rien du portal n’est lu"
        " ni écrit, rien n’est envoyé. Statut 1 si un parcours ne peut pas finir."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="celui du fichier ; CODE-VERSION pour une version")
        parser.add_argument("--from", dest="day", default="", help="jour du dépôt (2027-01-31)")
        parser.add_argument("--json", action="store_true", help="pour un programme")

    def handle(self, *_args: Any, code: str, day: str, **options: Any) -> None:
        asked = _day(day)
        procedure = chosen(code, asked)
        start = asked or first_day(procedure)
        data = _played(procedure, start)
        if options["json"]:
            self.stdout.write(json.dumps(data, ensure_ascii=False, indent=1))
        else:
            self.stdout.write("\n".join(as_text(data)))
        if data["faults"]:
            raise CommandError(f"{data['faults']} blocage(s)", returncode=1)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"« {text} » n’est pas un jour : écrivez-le ainsi, 2027-01-31."
        ) from None
    if not FIRST <= day <= LAST:
        raise CommandError(f"Choisissez un jour entre le {FIRST} et le {LAST}.")
    return day


def chosen(code: str, day: date | None) -> Procedure:
    """Among those on file: the version valid that day, the last one without a day."""
    known = registry.everything()
    named = [one for one in known if code in {one.code, f"{one.code}-{one.version}"}]
    if not named:
        codes = ", ".join(sorted({one.code for one in known}))
        raise CommandError(f"Aucune procédure « {code} ». Celles du portail : {codes}.")
    valid = [one for one in named if day is None or one.is_valid_on(day)]
    if not valid:
        raise CommandError(
            f"La procédure « {code} » ne se demande pas le {day}. Validité : "
            + ", ".join(f"{one.valid_from} – {one.valid_until or '…'}" for one in named)
        )
    return max(valid, key=lambda one: one.version)


def first_day(procedure: Procedure) -> date:
    """Today, or the nearest day on which it may be asked for."""
    today = max(datetime.now(PARIS).date(), procedure.valid_from)
    return min(today, procedure.valid_until) if procedure.valid_until else today


def environment(folder: Path) -> dict[str, str]:
    """Of a process that has neither this portal's database, nor its addresses, nor its keys."""
    passed = {"GUICHET_PROJECT_SPACES": "1" if settings.PROJECT_SPACES else ""}
    if settings.PROCEDURES_FOLDER:
        passed["GUICHET_PROCEDURES"] = str(Path(settings.PROCEDURES_FOLDER).resolve())
    return environment_of("worker", passed, root=folder, url=settings.PUBLIC_URL)


def _unwind(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _played(procedure: Procedure, day: date) -> dict[str, Any]:
    # The process started reads a pipe that ends with this one, however this one ends: nothing goes
    # on alone. A TERM unwinds as a Ctrl-C does, so that the folder goes too.
    reads, held = os.pipe()
    before = signal.signal(signal.SIGTERM, _unwind)
    try:
        with TemporaryDirectory(prefix="guichet-essai-") as folder:
            done = subprocess.run(  # noqa: S603 - our own module
                [
                    *(sys.executable, "-m", "portal.training.rehearsal"),
                    *(procedure.code, str(procedure.version), day.isoformat()),
                ],
                env=environment(Path(folder)),
                cwd=settings.BASE_DIR,
                stdin=reads,
                capture_output=True,
                text=True,
                check=False,
            )
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(reads)
        os.close(held)
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise CommandError(f"La procédure n’a pas pu être jouée :\n{tail}")
    data: dict[str, Any] = json.loads(done.stdout)
    return data
