"""What was granted: permits, grants and what provisioning knows of the cloud."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .querysets import GrantQuerySet


class Permit(models.Model):
    """One version of what a request may do; written by the act that creates rights."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(
        "requests_app.AccessRequest", models.PROTECT, related_name="permits"
    )
    number = models.PositiveSmallIntegerField(_("version"))
    act = models.OneToOneField("requests_app.Act", models.PROTECT, related_name="permit")
    request_version = models.ForeignKey(
        "requests_app.RequestVersion", models.PROTECT, related_name="+"
    )
    scope = models.JSONField()  # [{dataset, table, variables, years}]: approved specification
    delivery_mode = models.CharField(
        _("mode de mise à disposition"), max_length=20
    )  # `procedures.parts.Delivery`
    starts_at = models.DateTimeField(_("début"))
    expires_at = models.DateTimeField(_("fin"))
    revoked_at = models.DateTimeField(_("retiré le"), null=True, blank=True)
    suspended_at = models.DateTimeField(_("suspendu le"), null=True, blank=True)
    reason = models.TextField(blank=True)  # of suspension or revocation
    notices_sent = models.JSONField(
        _("préavis envoyés (jours)"), default=list
    )  # days before the end already told: 90, 30, 7

    class Meta:
        verbose_name = _("accès autorisé")
        verbose_name_plural = _("accès autorisés")
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="permit_version_once"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("starts_at")), name="permit_dates_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} v{self.number}"


class GrantState(models.TextChoices):
    WANTED = "wanted", _("en attente")
    OPENING = "opening", _("en cours d’ouverture")
    OPEN = "open", _("ouvert")
    SUSPENDED = "suspended", _("suspendu")
    CLOSING = "closing", _("en cours de fermeture")
    CLOSED = "closed", _("fermé")
    FAILED = "failed", _("en échec")


class Grant(models.Model):
    """One person's right in one study: the wanted state beside the observed one."""

    class Wanted(models.TextChoices):
        OPEN = "open", _("ouvert")
        SUSPENDED = "suspended", _("suspendu")
        CLOSED = "closed", _("fermé")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    permit = models.ForeignKey(Permit, models.PROTECT, related_name="grants")
    workspace = models.ForeignKey("requests_app.Workspace", models.PROTECT, related_name="grants")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="grants",
        verbose_name=_("personne"),
    )
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=GrantState.choices,
        default=GrantState.WANTED,
        editable=False,
    )
    wanted = models.CharField(
        _("voulu"), max_length=10, choices=Wanted.choices, default=Wanted.OPEN
    )
    reason = models.TextField(_("motif"), blank=True)  # of suspension, closing, failure
    missing = models.JSONField(
        _("conditions manquantes"), default=list
    )  # codes of unmet conditions: training, terms, second_factor, …
    source_addresses = models.JSONField(default=list)  # CIDR
    expires_at = models.DateTimeField(_("fin"))
    observed = models.CharField(_("constaté"), max_length=200, blank=True)
    observed_at = models.DateTimeField(_("constaté le"), null=True, blank=True)
    opened_at = models.DateTimeField(_("ouvert le"), null=True, blank=True)
    closing_requested_at = models.DateTimeField(
        _("fermeture demandée le"), null=True, blank=True
    )  # real time
    closed_at = models.DateTimeField(_("fermé le"), null=True, blank=True)
    revocation_seconds = models.FloatField(
        _("durée du retrait (s)"), null=True, blank=True
    )  # request to proof, s
    # Verification by use: answers of the kind waited for, in a row, since when (real time).
    streak = models.PositiveSmallIntegerField(default=0, editable=False)
    streak_since = models.DateTimeField(null=True, editable=False)
    verify_since = models.DateTimeField(null=True, editable=False)
    proof_at = models.DateTimeField(
        null=True, editable=False
    )  # refusals proven, since the last opening
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("accès")
        verbose_name_plural = _("accès")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=GrantState.values), name="grant_state_known"
            ),
            models.UniqueConstraint(
                fields=["workspace", "person"],
                condition=~Q(state="closed"),
                name="grant_one_live_per_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_at__isnull=False),
                name="grant_closed_has_date",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} – {self.state}"

    @property
    def has_key(self) -> bool:
        """Whether the person has a key that a closing would destroy, and a suspension cut."""
        return any(
            key.use == Credential.Use.PERSON and key.access_key and key.deleted_at is None
            for key in self.credentials.all()
        )

    @property
    def closed_unopened(self) -> bool:
        """Closed when no key had ever been made: there was nothing to refuse, hence no proof."""
        return self.state == GrantState.CLOSED and self.proof_at is None


