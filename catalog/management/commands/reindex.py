from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from catalog.search.backends.base import SearchUnavailable
from catalog.search.indexing import WriterBusy, rebuild


class Command(BaseCommand):
    help = "Reconstruit l’index de recherche à côté de l’ancien, puis les échange."

    def handle(self, *args: Any, **options: Any) -> None:
        start = monotonic()
        try:
            info = rebuild()
        except WriterBusy as error:
            raise CommandError(_("L’index est en cours d’écriture : réessayez.")) from error
        except SearchUnavailable as error:
            raise CommandError(
                _("L’index ne peut pas être construit (%(why)s).") % {"why": error}
            ) from error
        self.stdout.write(
            _("Index reconstruit : %(count)d documents en %(seconds).1f s.")
            % {"count": info.documents, "seconds": monotonic() - start}
        )
