from django.db import models
from django.utils.translation import gettext_lazy as _


class NumberSeries(models.Model):
    """The last number given in a series (`request-2027`); its row is locked while one is given."""

    code = models.SlugField(_("série"), max_length=40, primary_key=True)
    last = models.PositiveIntegerField(_("dernier numéro"), default=0)

    class Meta:
        verbose_name = _("série de numéros")
        verbose_name_plural = _("séries de numéros")

    def __str__(self) -> str:
        return f"{self.code} {self.last}"
