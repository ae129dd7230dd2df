"""What one administrator alone may not do to an account, and where its owner still hears of it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .role import Role, RoleAssignment


class FormerEmail(models.Model):
    """An address that was a person's: for a time what touches their account is told there too."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="former_emails",
        verbose_name=_("personne"),
    )
    email = models.EmailField(_("ancienne adresse"))
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("changée par"),
    )
    ended_at = models.DateTimeField(_("jusqu’au"), default=timezone.now)

    class Meta:
        verbose_name = _("ancienne adresse")
        verbose_name_plural = _("anciennes adresses")
        ordering = ["-ended_at"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.ended_at:%d/%m/%Y}"


class FactorResetQuerySet(models.QuerySet["FactorReset"]):
    def with_standing(self) -> "FactorResetQuerySet":
        """Whether who proposed is still the administrator they were when they proposed."""
        held = RoleAssignment.objects.active().filter(
            user=OuterRef("proposed_by"),
            user__is_active=True,
            role=Role.ADMINISTRATOR,
            granted_at__lte=OuterRef("created_at"),
        )
        return self.annotate(proposer_stands=Exists(held))

    def open(self) -> "FactorResetQuerySet":
        return self.with_standing().filter(
            confirmed_at=None,
            cancelled_at=None,
            expires_at__gt=timezone.now(),
            proposer_stands=True,
        )


class FactorReset(models.Model):
    """Proposed by one administrator, done by another: the second factor of who holds powers."""

    class State(models.TextChoices):
        OPEN = "open", _("à confirmer")
        CONFIRMED = "confirmed", _("confirmée")
        CANCELLED = "cancelled", _("annulée")
        LAPSED = "lapsed", _("sans suite")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="factor_resets",
        verbose_name=_("personne concernée"),
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("proposée par"),
    )
    reason = models.TextField(_("motif"))
    created_at = models.DateTimeField(_("proposée le"), default=timezone.now)
    expires_at = models.DateTimeField(_("à confirmer avant le"))
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmée par"),
    )
    confirmed_at = models.DateTimeField(_("confirmée le"), null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("annulée par"),
    )
    cancelled_at = models.DateTimeField(_("annulée le"), null=True, blank=True)

    objects = FactorResetQuerySet.as_manager()

    class Meta:
        verbose_name = _("réinitialisation de second facteur")
        verbose_name_plural = _("réinitialisations de second facteur")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(confirmed_at=None, cancelled_at=None),
                name="factor_reset_one_open",
                violation_error_message=_("Une réinitialisation est déjà proposée."),
            ),
            models.CheckConstraint(
                condition=~Q(proposed_by=F("user")),
                name="factor_reset_not_by_its_person",
                violation_error_message=_("On ne propose pas pour soi-même."),
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None)
                | (~Q(confirmed_by=F("proposed_by")) & ~Q(confirmed_by=F("user"))),
                name="factor_reset_second_person",
                violation_error_message=_("Un autre administrateur doit confirmer."),
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmed_by=None)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False, cancelled_at=None),
                name="factor_reset_confirmed_or_not",
                violation_error_message=_("Une réinitialisation est confirmée ou annulée."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.created_at:%d/%m/%Y}"

    @property
    def state(self) -> "FactorReset.State":
        """For a row read by `with_standing()`."""
        if self.confirmed_at:
            return self.State.CONFIRMED
        if self.cancelled_at:
            return self.State.CANCELLED
        stands = getattr(self, "proposer_stands", True)
        return self.State.OPEN if stands and self.expires_at > timezone.now() else self.State.LAPSED
