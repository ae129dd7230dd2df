"""Print the second-factor code of a demo account."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.training.demo.seed import demo_code


class Command(BaseCommand):
    help = "Affiche le code à six chiffres d’un compte de démonstration."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Cette commande n’existe que dans la démonstration (GUICHET_DEMO=1)."
            )
        try:
            self.stdout.write(demo_code(options["username"]))
        except TOTPDevice.DoesNotExist as error:
            raise CommandError(
                "Ce compte de démonstration n’existe pas, ou n’a pas de second facteur."
            ) from error
