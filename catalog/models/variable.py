import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalog.names import MAX_NAME, key_of, validate_name
from catalog.querysets import VariableQuerySet

from .base import IndexedModel, NameKeyField, Validity, years_are_in_order


class Variable(Validity, IndexedModel):
    """A variable of a table. It has a validity period, not only a type (C15)."""

    class DataType(models.TextChoices):  # types of Table Schema that the dictionaries use
        STRING = "string", _("texte")
        INTEGER = "integer", _("entier")
        NUMBER = "number", _("nombre")
        BOOLEAN = "boolean", _("booléen")
        DATE = "date", _("date")
        DATETIME = "datetime", _("date et heure")
        YEAR = "year", _("année")
        YEARMONTH = "yearmonth", _("année et mois")

    class Identifier(models.TextChoices):
        """The five potential identifiers of the SNDS (A22); each file limits and justifies them."""

        BIRTH_MONTH = "birth_month", _("mois et année de naissance")
        RESIDENCE_COMMUNE = "residence_commune", _("commune de résidence")
        CARE_DATE = "care_date", _("date exacte de soins")
        DEATH_DATE = "death_date", _("date exacte de décès")
        DEATH_COMMUNE = "death_commune", _("commune de décès")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    table = models.ForeignKey(
        "catalog.Table",
        models.CASCADE,
        related_name="variables",
        verbose_name=_("table"),
    )
    name = models.CharField(_("nom"), max_length=MAX_NAME, validators=[validate_name])
    name_key = NameKeyField(max_length=MAX_NAME, editable=False)
    label_fr = models.CharField(_("libellé"), max_length=500, blank=True)
    label_en = models.CharField(_("libellé en anglais"), max_length=500, blank=True)
    description = models.TextField(_("description"), blank=True)
    data_type = models.CharField(
        _("type"), max_length=12, choices=DataType.choices, default=DataType.STRING
    )
    length = models.CharField(_("longueur"), max_length=20, blank=True)
    nomenclature = models.CharField(_("nomenclature"), max_length=120, blank=True)
    rule = models.TextField(_("règle de gestion"), blank=True)
    identifier = models.CharField(
        _("identifiant potentiel"), max_length=20, choices=Identifier.choices, blank=True
    )
    position = models.PositiveIntegerField(_("rang"), default=0)
    removed_at = models.DateTimeField(_("retirée le"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = VariableQuerySet.as_manager()

    class Meta:
        verbose_name = _("variable")
        verbose_name_plural = _("variables")
        ordering = ["table", "position", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "name"],
                name="variable_name_once",
                violation_error_message=_("Cette table a déjà une variable de ce nom."),
            ),
            years_are_in_order(
                "variable_years_in_order", _("La dernière année précède la première.")
            ),
        ]
        indexes = [models.Index(fields=["name_key"], name="variable_name_key")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("catalog:variable", args=[self.name])

    @property
    def is_potential_identifier(self) -> bool:
        return bool(self.identifier)

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        return [("variable", key_of(self.name)), ("table", str(self.table_id))]
