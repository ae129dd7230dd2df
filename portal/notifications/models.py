"""Messages: written in the transaction of the act they announce, sent later by a task."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Message(models.Model):
    """One mail to one address, and its copy in the portal."""

    class State(models.TextChoices):
        PENDING = "pending", _("à envoyer")
        SENDING = "sending", _("en cours d’envoi")
        SENT = "sent", _("envoyé")
        FAILED = "failed", _("en échec")
        SKIPPED = "skipped", _("non envoyé")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(_("nature"), max_length=80)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("destinataire"),
    )
    # For somebody without an account; otherwise the address used, written when sent.
    address = models.EmailField(_("adresse"), blank=True)
    subject = models.CharField(_("objet"), max_length=300)
    body = models.TextField(_("texte"))
    about = models.UUIDField(_("dossier"), null=True, blank=True)
    # Holds a link that acts by itself: never shown in the portal, its text wiped once sent, failed
    # for good, or when the link has ended, whatever became of the message.
    sensitive = models.BooleanField(default=False, editable=False)
    expires_at = models.DateTimeField(_("expire le"), null=True, blank=True, editable=False)
    once_key = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("écrit le"), default=timezone.now)
    send_after = models.DateTimeField(_("à envoyer après"), default=timezone.now)
    state = models.CharField(_("état"), max_length=8, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(_("essais"), default=0)
    last_error = models.CharField(_("dernière erreur"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("envoyé le"), null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease = models.PositiveIntegerField(
        default=0, editable=False
    )  # generation: an old worker is late

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["send_after"],
                condition=Q(state__in=["pending", "sending"]),
                name="message_to_send",
            ),
            models.Index(fields=["recipient", "-created_at"], name="message_recipient"),
            models.Index(fields=["state", "-created_at"], name="message_state"),
            models.Index(
                fields=["expires_at"],
                condition=Q(sensitive=True) & ~Q(body=""),
                name="message_to_wipe",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "sending", "sent", "failed", "skipped"]),
                name="message_state_known",
            ),
            models.CheckConstraint(
                condition=Q(recipient__isnull=False) | ~Q(address=""),
                name="message_has_recipient",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", lease_until__isnull=False)
                | (~Q(state="sending") & Q(lease_until__isnull=True)),
                name="message_lease",
            ),
            models.CheckConstraint(
                condition=Q(sensitive=False) | Q(expires_at__isnull=False),
                name="message_link_expires",
                violation_error_message=_("Un message qui porte un lien dit quand il expire."),
            ),
        ]

    def __str__(self) -> str:
        # Never the subject: it may hold the title of a request, and lists name messages.
        return f"{self.code} {self.created_at:%d/%m/%Y}"
