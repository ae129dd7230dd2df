"""`manage.py audit_retain`: drop the days that have reached their term."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.audit.retention import ChainBroken, drop_before, limit


class Command(BaseCommand):
    help = (
        "Drop whole days of the audit log older than GUICHET_AUDIT_RETENTION_DAYS (at least 365)."
        " Triggers are lifted inside one transaction that also records what was dropped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="drop; otherwise say what would be")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = limit()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if day is None:
            self.stdout.write("GUICHET_AUDIT_RETENTION_DAYS is not set: everything is kept")
            return
        if not options["yes"]:
            self.stdout.write(f"days before {day} would be dropped: export them, then add --yes")
            return
        try:
            dropped = drop_before(day)
        except ChainBroken as error:
            raise CommandError(f"nothing dropped, the chain does not hold: {error}") from error
        if dropped is None:
            self.stdout.write(f"nothing sealed before {day}")
        else:
            self.stdout.write(
                f"{dropped.events} event(s) sealed before {day} dropped,"
                f" up to position {dropped.last_position}"
            )
