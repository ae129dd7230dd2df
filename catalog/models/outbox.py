from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog import counts


BATCH = 1000


class IndexOutboxQuerySet(models.QuerySet["IndexOutbox"]):
    def announce(self, entries: Iterable[tuple[str, str]]) -> int:
        """Write (kind, key) rows, each once, in the caller's transaction; return their number.

        Whatever changes what is published comes by here: the counts follow, once committed.
        """
        rows = [IndexOutbox(kind=kind, key=key) for kind, key in dict.fromkeys(entries)]
        self.bulk_create(rows, batch_size=BATCH)
        if rows:
            counts.change_once_committed()
        return len(rows)


class IndexOutbox(models.Model):
    """What the search index must take up again, written in the transaction of the change itself.

    The row's number is its order; the indexing task coalesces rows of the same object, then deletes
    those it has served.
    """

    class Kind(models.TextChoices):
        DATASET = "dataset", _("jeu de données")  # with its tables and all its variable names
        BASE = "base", _("jeu de données, seul")
        TABLE = "table", _("table")
        VARIABLE = "variable", _("variable")  # one name, whatever the tables

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("objet"), max_length=8, choices=Kind.choices)
    key = models.CharField(_("clé"), max_length=80)  # an id, or a variable's name in capitals
    created_at = models.DateTimeField(_("écrit le"), auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    not_before = models.DateTimeField(_("pas avant"), null=True, blank=True)
    last_error = models.CharField(_("dernière erreur"), max_length=500, blank=True)

    objects = IndexOutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("mise à jour de l’index")
        verbose_name_plural = _("mises à jour de l’index")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class IndexLease(models.Model):
    """The one row that says who writes the search index, and until when."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    token = models.CharField(max_length=32)
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="index_lease_single_row"),
        ]

    def __str__(self) -> str:
        return f"{self.until}"
