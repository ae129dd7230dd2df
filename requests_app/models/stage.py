"""Stages of a procedure, their pauses, and the acts recorded in them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from requests_app.procedures import kinds, moves
from requests_app.procedures.kind import Trait

from .announced import AnnouncedQuerySet
from .querysets import ActQuerySet
from .request import RequestState


class StageState(models.TextChoices):
    PENDING = moves.Stage.PENDING.value, _("à venir")
    RUNNING = moves.Stage.RUNNING.value, _("en cours")
    PAUSED = moves.Stage.PAUSED.value, _("suspendue")
    DONE = moves.Stage.DONE.value, _("terminée")
    SKIPPED = moves.Stage.SKIPPED.value, _("sans objet")


class StageQuerySet(models.QuerySet["Stage"]):
    def having(self, *traits: Trait) -> "StageQuerySet":
        """Of the kinds that have one of the traits: what other rooms know of a kind."""
        return self.filter(kind__in=kinds.having(*traits))

    def open(self) -> "StageQuerySet":
        return self.filter(state__in=[StageState.RUNNING, StageState.PAUSED])

    def due(self, *, at: object) -> "StageQuerySet":
        """Open stages whose date has passed at an instant and has had no effect yet.

        Of a stopped stage it is the applicant's date, whose end is a reminder; not while what they
        handed in, signed on paper, is with the desk.
        """
        return self.filter(due_at__lt=at).filter(
            Q(state=StageState.RUNNING, expired_at__isnull=True)
            | (
                Q(state=StageState.PAUSED, reminded_at__isnull=True)
                & ~Q(request__state=RequestState.SIGNATURE_CHECK)
            )
        )


class Stage(models.Model):
    """A stage of a request; `code` names it in the procedure, with one row per holder consulted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("requests_app.AccessRequest", models.CASCADE, related_name="stages")
    code = models.SlugField(_("étape"), max_length=60)
    kind = models.SlugField(_("nature"), max_length=60)
    role = models.CharField(_("acteur"), max_length=30)  # who must act: a Role value or "applicant"
    position = models.PositiveSmallIntegerField(default=0)
    holder = models.ForeignKey(
        "accounts.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("responsable de données"),
    )
    committee = models.ForeignKey(
        "accounts.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("comité"),
    )
    version = models.ForeignKey(
        "requests_app.RequestVersion", models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(
        _("état"),
        max_length=8,
        choices=StageState.choices,
        default=StageState.PENDING,
        editable=False,
    )
    outcome = models.SlugField(_("issue"), max_length=60, blank=True, editable=False)
    round = models.PositiveSmallIntegerField(
        _("tour"), default=1, editable=False
    )  # completeness: 1st, 2nd request
    started_at = models.DateTimeField(_("ouverte le"), null=True, editable=False)
    due_at = models.DateTimeField(_("échéance"), null=True, editable=False)
    expired_at = models.DateTimeField(
        _("délai éteint le"), null=True, editable=False
    )  # when the clock's end took effect
    extended_at = models.DateTimeField(_("prolongée le"), null=True, editable=False)
    ended_at = models.DateTimeField(_("terminée le"), null=True, editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("attribuée à"),
    )

    objects = StageQuerySet.as_manager()

    class Meta:
        verbose_name = _("étape")
        verbose_name_plural = _("étapes")
        ordering = ["request", "position", "started_at"]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["role", "state"]),
            # which files a stage has opened to its actors: read from here alone
            models.Index(
                fields=["kind", "state", "holder", "committee", "request"], name="stage_begun"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=StageState.values), name="stage_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | (~Q(outcome="") & Q(ended_at__isnull=False)),
                name="stage_done_has_outcome",
                violation_error_message=_("Une étape terminée a une issue et une date."),
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["running", "paused"]) | Q(started_at__isnull=False),
                name="stage_running_has_start",
            ),
            models.UniqueConstraint(
                fields=["request", "code"], condition=Q(holder__isnull=True), name="stage_once"
            ),
            models.UniqueConstraint(
                fields=["request", "code", "holder"],
                condition=Q(holder__isnull=False),
                name="stage_once_per_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.request_id}"


class ClockReminder(models.Model):
    """A reminder that a stage's clock has given, or that came too late to be true.

    One row for each day the procedure names and each date the clock has had: an extension starts
    them anew, nothing is said twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stage = models.ForeignKey(Stage, models.CASCADE, related_name="reminders")
    at = models.CharField(_("jour"), max_length=8)  # as the procedure writes it: `-3wd`
    due_at = models.DateTimeField(_("échéance"))
    sent_at = models.DateTimeField(_("envoyée le"), null=True, blank=True)  # null: overtaken

    class Meta:
        verbose_name = _("relance d’une échéance")
        verbose_name_plural = _("relances d’une échéance")
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "at", "due_at"],
                name="clock_reminder_once",
                violation_error_message=_("Cette relance est déjà envoyée."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at} – {self.stage_id}"


class StagePause(models.Model):
    """A stop of a stage's clock, with its reason."""

    stage = models.ForeignKey(Stage, models.CASCADE, related_name="pauses")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["stage"], condition=Q(ended_at__isnull=True), name="stage_pause_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="stage_pause_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage_id} {self.started_at:%d/%m/%Y}"


