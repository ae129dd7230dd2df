"""Load the demonstration: catalogue, people, files. Safe to run again."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal.training.demo.files import seed_files
from portal.training.demo.seed import demo_password, seed_people


class Command(BaseCommand):
    help = "Charge catalogue, comptes et dossiers de démonstration. Sans effet s’ils y sont."

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEMO or settings.TRAINING):
            raise CommandError("Les données de démonstration demandent GUICHET_DEMO=1.")
        call_command("seed_catalogue", verbosity=options["verbosity"], stdout=self.stdout)
        accounts = seed_people()
        width = max(len(account.username) for account in accounts)
        if made := seed_files():
            self.stdout.write(f"Dossiers de démonstration : {made}.")
        self.stdout.write("Comptes de démonstration :")
        for account in accounts:
            self.stdout.write(f"  {account.username:<{width}}  {account.who}")
        self.stdout.write(f"Mot de passe de tous ces comptes : {demo_password()}")
        self.stdout.write("Code du second facteur : manage.py demo_code <compte>")
