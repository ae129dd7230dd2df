"""`manage.py audit_export`: the sealed log as JSON lines."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.audit.export import export_lines
from portal.audit.record import record
from portal.audit.seal import seal_pending


class Command(BaseCommand):
    help = (
        "Export the audit log, oldest first, as JSON lines that `python portal/audit/chain.py FILE`"
        " verifies without the database. The export is itself recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=date.fromisoformat, help="first day, YYYY-MM-DD")
        parser.add_argument("--until", type=date.fromisoformat, help="last day, YYYY-MM-DD")
        parser.add_argument(
            "--with-texts", action="store_true", help="add the words (personal data)"
        )
        parser.add_argument("--output", type=Path, help="file to write (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until, texts = options["since"], options["until"], options["with_texts"]
        record(
            "audit.export",
            by=None,
            data={
                "since": since.isoformat() if since else "",
                "until": until.isoformat() if until else "",
                "with_texts": texts,
            },
        )
        seal_pending()
        lines = export_lines(since=since, until=until, with_texts=texts)
        if options["output"] is None:
            for line in lines:
                sys.stdout.write(line + "\n")
            return
        path: Path = options["output"]
        path.touch(mode=0o600)
        with path.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        self.stderr.write(f"written: {path}")