class Act(models.Model):
    """Something that was done, on a date, entered at another; corrected only by a later act."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("requests_app.AccessRequest", models.PROTECT, related_name="acts")
    stage = models.ForeignKey(Stage, models.PROTECT, null=True, blank=True, related_name="acts")
    code = models.SlugField(_("acte"), max_length=60)
    effective_at = models.DateTimeField(_("date d’effet"))  # legal time
    entered_at = models.DateTimeField(_("saisi le"))  # legal time
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: the clock
    data = models.JSONField(default=dict)  # numbers, dates, parties: by kind of act
    text = models.TextField(blank=True)
    document = models.ForeignKey(
        "requests_app.StoredFile", models.PROTECT, null=True, blank=True, related_name="+"
    )
    version = models.ForeignKey(
        "requests_app.RequestVersion", models.PROTECT, null=True, blank=True, related_name="+"
    )
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    correction_reason = models.TextField(_("motif de la correction"), blank=True)

    objects = ActQuerySet.as_manager()

    class Meta:
        verbose_name = _("acte")
        verbose_name_plural = _("actes")
        ordering = ["effective_at", "entered_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_at__lte=F("entered_at")),
                name="act_not_in_the_future",
                violation_error_message=_("La date d’effet ne peut pas être dans le futur."),
            ),
            models.CheckConstraint(
                condition=Q(corrects__isnull=True) | ~Q(correction_reason=""),
                name="act_correction_has_reason",
                violation_error_message=_("Indiquez le motif de la correction."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.effective_at:%d/%m/%Y}"


class TransitionLog(models.Model):
    """One row per move of a request, stage or grant: its length is the number of moves."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey("requests_app.AccessRequest", models.PROTECT, related_name="log")
    stage = models.ForeignKey(Stage, models.PROTECT, null=True, blank=True, related_name="log")
    grant = models.ForeignKey(
        "requests_app.Grant", models.PROTECT, null=True, blank=True, related_name="log"
    )
    name = models.SlugField(_("mouvement"), max_length=60)
    source = models.CharField(_("de"), max_length=20)
    target = models.CharField(_("vers"), max_length=20)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("par"),
    )  # null: the system
    act = models.ForeignKey(Act, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("date légale"))  # legal time
    recorded_at = models.DateTimeField(_("enregistré le"), auto_now_add=True)  # real time

    class Meta:
        verbose_name = _("mouvement")
        verbose_name_plural = _("mouvements")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name}: {self.source} → {self.target}"


class Task(models.Model):
    """Work that a person must do outside a stage, e.g. the legal check of a tacit effect (A17)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey("requests_app.AccessRequest", models.CASCADE, related_name="tasks")
    stage = models.ForeignKey(Stage, models.CASCADE, null=True, blank=True, related_name="tasks")
    code = models.SlugField(_("tâche"), max_length=60)
    role = models.CharField(_("acteur"), max_length=30)
    blocks = models.SlugField(
        _("étape en attente"), max_length=60, blank=True
    )  # code of the stage that waits for it
    opened_at = models.DateTimeField(_("ouverte le"))
    due_at = models.DateTimeField(_("échéance"), null=True, blank=True)
    closed_at = models.DateTimeField(_("close le"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.SlugField(_("issue"), max_length=60, blank=True)
    note = models.TextField(blank=True)

    objects = AnnouncedQuerySet["Task"].as_manager()

    class Meta:
        verbose_name = _("tâche")
        verbose_name_plural = _("tâches")
        ordering = ["due_at", "opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "code"],
                condition=Q(closed_at__isnull=True),
                name="task_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.request_id}"


class Note(models.Model):
    """A private note of the desk's staff: never shown to the applicant, committee or holders."""

    request = models.ForeignKey("requests_app.AccessRequest", models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField(_("note"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("note interne")
        verbose_name_plural = _("notes internes")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.author} {self.created_at:%d/%m/%Y}"
