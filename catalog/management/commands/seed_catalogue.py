from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from catalog.ingest.demo import seed_catalogue


class Command(BaseCommand):
    help = "Charge le catalogue de démonstration. Rejouable sans effet."

    def handle(self, *args: Any, **options: Any) -> None:
        seeded = seed_catalogue()
        self.stdout.write(
            _(
                "Catalogue de démonstration : %(datasets)d bases, %(tables)d tables, "
                "%(variables)d variables ; %(changed)d objets écrits."
            )
            % {
                "datasets": seeded.datasets,
                "tables": seeded.tables,
                "variables": seeded.variables,
                "changed": seeded.changed,
            }
        )
