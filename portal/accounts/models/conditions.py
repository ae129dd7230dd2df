"""Dated facts a person must have before any key is made (A30: training, terms, second factor)."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Training(models.Model):
    """A training followed, recorded with its evidence; valid until a date."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="trainings",
        verbose_name=_("personne"),
    )
    title = models.CharField(_("intitulé"), max_length=200)
    followed_on = models.DateField(_("suivie le"))
    valid_until = models.DateField(_("valable jusqu’au"))
    evidence = models.CharField(_("justificatif"), max_length=200, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("enregistrée par"),
    )
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("formation")
        verbose_name_plural = _("formations")
        ordering = ["-valid_until"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_until__gte=models.F("followed_on")),
                name="training_dates_in_order",
                violation_error_message=_("La fin de validité précède la date de la formation."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.valid_until})"


class TermsAcceptance(models.Model):
    """The terms of use accepted by a person: version and instant."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="terms_acceptances",
        verbose_name=_("personne"),
    )
    version = models.CharField(_("version"), max_length=20)
    accepted_at = models.DateTimeField(_("acceptées le"), auto_now_add=True)

    class Meta:
        verbose_name = _("acceptation des conditions")
        verbose_name_plural = _("acceptations des conditions")
        constraints = [
            models.UniqueConstraint(fields=["user", "version"], name="terms_accepted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.version}"


class DeclarationOfInterests(models.Model):
    """A yearly public declaration of a committee member (A14): address, date, organisations."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="declarations",
        verbose_name=_("personne"),
    )
    declared_on = models.DateField(_("déclarée le"))
    url = models.URLField(_("adresse publique"), blank=True)
    organisations = models.ManyToManyField(
        "accounts.Organisation",
        blank=True,
        related_name="+",
        verbose_name=_("organismes"),
    )

    class Meta:
        verbose_name = _("déclaration d’intérêts")
        verbose_name_plural = _("déclarations d’intérêts")
        ordering = ["-declared_on"]

    def __str__(self) -> str:
        return f"{self.user} – {self.declared_on}"
