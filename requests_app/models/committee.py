"""What a committee does with a request: interests, rapporteurs, reports, the opinion."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from requests_app.procedures.parts import Outcome

from .announced import AnnouncedQuerySet


class InterestDeclaration(models.Model):
    """A member's answer about one request, given before anything but its card is seen (A14)."""

    class Answer(models.TextChoices):
        NONE = "none", _("aucun lien")
        WITHDRAWN = "withdrawn", _("se déporte")

    class Origin(models.TextChoices):
        MEMBER = "member", _("déclaration du membre")
        ORGANISATION = "organisation", _("même organisme que le dossier")
        PRESIDENT = "president", _("décision du président")

    request = models.ForeignKey(
        "requests_app.AccessRequest", models.CASCADE, related_name="interest_declarations"
    )
    committee = models.ForeignKey("accounts.Organisation", models.PROTECT, related_name="+")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    answer = models.CharField(max_length=10, choices=Answer.choices)
    origin = models.CharField(max_length=12, choices=Origin.choices, default=Origin.MEMBER)
    reason = models.TextField(_("motif"), blank=True)
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    declared_at = models.DateTimeField()

    class Meta:
        verbose_name = _("lien d’intérêts")
        verbose_name_plural = _("liens d’intérêts")
        constraints = [
            models.UniqueConstraint(fields=["request", "member"], name="interest_once"),
            models.CheckConstraint(
                condition=~Q(origin="president") | ~Q(reason=""),
                name="interest_president_has_reason",
                violation_error_message=_("Indiquez le motif du déport."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.answer}"

    @property
    def words(self) -> str:
        """The answer, or what was decided in the member's stead: nobody is said to have withdrawn
        who did nothing."""
        if self.answer == self.Answer.WITHDRAWN and self.origin != self.Origin.MEMBER:
            return str(APART_ONE[self.origin])
        return str(self.get_answer_display())


# How a member came to stand apart from a file: one of them, and several.
APART_ONE: dict[str, Any] = {
    InterestDeclaration.Origin.PRESIDENT: _("déporté par décision du président"),
    InterestDeclaration.Origin.ORGANISATION: _("écarté d’office"),
}
APART: dict[str, Any] = {
    InterestDeclaration.Origin.MEMBER: _("Se sont déportés"),
    InterestDeclaration.Origin.PRESIDENT: _("Déportés par décision du président"),
    InterestDeclaration.Origin.ORGANISATION: _("Écartés d’office (lien avec le dossier)"),
}


class RapporteurAssignment(models.Model):
    """A rapporteur named by the president; at most two per file, warned above 4 a month (A14)."""

    stage = models.ForeignKey("requests_app.Stage", models.CASCADE, related_name="rapporteurs")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AnnouncedQuerySet["RapporteurAssignment"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "member"],
                condition=Q(ended_at__isnull=True),
                name="rapporteur_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} – {self.stage_id}"


class Report(models.Model):
    """A rapporteur's report by A11's headings; never seen by the applicant or holders."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stage = models.ForeignKey("requests_app.Stage", models.CASCADE, related_name="reports")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    version = models.ForeignKey("requests_app.RequestVersion", models.PROTECT, related_name="+")
    headings = models.JSONField(default=dict)  # code of heading -> text
    points = models.JSONField(default=list)  # numbered points proposed
    proposed_sense = models.CharField(max_length=60, blank=True)
    filed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("rapport")
        verbose_name_plural = _("rapports")
        constraints = [models.UniqueConstraint(fields=["stage", "author"], name="report_once")]

    def __str__(self) -> str:
        return f"{self.author_id} – {self.stage_id}"


# What a committee's silence is deemed to be where its procedure has no words of its own, by effect.
DEEMED: dict[str, Any] = {
    "favourable": _("réputé favorable"),
    "favourable_with_reservations": _("réputé favorable avec réserves"),
    "unfavourable": _("réputé défavorable"),
    "none": _("réputé rendu sans effet"),
}


class Opinion(models.Model):
    """The committee's opinion, issued once by the president, on a named version of the file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(
        "requests_app.AccessRequest", models.PROTECT, related_name="opinions"
    )
    stage = models.OneToOneField("requests_app.Stage", models.PROTECT, related_name="opinion")
    version = models.ForeignKey("requests_app.RequestVersion", models.PROTECT, related_name="+")
    number = models.CharField(_("numéro"), max_length=30, unique=True)
    headings = models.JSONField(default=dict)
    points = models.JSONField(default=list)  # [{"number": 1, "text": …}]
    present = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    withdrew = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: tacit
    issued_at = models.DateTimeField()
    document = models.ForeignKey(
        "requests_app.StoredFile", models.PROTECT, null=True, blank=True, related_name="+"
    )  # made after the commit
    document_tries = models.PositiveSmallIntegerField(default=0)  # that failed
    document_due = models.DateTimeField(null=True, blank=True)  # not tried again before
    answers = models.JSONField(default=list)  # the applicant's answers to the points

    class Meta:
        verbose_name = _("avis")
        verbose_name_plural = _("avis")

    def __str__(self) -> str:
        return self.number

    @property
    def outcome(self) -> Outcome:
        """How its stage ended, in the procedure's words: kept there, once."""
        return self.request.procedure.stage(self.stage.code).outcome(self.stage.outcome)

    @property
    def sense(self) -> str:
        return str(self.outcome.short)

    @property
    def deemed(self) -> str:
        """What the committee's silence is deemed to be, in words; empty for an opinion given."""
        if self.issued_by_id is not None:
            return ""
        outcome = self.outcome
        return str(outcome.deemed or DEEMED[outcome.effect or "none"])
