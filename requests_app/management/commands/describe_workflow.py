"""Print the machines and procedures as Markdown (docs/workflow.md)."""

from typing import Any

from django.core.management.base import BaseCommand

from requests_app.workflow.describe import describe


class Command(BaseCommand):
    help = "Décrit états, actes, procédures et délais en Markdown, d’après ce qui tourne."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(describe(), ending="")