class Workspace(models.Model):
    """The study's place in the cloud, the row that a reconciler takes a lease on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.OneToOneField(
        "requests_app.AccessRequest", models.PROTECT, related_name="workspace"
    )
    slug = models.SlugField(
        _("nom"), max_length=40, unique=True
    )  # with an unguessable suffix: bucket names
    next_reconcile_at = models.DateTimeField(
        _("prochain passage"), null=True, blank=True, db_index=True
    )  # real time
    lease_until = models.DateTimeField(_("bail jusqu’au"), null=True, blank=True)
    lease_generation = models.PositiveBigIntegerField(
        _("génération du bail"), default=0
    )  # the fencing number
    held_at = models.DateTimeField(_("retenu le"), null=True, blank=True)  # an operator's hold
    hold_reason = models.TextField(_("motif de la retenue"), blank=True)
    last_step = models.CharField(_("dernière étape"), max_length=60, blank=True)
    last_error = models.TextField(_("dernière erreur"), blank=True)
    failure_code = models.SlugField(_("code d’échec"), max_length=40, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(_("essais"), default=0)
    # When each side of a closing is tried again, while one fails (`provisioning.pace`).
    paces = models.JSONField(default=dict, blank=True, editable=False)
    observed_at = models.DateTimeField(_("constaté le"), null=True, blank=True)
    endpoint = models.CharField(
        max_length=200, blank=True
    )  # of object storage; the web may not ask the provider
    region = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = _("espace")
        verbose_name_plural = _("espaces")

    def __str__(self) -> str:
        return self.slug


class CloudResource(models.Model):
    """Something that exists or is intended at the provider; the row comes before the call."""

    workspace = models.ForeignKey(
        Workspace,
        models.PROTECT,
        related_name="resources",
        verbose_name=_("espace"),
    )
    kind = models.SlugField(
        _("nature"), max_length=20
    )  # bucket, encryption, fence, members; and the provider's own kinds (`Shape.rows`)
    logical_key = models.CharField(_("nom dans l’étude"), max_length=100)
    external_id = models.CharField(_("identifiant chez le fournisseur"), max_length=100, blank=True)
    spec_hash = models.CharField(_("empreinte de la définition"), max_length=64, blank=True)
    status = models.SlugField(_("état"), max_length=20, default="intended")
    last_error = models.TextField(_("dernière erreur"), blank=True)
    tries = models.PositiveIntegerField(_("essais"), default=0)
    attempted_at = models.DateTimeField(
        _("dernier essai de création"), null=True, blank=True
    )  # last create call whose answer may be lost
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(_("modifiée le"), auto_now=True)

    class Meta:
        verbose_name = _("ressource chez le fournisseur")
        verbose_name_plural = _("ressources chez le fournisseur")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "kind", "logical_key"], name="cloud_resource_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.logical_key}"


class Credential(models.Model):
    """An application's API key, the person's or the probe's; the secret as ciphertext, wiped."""

    class Use(models.TextChoices):
        PERSON = "person", _("personne")
        PROBE = "probe", _("sonde")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="credentials")
    use = models.CharField(_("usage"), max_length=6, choices=Use.choices)
    generation = models.PositiveIntegerField(_("génération"), default=1)
    access_key = models.CharField(_("clé d’accès (partie publique)"), max_length=40, blank=True)
    ciphertext = models.BinaryField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expire le"), null=True, blank=True)
    created_at = models.DateTimeField(_("créée le"), auto_now_add=True)
    revealed_at = models.DateTimeField(_("révélée le"), null=True, blank=True)
    attempted_at = models.DateTimeField(
        null=True, blank=True
    )  # a create call whose answer may be lost
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # no longer wanted; deletion follows
    expiry_told_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.SlugField(
        max_length=20, blank=True
    )  # rotated, unrevealed, lost, closed…
    deleted_at = models.DateTimeField(
        _("supprimée le"), null=True, blank=True
    )  # 404 read at the provider

    class Meta:
        verbose_name = _("clé d’accès")
        verbose_name_plural = _("clés d’accès")
        constraints = [
            models.UniqueConstraint(fields=["grant", "use", "generation"], name="credential_once"),
            models.UniqueConstraint(
                fields=["grant", "use"],
                condition=Q(withdrawn_at__isnull=True),
                name="credential_one_live_per_use",
            ),
            models.CheckConstraint(
                condition=Q(revealed_at__isnull=True) | Q(ciphertext__isnull=True),
                name="credential_revealed_is_wiped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.use} {self.access_key}"


class Probe(models.Model):
    """One try with a key: what was asked, what was answered; the proof of opening and closing."""

    grant = models.ForeignKey(
        Grant,
        models.PROTECT,
        related_name="probes",
        verbose_name=_("accès"),
    )
    kind = models.SlugField(_("nature"), max_length=30)
    expected = models.CharField(_("attendu"), max_length=10)  # "allowed" | "refused"
    status = models.PositiveSmallIntegerField(_("réponse HTTP"))
    provider_request_id = models.CharField(_("identifiant de l’appel"), max_length=100, blank=True)
    at = models.DateTimeField(_("essayé le"))

    class Meta:
        verbose_name = _("essai de clé")
        verbose_name_plural = _("essais de clés")
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class ExtractDeposit(models.Model):
    """An extract staged for one approved table, before the second person's confirmation."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="deposits")
    dataset_code = models.SlugField(max_length=100)
    table_name = models.CharField(max_length=100)
    file_name = models.CharField(max_length=200)
    rows = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    staged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    staged_at = models.DateTimeField(auto_now_add=True)
    refused_reason = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "dataset_code", "table_name"], name="extract_deposit_once"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class Outbox(models.Model):
    """A hint to send after the commit; beat finds what the hint failed to reach."""

    topic = models.SlugField(_("sujet"), max_length=40)
    object_id = models.UUIDField(_("objet"))
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("écrit le"), auto_now_add=True)
    tried_at = models.DateTimeField(_("dernier essai"), null=True, blank=True)
    done_at = models.DateTimeField(_("envoyé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("envoi après validation")
        verbose_name_plural = _("envois après validation")
        indexes = [models.Index(fields=["done_at", "created_at"])]

    def __str__(self) -> str:
        return f"{self.topic} {self.object_id}"


class ProviderReading(models.Model):
    """What the worker last read at the provider, for pages: the web has no key there."""

    kind = models.SlugField(max_length=30, primary_key=True)  # quotas
    data = models.JSONField(default=dict)
    problem = models.TextField(blank=True)  # why the last reading failed
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.read_at:%d/%m/%Y %H:%M}"
