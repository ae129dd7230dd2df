from django.db import models


class NumberSeries(models.Model):
    """The last number given in a series (`request-2027`); its row is locked while one is given."""

    code = models.SlugField(max_length=40, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "série de numéros"
        verbose_name_plural = "séries de numéros"

    def __str__(self) -> str:
        return f"{self.code} {self.last}"
