"""Import a dictionary of tables and variables written in Table Schema JSON."""

import logging
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.ingest.folder_import import Report, import_folder, write_csv
from catalog.ingest.identifiers import load_rules
from catalog.ingest.profile import load_profile
from catalog.ingest.readers.table_schema import TableSchemaReader
from catalog.models import ImportRun, Variable


logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Importe un dossier de schémas de tables (Table Schema, JSON). Rejouable sans effet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="dossier des fichiers PRODUIT__TABLE.json")
        parser.add_argument("--profile", default="snds", help="description de la source (snds)")
        parser.add_argument("--report", type=Path, help="écrit le compte rendu ligne à ligne (CSV)")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(_("%(folder)s n’est pas un dossier.") % {"folder": folder})
        try:
            profile = load_profile(options["profile"])
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(_("Le profil demandé n’existe pas.")) from error
        reader = TableSchemaReader(code_prefix=profile.code_prefix)
        if not reader.files(folder):
            raise CommandError(_("Aucun fichier .json dans %(folder)s.") % {"folder": folder})
        if options["report"]:
            self._must_be_writable(options["report"])
        try:
            report = import_folder(
                folder, reader=reader, profile=profile, rules=load_rules(), progress=self._progress
            )
        except (ValidationError, DatabaseError) as error:
            logger.exception("import of %s", folder)
            raise CommandError(
                _(
                    "L’import s’est arrêté (%(why)s). Chaque base est faite en entier ou pas du"
                    " tout : corrigez, puis relancez la même commande, qui reprendra là."
                )
                % {"why": " ".join(str(error).split())[:300]}
            ) from error
        if options["report"]:
            write_csv(report, options["report"])
        if report.run.state == ImportRun.State.REFUSED:
            for mistake in report.mistakes:
                self.stderr.write(str(mistake))
            count = len(report.mistakes)
            raise CommandError(
                ngettext(
                    "%(count)d erreur : rien n’a été changé dans le catalogue.",
                    "%(count)d erreurs : rien n’a été changé dans le catalogue.",
                    count,
                )
                % {"count": count}
            )
        self._tell(report)

    @staticmethod
    def _must_be_writable(path: Path) -> None:
        """Said before the import, not after it."""
        try:
            path.touch()
        except OSError as error:
            raise CommandError(
                _("Le compte rendu ne peut pas être écrit dans %(path)s (%(why)s).")
                % {"path": path, "why": error.strerror}
            ) from error

    def _progress(self, phase: str, number: int, total: int, name: str) -> None:
        if not sys.stderr.isatty():
            return
        label = _("Lecture") if phase == "read" else _("Application")
        done = round(30 * number / total)
        bar = "█" * done + "·" * (30 - done)
        end = "\n" if number == total else ""
        # Not in the colour of errors, which is this stream's own.
        line = f"\r\033[K{label} {bar} {number}/{total} {name[:40]}"
        self.stderr.write(line, style_func=str, ending=end)
        self.stderr.flush()

    def _tell(self, report: Report) -> None:
        if report.resumed:
            self.stdout.write(_("Import repris là où il s’était arrêté."))
        counts = report.counts
        self.stdout.write(
            _(
                "%(datasets)d bases ; lignes : %(created)d créées, %(changed)d modifiées, "
                "%(same)d inchangées, %(removed)d retirées, %(skipped)d laissées de côté."
            )
            % {
                "datasets": len(report.datasets),
                "created": counts["created"],
                "changed": counts["changed"],
                "same": counts["same"],
                "removed": counts["removed"],
                "skipped": counts["skipped"],
            }
        )
        for code, lacking in report.unpublished.items():
            if lacking:
                text = _("%(code)s reste non publiée : il manque %(lacking)s.")
            else:
                text = _("%(code)s reste non publiée : publiez-la dans l’administration.")
            self.stdout.write(text % {"code": code, "lacking": lacking})
        self.stdout.write(_("Identifiants potentiels :"))
        for kind in Variable.Identifier:
            self.stdout.write(f"  {kind.label} : {report.identifiers[kind.value]}")
        if report.rules_without_hit:
            self.stdout.write(
                _("Règles sans effet : %(rules)s") % {"rules": ", ".join(report.rules_without_hit)}
            )
