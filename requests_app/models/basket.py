import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Basket(models.Model):
    """What a visitor or a person has chosen in the catalogue; a visitor's is merged at login."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="basket"
    )
    visitor_key = models.CharField(
        max_length=64, unique=True, null=True, blank=True, editable=False
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("sélection")
        verbose_name_plural = _("sélections")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(visitor_key__isnull=False),
                name="basket_has_owner",
            )
        ]

    def __str__(self) -> str:
        return str(self.user or _("visiteur"))


class BasketRow(models.Model):
    """One dataset, or one of its tables with its chosen variables and years."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    basket = models.ForeignKey(Basket, models.CASCADE, related_name="rows")
    dataset = models.ForeignKey("catalog.Dataset", models.CASCADE, related_name="+")
    table = models.ForeignKey(
        "catalog.Table", models.CASCADE, null=True, blank=True, related_name="+"
    )
    variables = models.JSONField(
        default=list, blank=True, help_text="names; empty: all of the table"
    )
    year_from = models.PositiveSmallIntegerField(_("de"), null=True, blank=True)
    year_until = models.PositiveSmallIntegerField(_("à"), null=True, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("ligne de sélection")
        verbose_name_plural = _("lignes de sélection")
        ordering = ["added_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["basket", "table"],
                condition=Q(table__isnull=False),
                name="basket_row_table_once",
            ),
            models.UniqueConstraint(
                fields=["basket", "dataset"],
                condition=Q(table__isnull=True),
                name="basket_row_dataset_once",
            ),
            models.CheckConstraint(
                condition=Q(year_from__isnull=True)
                | Q(year_until__isnull=True)
                | Q(year_until__gte=F("year_from")),
                name="basket_row_years_in_order",
                violation_error_message=_("La dernière année précède la première."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.table or self.dataset)
