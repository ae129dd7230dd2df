"""`manage.py audit_verify`: does the log still hold?"""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.audit.chain import main as verify_file
from portal.audit.verify import UNSEALED_AFTER, verify
from portal.common.digits import is_digits


def position_and_hash(text: str) -> tuple[int, str]:
    position, separator, digest = text.partition(":")
    if not separator or not is_digits(position) or len(digest) != 64:
        raise argparse.ArgumentTypeError("expected POSITION:HASH, as the daily log writes it")
    return int(position), digest


class Command(BaseCommand):
    help = (
        "Verify the audit chain, its texts and triggers. Exit code 0: it holds; 1: the first"
        " broken, missing or reordered link is named; 2: it holds, but events wait for their seal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--expect", type=position_and_hash, help="a head read in the daily log")
        parser.add_argument("--file", type=Path, help="verify an export")
        parser.add_argument("--all", action="store_true", help="name every fault")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"]:
            if code := verify_file([str(options["file"])]):
                sys.exit(code)
            return
        report = verify(expect=options["expect"])
        for fault in report.faults if options["all"] else report.faults[:1]:
            self.stdout.write(str(fault))
        if report.unsealed:
            minutes = int(UNSEALED_AFTER.total_seconds() // 60)
            self.stdout.write(
                f"{report.unsealed} event(s) unsealed for {minutes} minutes,"
                f" the first is {report.first_unsealed}: is the worker running?"
            )
        self.stdout.write(
            f"{report.links} links verified, head {report.head} at position {report.position}"
        )
        if report.faults:
            raise CommandError(f"{len(report.faults)} fault(s) in the audit chain", returncode=1)
        if report.unsealed:
            raise CommandError("events wait for their seal", returncode=2)
