import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Those whose link still gives the place."""
        return self.filter(state=Invitation.State.OPEN, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A link sent by mail that gives one place to whoever opens it; only its hash is stored."""

    class Kind(models.TextChoices):
        TEAM = "team", _("membre de l’équipe")
        NAMED_PERSON = "named_person", _("personne habilitée")
        REPRESENTATIVE = "representative", _("représentant légal")
        HOLDER = "holder", _("représentant d’un responsable de données")

    class State(models.TextChoices):
        """`portal.accounts.invitation_moves` has the table of moves, and writes it."""

        OPEN = "open", _("en attente")
        ACCEPTED = "accepted", _("acceptée")
        CANCELLED = "cancelled", _("annulée")

    # Kinds that give a role or the capacity to sign, not a place in one file only.
    GIVE_CAPACITY = frozenset({Kind.REPRESENTATIVE, Kind.HOLDER})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("nature"), max_length=16, choices=Kind.choices)
    state = models.CharField(
        _("état"),
        max_length=9,
        choices=State.choices,
        default=State.OPEN,
        editable=False,
    )
    email = models.EmailField(_("adresse"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("organisme"),
    )
    about = models.CharField(
        _("objet"), max_length=300, blank=True
    )  # number and title of a request
    request_id = models.UUIDField(
        _("dossier"), null=True, blank=True
    )  # of the upper room; no foreign key downwards
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="invitations_sent",
        verbose_name=_("invité par"),
    )
    created_at = models.DateTimeField(_("envoyée le"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expire le"))
    accepted_at = models.DateTimeField(_("acceptée le"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("acceptée par"),
    )
    cancelled_at = models.DateTimeField(_("annulée le"), null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", accepted_at__isnull=True, cancelled_at__isnull=True)
                | Q(state="accepted", accepted_at__isnull=False, cancelled_at__isnull=True)
                | Q(state="cancelled", accepted_at__isnull=True, cancelled_at__isnull=False),
                name="invitation_state_has_its_date",
                violation_error_message=_("L’état d’une invitation et sa date vont ensemble."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} – {self.created_at:%d/%m/%Y}"

    @property
    def is_expired(self) -> bool:
        """Whether time has made void a link that nobody used: no move, hence no state."""
        return self.state == self.State.OPEN and self.expires_at <= timezone.now()

    @property
    def state_shown(self) -> str:
        """Where it stands, in words."""
        return str(_("expirée") if self.is_expired else self.State(self.state).label)
