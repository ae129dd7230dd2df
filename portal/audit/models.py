"""The log: events, the seals that chain them, and the texts that may be rectified or erased."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .chain import instant


class AuditEvent(models.Model):
    """One thing done, refused or seen. Opaque ids only; insert-only by trigger."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    action = models.CharField(_("action"), max_length=80)
    actor_id = models.UUIDField(_("auteur"), null=True, blank=True)  # None: the system
    on_type = models.CharField(_("nature de l’objet"), max_length=100, blank=True)
    on_id = models.CharField(_("objet"), max_length=64, blank=True)
    about = models.UUIDField(_("dossier"), null=True, blank=True)
    outcome = models.CharField(_("issue"), max_length=32)
    data = models.JSONField(_("données"), default=dict, blank=True)
    text_hash = models.CharField(_("empreinte du texte"), max_length=64, blank=True)
    # One row per person, object and hour for pages; empty everywhere else.
    once_key = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    recorded_at = models.DateTimeField(_("heure réelle"), default=timezone.now)
    legal_at = models.DateTimeField(_("heure légale"))

    class Meta:
        verbose_name = _("événement")
        verbose_name_plural = _("événements")
        ordering = ["-recorded_at", "-id"]
        indexes = [
            models.Index(fields=["about", "recorded_at"], name="audit_event_about"),
            models.Index(fields=["recorded_at"], name="audit_event_recorded"),
            models.Index(fields=["actor_id", "recorded_at"], name="audit_event_actor"),
            models.Index(fields=["on_type", "on_id"], name="audit_event_on"),
            models.Index(fields=["action", "recorded_at"], name="audit_event_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.id}"

    def content(self) -> dict[str, Any]:
        """Everything the seal covers, in the shape of the export."""
        return {
            "id": str(self.id),
            "action": self.action,
            "actor": str(self.actor_id) if self.actor_id else None,
            "on_type": self.on_type,
            "on_id": self.on_id,
            "about": str(self.about) if self.about else None,
            "outcome": self.outcome,
            "data": self.data,
            "text_hash": self.text_hash,
            "once_key": self.once_key,
            "recorded_at": instant(self.recorded_at),
            "legal_at": instant(self.legal_at),
        }


class AuditText(models.Model):
    """Free text of an event, outside the chain: rectified or erased, the event keeps its hash."""

    event = models.OneToOneField(
        AuditEvent, models.PROTECT, primary_key=True, related_name="text", editable=False
    )
    salt = models.CharField(max_length=32, blank=True, editable=False)
    text = models.TextField(_("texte"), blank=True)
    rectified_at = models.DateTimeField(_("rectifié le"), null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(_("effacé le"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("texte du journal")
        verbose_name_plural = _("textes du journal")
        constraints = [
            # Once the text is not the sealed one the salt goes: it would let it be guessed.
            models.CheckConstraint(
                condition=(
                    models.Q(rectified_at__isnull=True, erased_at__isnull=True) & ~models.Q(salt="")
                )
                | (
                    (models.Q(rectified_at__isnull=False) | models.Q(erased_at__isnull=False))
                    & models.Q(salt="")
                ),
                name="audit_text_salt",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True) | models.Q(text=""),
                name="audit_text_erased_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return str(self.event_id)


class AuditSeal(models.Model):
    """A link of the chain: position n covers its event and the hash of position n - 1."""

    position = models.PositiveBigIntegerField(_("position"), primary_key=True)
    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="seal")
    segment = models.DateField(_("journée"), db_index=True)  # UTC day of sealing
    previous = models.CharField(_("empreinte précédente"), max_length=64)
    hash = models.CharField(_("empreinte"), max_length=64, unique=True)
    sealed_at = models.DateTimeField(_("scellé le"), default=timezone.now)

    class Meta:
        verbose_name = _("scellé")
        verbose_name_plural = _("scellés")
        ordering = ["-position"]

    def __str__(self) -> str:
        return f"{self.position} {self.hash[:12]}"


class AuditHead(models.Model):
    """One row: where the chain ends. Locked while sealing: one sealer at a time."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    # Latest `recorded_at` among sealed events: the sealer looks one day behind it, no further.
    sealed_through = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_head_single_row"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.hash[:12]}"
