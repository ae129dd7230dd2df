"""What an import reads before it applies anything: a killed run continues from here."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportRun(models.Model):
    """One import of one folder; its fingerprint tells whether an unfinished run is the same one."""

    class State(models.TextChoices):
        READING = "reading", _("lecture")
        READ = "read", _("lu")
        DONE = "done", _("terminé")
        REFUSED = "refused", _("refusé")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reader = models.CharField(_("format"), max_length=30)
    source = models.CharField(_("source"), max_length=500)
    fingerprint = models.CharField(_("empreinte"), max_length=64)
    rules_version = models.CharField(_("version des règles"), max_length=20, blank=True)
    state = models.CharField(_("état"), max_length=8, choices=State.choices, default=State.READING)
    applied = models.JSONField(_("jeux de données appliqués"), default=list, blank=True)
    counts = models.JSONField(_("effectifs"), default=dict, blank=True)
    started_at = models.DateTimeField(_("commencé le"), auto_now_add=True)
    finished_at = models.DateTimeField(_("terminé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "fingerprint", "rules_version"],
                condition=models.Q(state__in=["reading", "read"]),
                name="import_run_one_open",
                violation_error_message=_("Un import de ces mêmes fichiers est déjà en cours."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.reader} – {self.started_at:%d/%m/%Y %H:%M}"


class StagedRow(models.Model):
    """One table, variable or key read from a file, with where it stands and what became of it."""

    class Kind(models.TextChoices):
        TABLE = "table", _("table")
        VARIABLE = "variable", _("variable")
        KEY = "key", _("clé")

    class Outcome(models.TextChoices):
        PENDING = "", _("à appliquer")
        CREATED = "created", _("créé")
        CHANGED = "changed", _("modifié")
        SAME = "same", _("inchangé")
        REMOVED = "removed", _("retiré")
        SKIPPED = "skipped", _("laissé de côté")
        WRONG = "wrong", _("erroné")

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        ImportRun,
        models.CASCADE,
        related_name="rows",
        verbose_name=_("import"),
    )
    kind = models.CharField(_("objet"), max_length=8, choices=Kind.choices)
    file = models.CharField(_("fichier"), max_length=255)
    line = models.PositiveIntegerField(_("ligne"))
    dataset_code = models.CharField(_("jeu de données"), max_length=80)
    table_name = models.CharField(_("table"), max_length=80)
    name = models.CharField(_("nom"), max_length=120)
    payload = models.JSONField(_("contenu"), default=dict)
    outcome = models.CharField(_("résultat"), max_length=8, choices=Outcome.choices, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("ligne d’import")
        verbose_name_plural = _("lignes d’import")
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "dataset_code", "kind"], name="staged_by_dataset")]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.name}"
