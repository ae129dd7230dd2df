import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalog.names import MAX_NAME, validate_name
from catalog.querysets import TableKeyQuerySet, TableQuerySet

from .base import IndexedModel, NameKeyField, Validity, years_are_in_order


class Table(Validity, IndexedModel):
    """A table of a dataset, with the years it holds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(
        "catalog.Dataset",
        models.CASCADE,
        related_name="tables",
        verbose_name=_("base"),
    )
    name = models.CharField(_("nom"), max_length=MAX_NAME, validators=[validate_name])
    name_key = NameKeyField(max_length=MAX_NAME, editable=False)
    label_fr = models.CharField(_("libellé"), max_length=300, blank=True)
    label_en = models.CharField(_("libellé en anglais"), max_length=300, blank=True)
    description = models.TextField(_("description"), blank=True)
    scope_fr = models.CharField(_("champ"), max_length=200, blank=True)
    primary_key = models.JSONField(_("clé primaire"), default=list, blank=True)
    position = models.PositiveIntegerField(_("rang"), default=0)
    removed_at = models.DateTimeField(_("retirée le"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TableQuerySet.as_manager()
    held_elsewhere = ("dataset_id", "name", "label_fr", "removed_at")

    class Meta:
        verbose_name = _("table")
        verbose_name_plural = _("tables")
        ordering = ["dataset", "position", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "name"],
                name="table_name_once",
                violation_error_message=_("Ce jeu de données a déjà une table de ce nom."),
            ),
            years_are_in_order("table_years_in_order", _("La dernière année précède la première.")),
        ]
        indexes = [models.Index(fields=["name_key"], name="table_name_key")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("catalog:table", args=[self.dataset.code, self.name])

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        """Its base tells its name and label, and so does each of its variables."""
        if alone:
            return [("table", str(self.pk))]
        names = self.variables.order_by().values_list("name_key", flat=True).distinct()
        own = [("table", str(self.pk)), ("base", str(self.dataset_id))]
        return own + [("variable", name) for name in names]


class TableKey(models.Model):
    """A link between two tables: the variables of one that refer to variables of the other."""

    table = models.ForeignKey(
        Table,
        models.CASCADE,
        related_name="keys",
        verbose_name=_("table"),
    )
    variables = models.JSONField(_("variables"))
    target_table = models.ForeignKey(
        Table,
        models.CASCADE,
        related_name="referring_keys",
        verbose_name=_("table visée"),
    )
    target_variables = models.JSONField(_("variables visées"))
    note = models.CharField(_("remarque"), max_length=300, blank=True)

    objects = TableKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("clé entre tables")
        verbose_name_plural = _("clés entre tables")
        ordering = ["table", "target_table", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "target_table", "variables", "target_variables"],
                name="table_key_once",
                violation_error_message=_("Cette clé existe déjà."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.table} ({', '.join(self.variables)}) → {self.target_table}"
