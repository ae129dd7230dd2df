import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class EmailLinkQuerySet(models.QuerySet["EmailLink"]):
    def usable(self) -> "EmailLinkQuerySet":
        return self.filter(used_at__isnull=True, expires_at__gt=timezone.now())


class EmailLink(models.Model):
    """A link sent to an address to prove that its reader receives mail there; used once.

    Only the hash of the link is stored. Nothing of the person but the address exists before it is
    opened: an account is made by its owner, from the link.
    """

    class Purpose(models.TextChoices):
        REGISTER = "register", _("création de compte")
        CHANGE = "change", _("changement d’adresse")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    email = models.EmailField(_("adresse"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = EmailLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("lien de confirmation")
        verbose_name_plural = _("liens de confirmation")

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} – {self.created_at:%d/%m/%Y}"
