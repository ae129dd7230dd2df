from django.db import models
from django.utils.translation import gettext_lazy as _


class VocabularyTerm(models.Model):
    """A term of a controlled list (health category, theme…), HealthDCAT-AP's included."""

    scheme = models.SlugField(_("liste"), max_length=60)
    code = models.CharField(_("code"), max_length=80)
    uri = models.URLField(_("adresse du concept"), max_length=300, blank=True)
    label_fr = models.CharField(_("libellé"), max_length=300)
    label_en = models.CharField(_("libellé en anglais"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("terme de vocabulaire")
        verbose_name_plural = _("termes de vocabulaire")
        ordering = ["scheme", "label_fr"]
        constraints = [
            models.UniqueConstraint(
                fields=["scheme", "code"],
                name="vocabulary_term_once",
                violation_error_message=_("Ce code existe déjà dans cette liste."),
            )
        ]

    def __str__(self) -> str:
        return self.label_fr
