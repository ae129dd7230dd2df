import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person. Identified by an opaque id; the e-mail is an address, never an identifier."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("adresse électronique"))
    email_confirmed_at = models.DateTimeField(_("adresse confirmée le"), null=True, blank=True)
    sub = models.CharField(
        _("identifiant OpenID"), max_length=255, unique=True, null=True, blank=True, editable=False
    )
    title = models.CharField(_("fonction"), max_length=200, blank=True)

    REQUIRED_FIELDS = ["email"]

    class Meta:
        verbose_name = _("personne")
        verbose_name_plural = _("personnes")
        ordering = ["last_name", "first_name", "username"]

    def __str__(self) -> str:
        return self.get_full_name() or self.username
