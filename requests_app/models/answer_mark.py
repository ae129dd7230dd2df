"""What a reader marks on an answer of a frozen version: one mark each, kept from round to round."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AnswerMark(models.Model):
    """A reader's verdict on one answer of one version. Never shown to the applicant's side.

    Each version is a round: the marks of the one before stay with it.
    """

    class Verdict(models.TextChoices):
        FINE = "fine", _("rien à redire")
        UNCLEAR = "unclear", _("à éclaircir")
        TO_MEND = "to_mend", _("à corriger")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(
        "requests_app.RequestVersion", models.PROTECT, related_name="answer_marks"
    )
    path = models.CharField(_("réponse"), max_length=130)  # `section.question` of the form
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    text = models.TextField(_("remarque"), blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("annotation d’une réponse")
        verbose_name_plural = _("annotations des réponses")
        ordering = ["version", "path", "updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "path", "author"],
                name="answer_mark_once",
                violation_error_message=_("Vous avez déjà annoté cette réponse."),
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["fine", "unclear", "to_mend"]),
                name="answer_mark_verdict",
                violation_error_message=_("Ce verdict n’existe pas."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path} – {self.verdict}"
