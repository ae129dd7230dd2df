"""`manage.py procedure_check FILE…`: every fault of procedures, of forms and of the questions
that lead to them; what is no fault is a note."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import BaseModel

from requests_app.dossier import orientation
from requests_app.procedures import forms, reading, registry
from requests_app.procedures.form import Form
from requests_app.procedures.forms import FormError
from requests_app.procedures.schema import Procedure


class Command(BaseCommand):
    help = (
        "Vérifie des fichiers de procédure, de formulaire ou d’orientation : chaque défaut avec"
        " son fichier, sa place et comment le corriger. Sans fichier : tous ceux que le"
        " portail connaît. Statut 1 s’il y a un défaut."
    )
    # A file at fault is what it is asked about: the start's own check would stop it.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path)

    def handle(self, *_args: Any, files: list[Path], **_options: Any) -> None:
        told: set[str] = set()
        notes: list[str] = []
        for path in files or [*registry.files(), *forms.files(), orientation.file()]:
            found, lines = self._judged(path.resolve())
            for line in lines:
                if line not in told:  # a form's, told with a procedure that names it
                    self.stdout.write(line)
            told.update(lines)
            if found is None or lines:
                continue
            self.stdout.write(f"{path.name}: ok")
            notes += [
                f"{path.name}: note: {place} has no English" for place in reading.notes(found)
            ]
        for line in notes:  # after all that is to mend
            self.stdout.write(line)
        if told:
            raise CommandError(f"{len(told)} fault(s)", returncode=1)

    @staticmethod
    def _judged(path: Path) -> tuple[BaseModel | None, list[str]]:
        """What the file holds, and its faults; a form may stand beside it, in `forms`: a
        procedure is not right while its form is not."""
        of_form: list[str] = []

        def form_of(procedure: Procedure) -> Form:
            beside = path.parent / "forms" / f"{procedure.form}-{procedure.form_version}.toml"
            try:
                return forms.load(beside) if beside.exists() else forms.on_file(procedure)
            except FormError as error:
                of_form.extend(str(error).splitlines())
                raise

        found: BaseModel | None
        if path.name == registry.ORIENTATION:
            found, faults = orientation.judged(path)
            return found, [str(one) for one in faults]
        if reading.is_form(path):
            found, faults = reading.form(path)
            taken = reading.shadowed([path], forms.FOLDER)
        else:
            found, faults = reading.procedure(path, form_of=form_of)
            taken = reading.shadowed([path], registry.FOLDER)
        return found, [*taken, *(str(one) for one in faults), *of_form]
