import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from .base import IndexedModel


class DataHolder(IndexedModel):
    """An organisation in its part of data holder (A5): what it is and whom to ask."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.OneToOneField(
        "accounts.Organisation",
        models.PROTECT,
        related_name="data_holder",
        verbose_name=_("organisme"),
    )
    summary_fr = models.TextField(_("présentation"), blank=True)
    summary_en = models.TextField(_("présentation en anglais"), blank=True)
    contact_email = models.EmailField(_("adresse de contact"), blank=True)
    contact_page = models.URLField(_("page de contact"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    held_elsewhere = ("organisation_id",)

    class Meta:
        verbose_name = _("responsable de données")
        verbose_name_plural = _("responsables de données")
        ordering = ["organisation__name"]

    def __str__(self) -> str:
        return self.organisation.name

    @property
    def name(self) -> str:
        return self.organisation.name

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        if alone:
            return []
        return [("dataset", str(pk)) for pk in self.datasets.values_list("pk", flat=True)]
