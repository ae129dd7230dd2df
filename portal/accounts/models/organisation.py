import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def established(self) -> "OrganisationQuerySet":
        """Known to the counter: not merely proposed by a person."""
        return self.filter(proposed_at__isnull=True)

    def joinable(self) -> "OrganisationQuerySet":
        """Those a person may ask to join; committees are composed by the administrators."""
        return (
            self.established()
            .filter(suspended_at__isnull=True)
            .exclude(kind=Organisation.Kind.COMMITTEE)
        )


class Organisation(models.Model):
    """A legal body: applicant, data holder, committee, or body running the procedure (A1–A7)."""

    class Kind(models.TextChoices):
        APPLICANT = "applicant", _("demandeur")
        HOLDER = "holder", _("responsable de données")
        COMMITTEE = "committee", _("comité")
        AUTHORITY = "authority", _("autorité ou opérateur")  # HDH, CNAM, CNIL

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("nom"), max_length=200)
    acronym = models.CharField(_("sigle"), max_length=30, blank=True)
    kind = models.CharField(_("nature"), max_length=12, choices=Kind.choices)
    country = models.CharField(_("pays"), max_length=2, default="FR")
    siren = models.CharField(_("SIREN"), max_length=9, blank=True)
    address = models.TextField(_("adresse"), blank=True)
    contact_email = models.EmailField(_("contact"), blank=True)
    website = models.URLField(_("site"), blank=True)
    is_demo = models.BooleanField(_("démonstration"), default=False)
    # Described by a person who asks to join it; nobody else sees it until the secretariat confirms.
    proposed_at = models.DateTimeField(_("proposé le"), null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(_("suspendu le"), null=True, blank=True, editable=False)
    suspension_reason = models.TextField(_("motif de suspension"), blank=True, editable=False)
    created_at = models.DateTimeField(_("créé le"), auto_now_add=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organisme")
        verbose_name_plural = _("organismes")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def confirmed(self) -> "MembershipQuerySet":
        return self.filter(confirmed_at__isnull=False, ended_at__isnull=True)

    def open(self) -> "MembershipQuerySet":
        return self.filter(ended_at__isnull=True)

    def pending(self) -> "MembershipQuerySet":
        """Waiting for an answer: the membership itself, or the capacity to sign."""
        return self.open().filter(
            Q(confirmed_at__isnull=True) | Q(asks_to_sign=True, can_sign_since__isnull=True)
        )

    def signing(self) -> "MembershipQuerySet":
        """Those who hold the capacity to sign, for a suspended organisation too."""
        return self.confirmed().filter(can_sign_since__isnull=False)

    def signatory(self) -> "MembershipQuerySet":
        """Those whose signature counts."""
        return self.signing().filter(organisation__suspended_at__isnull=True)


class Membership(models.Model):
    """A person in an organisation. Counts once confirmed by the secretariat or a manager."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="memberships",
        verbose_name=_("personne"),
    )
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        related_name="memberships",
        verbose_name=_("organisme"),
    )
    is_manager = models.BooleanField(_("gestionnaire de l’organisme"), default=False)
    asks_to_sign = models.BooleanField(_("demande la capacité de signer"), default=False)
    confirmed_at = models.DateTimeField(_("confirmée le"), null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    can_sign_since = models.DateTimeField(
        _("signataire depuis"), null=True, blank=True, editable=False
    )
    can_sign_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    ended_at = models.DateTimeField(_("terminée le"), null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    answer = models.TextField(_("motif de la dernière réponse"), blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("appartenance")
        verbose_name_plural = _("appartenances")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation"],
                condition=Q(ended_at__isnull=True),
                name="membership_one_open",
                violation_error_message=_("Cette personne appartient déjà à cet organisme."),
            ),
            models.CheckConstraint(
                condition=Q(can_sign_since__isnull=True) | Q(confirmed_at__isnull=False),
                name="membership_signatory_is_confirmed",
                violation_error_message=_("Confirmez l’appartenance avant la capacité de signer."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.organisation}"
