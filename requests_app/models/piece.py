"""Files and the pieces of a request."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def stored_path(instance: "StoredFile", _filename: str) -> str:
    """Stored under the opaque id: the uploaded name never reaches the disk."""
    return f"requests/{instance.request_id}/{instance.pk}"


class StoredFile(models.Model):
    """A file of a request: never overwritten, served only by a view after a rights check."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("requests_app.AccessRequest", models.PROTECT, related_name="files")
    file = models.FileField(upload_to=stored_path, max_length=200)
    name = models.CharField(_("nom"), max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(_("taille en octets"))
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    uploaded_at = models.DateTimeField(auto_now_add=True)
    # Null: nothing referred to it yet. An upload that died leaves it so.
    kept_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("fichier")
        verbose_name_plural = _("fichiers")

    def __str__(self) -> str:
        return self.name


class Piece(models.Model):
    """One piece asked for by the procedure: a file or a reasoned waiver, and the desk's verdict."""

    class Review(models.TextChoices):
        PENDING = "pending", _("à examiner")
        ACCEPTED = "accepted", _("acceptée")
        TO_MEND = "to_mend", _("à corriger")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("requests_app.AccessRequest", models.CASCADE, related_name="pieces")
    code = models.SlugField(max_length=60)  # of the procedure
    file = models.ForeignKey(StoredFile, models.PROTECT, null=True, blank=True, related_name="+")
    waiver_reason = models.TextField(_("motif de dispense"), blank=True)
    review = models.CharField(max_length=8, choices=Review.choices, default=Review.PENDING)
    review_comment = models.TextField(_("commentaire du secrétariat"), blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("pièce")
        verbose_name_plural = _("pièces")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["request", "code"], name="piece_once"),
            models.CheckConstraint(
                condition=Q(file__isnull=True) | Q(waiver_reason=""),
                name="piece_file_or_waiver",
                violation_error_message=_("Joignez la pièce ou motivez la dispense, pas les deux."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.request_id}"
