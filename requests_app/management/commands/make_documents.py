"""Make the documents of opinions that are missing, those given up included."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from portal.common import sweeps
from requests_app.committee import opinion_document


class Command(BaseCommand):
    help = "Refait les documents d’avis qui manquent, une fois la cause de l’échec levée."

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = opinion_document.try_documents_again()
        made = sweeps.each(
            wanted, opinion_document.write_opinion_document, what="documents of opinions"
        )
        self.stdout.write(
            ngettext("%(count)d document fait.", "%(count)d documents faits.", made)
            % {"count": made}
        )
        if left := len(wanted) - made:
            raise CommandError(
                ngettext(
                    "%(count)d document n’a pas pu être fait : le journal dit pourquoi.",
                    "%(count)d documents n’ont pas pu être faits : le journal dit pourquoi.",
                    left,
                )
                % {"count": left}
            )
