"""Grant a role from the command line: how the first administrator comes to be."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts import role_grants
from portal.accounts.models import Organisation, Role, User


class Command(BaseCommand):
    help = "Grant a role to a person (the first administrator; others are granted in the admin)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--scope", help="code of the organisation, for a role that has one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            person = User.objects.get(username=options["username"])
            scope = Organisation.objects.get(code=options["scope"]) if options["scope"] else None
            assignment = role_grants.grant(
                to=person, role=Role(options["role"]), by=None, scope=scope
            )
        except User.DoesNotExist as error:
            raise CommandError(f"Aucune personne nommée {options['username']!r}.") from error
        except Organisation.DoesNotExist as error:
            raise CommandError(f"Aucun organisme de code {options['scope']!r}.") from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(str(assignment))
