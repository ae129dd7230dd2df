"""`manage.py clock`: legal time, in training."""

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.common import calendar


def spoken(moment: datetime) -> str:
    return moment.astimezone(calendar.PARIS).strftime("%Y-%m-%d %H:%M:%S %Z")


class Command(BaseCommand):
    help = (
        "Show legal time, or move it forward (training only): `clock advance 11d` (also 2h, 30min,"
        " 7wd working days, 2w, 1m, 1y), then run what is due. Each move is recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="legal time and its offset")
        advance = verbs.add_parser("advance", help="move forward, then run what is due")
        advance.add_argument("amount", help="11d, 2h, 30min, 7wd, 2w, 1m or 1y")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "show":
            self._show()
            return
        try:
            moment = calendar.advance_clock(options["amount"])
        except (calendar.NotTraining, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"legal time {spoken(moment)}")
        results = calendar.run_what_is_due()
        for name, failure in results:
            self.stdout.write(f"{name}: {'failed' if failure else 'done'}")
        failed = [name for name, failure in results if failure]
        if failed:
            raise CommandError(f"the clock moved, but failed: {', '.join(failed)} (see the log)")

    def _show(self) -> None:
        offset = calendar.legal_offset()
        ahead = f"{offset} ahead of real time" if offset > timedelta() else "real time"
        self.stdout.write(f"legal time {spoken(calendar.legal_now())} ({ahead})")
