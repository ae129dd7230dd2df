"""The extract of a study: what is prepared, checked, confirmed and put in its place."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ExtractState(models.TextChoices):
    """`requests_app.provisioning.extract.moves` has the table of moves, and writes it."""

    TO_PREPARE = "to_prepare", _("à préparer")
    ASKED = "asked", _("préparation demandée")
    REFUSED = "refused", _("incomplète ou refusée")
    STAGED = "staged", _("préparée, à confirmer")
    CONFIRMED = "confirmed", _("confirmée")
    SENT_BACK = "sent_back", _("renvoyée après confirmation")
    DELIVERED = "delivered", _("déposée dans l’espace")


class ExtractQuerySet(models.QuerySet["Extract"]):
    def asked(self) -> "ExtractQuerySet":
        """Those that somebody waits for, and that a worker prepares."""
        return self.filter(state=ExtractState.ASKED)

    def sent_back(self) -> "ExtractQuerySet":
        """Confirmed once, and not deliverable as they were: to prepare and to confirm again."""
        return self.filter(state=ExtractState.SENT_BACK)


class Extract(models.Model):
    """One a study, made with its workspace. The manifest names the files of `folder`."""

    workspace = models.OneToOneField(
        "requests_app.Workspace",
        models.PROTECT,
        primary_key=True,
        related_name="extract",
        verbose_name=_("espace"),
    )
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=ExtractState.choices,
        default=ExtractState.TO_PREPARE,
        editable=False,
    )
    # Asked by an operator, done by the worker that reads deposits; null again once it is done.
    asked_at = models.DateTimeField(_("demandée le"), null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("demandée par"),
    )
    # Who prepares it now: a run of the worker, whose lease ends unless renewed; and how many began.
    owner = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(_("essais"), default=0)
    # The folder of the run whose files the manifest describes.
    folder = models.CharField(max_length=32, blank=True)
    manifest = models.JSONField(default=dict)
    # Why the input data wait.
    problem = models.TextField(blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmée par"),
    )
    confirmed_at = models.DateTimeField(_("confirmée le"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("déposée le"), null=True, blank=True)

    objects = ExtractQuerySet.as_manager()

    class Meta:
        verbose_name = _("extraction")
        verbose_name_plural = _("extractions")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ExtractState.values),
                name="extract_state_known",
                violation_error_message=_("Cet état n’existe pas."),
            ),
            models.CheckConstraint(
                condition=Q(state=ExtractState.ASKED, asked_at__isnull=False)
                | (~Q(state=ExtractState.ASKED) & Q(asked_at__isnull=True)),
                name="extract_asked_has_date",
                violation_error_message=_("Une préparation demandée a sa date, et elle seule."),
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=False, confirmed_by__isnull=False)
                | ~Q(state__in=[ExtractState.CONFIRMED, ExtractState.DELIVERED]),
                name="extract_confirmed_by_somebody",
                violation_error_message=_("Une extraction confirmée a sa date et son auteur."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} – {self.state}"

    @property
    def is_confirmed(self) -> bool:
        """Confirmed by a second person, delivered since or not."""
        return self.state in {ExtractState.CONFIRMED, ExtractState.DELIVERED}
