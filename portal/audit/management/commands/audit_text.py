"""`manage.py audit_text`: rectify or erase the words of an event."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.audit.models import AuditText
from portal.audit.texts import erase, rectify


class Command(BaseCommand):
    help = "Rectify or erase the free text of an audit event; the chain keeps verifying."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", type=UUID)
        parser.add_argument("--by", required=True, help="user name of the person responsible")
        parser.add_argument("--reason", required=True)
        change = parser.add_mutually_exclusive_group(required=True)
        change.add_argument("--text", help="the rectified text")
        change.add_argument("--erase", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["by"], is_active=True).first()
        if person is None:
            raise CommandError(f"no active user {options['by']!r}")
        event, reason = options["event"], options["reason"]
        try:
            if options["erase"]:
                erase(event, by=person, reason=reason)
            else:
                rectify(event, by=person, text=options["text"], reason=reason)
        except AuditText.DoesNotExist as error:
            raise CommandError(f"event {event} has no text") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("done, and recorded")
