import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ReasonedAccess(models.Model):
    """An administrator's look at one file, for a written reason and a short time; logged."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("personne"),
    )
    request = models.ForeignKey(
        "requests_app.AccessRequest", models.CASCADE, related_name="reasoned_accesses"
    )
    reason = models.TextField(_("motif"))
    granted_at = models.DateTimeField(_("ouverte le"))  # real time
    expires_at = models.DateTimeField(_("jusqu’au"))  # real time

    class Meta:
        verbose_name = _("consultation motivée")
        verbose_name_plural = _("consultations motivées")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(reason=""),
                name="reasoned_access_has_reason",
                violation_error_message=_("Indiquez le motif de la consultation."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} – {self.request_id}"
