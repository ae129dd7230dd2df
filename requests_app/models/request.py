"""The access request, its team, its chosen datasets and its frozen versions."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from requests_app.procedures import forms, moves, registry
from requests_app.procedures.cases import CASES, WITH_PARENT, Case, CaseType
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure

from .querysets import MemberQuerySet, RequestQuerySet, VersionQuerySet


class RequestState(models.TextChoices):
    """Life of a request. API and register publish the words of TEHDAS2 D6.4."""

    DRAFT = moves.Request.DRAFT.value, _("brouillon")
    AWAITING_SIGNATURE = moves.Request.AWAITING_SIGNATURE.value, _("en attente de signature")
    SIGNATURE_CHECK = moves.Request.SIGNATURE_CHECK.value, _("signature à vérifier")
    SUBMITTED = moves.Request.SUBMITTED.value, _("déposée, contrôle de complétude en cours")
    INCOMPLETE = moves.Request.INCOMPLETE.value, _("à compléter")
    PROCESSING = moves.Request.PROCESSING.value, _("en cours d’instruction")
    IN_FORCE = moves.Request.IN_FORCE.value, _("accès autorisé")
    REFUSED = moves.Request.REFUSED.value, _("refusée")
    CLOSED_INCOMPLETE = moves.Request.CLOSED_INCOMPLETE.value, _("close, dossier incomplet")
    REDIRECTED = moves.Request.REDIRECTED.value, _("réorientée vers une autre procédure")
    WITHDRAWN = moves.Request.WITHDRAWN.value, _("retirée")
    CLOSED = moves.Request.CLOSED.value, _("close")


FINAL_STATES = frozenset(
    {
        RequestState.REFUSED,
        RequestState.CLOSED_INCOMPLETE,
        RequestState.REDIRECTED,
        RequestState.WITHDRAWN,
        RequestState.CLOSED,
    }
)
# States in which the file is the applicant's to edit.
EDITABLE_STATES = frozenset({RequestState.DRAFT, RequestState.INCOMPLETE})


TYPE_LABELS = {
    CaseType.ACCESS: _("demande d’accès aux données"),
    CaseType.DATA_REQUEST: _("demande de données"),
    CaseType.CHANGE: _("modification"),
    CaseType.RENEWAL: _("renouvellement"),
    CaseType.APPEAL: _("recours"),
    CaseType.NON_COMPLIANCE: _("manquement"),
    CaseType.DECLARATION: _("déclaration"),
}


class AccessRequest(models.Model):
    """One case: a file that follows a procedure, whatever its `type`. A request for access is one
    type among others; what means it alone asks for it (`of_type`).

    `content` is the working copy, by section; a signed `RequestVersion` counts. Type and parent are
    the file's for good, as its procedure is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("numéro"), max_length=20, unique=True, null=True, editable=False)
    type = models.CharField(
        _("type"),
        max_length=20,
        choices=[(str(value), label) for value, label in TYPE_LABELS.items()],
        default=str(CaseType.ACCESS),
        editable=False,
    )
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="children",
        verbose_name=_("dossier d’origine"),
    )
    title = models.CharField(_("titre"), max_length=250)
    state = models.CharField(
        _("état"),
        max_length=20,
        choices=RequestState.choices,
        default=RequestState.DRAFT,
        editable=False,
    )
    procedure_code = models.SlugField(_("procédure"), max_length=60, editable=False)
    procedure_version = models.PositiveSmallIntegerField(
        _("version de la procédure"), editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation",
        models.PROTECT,
        related_name="access_requests",
        verbose_name=_("responsable de traitement"),
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    orientation = models.JSONField(_("réponses d’orientation"), default=dict, editable=False)
    content = models.JSONField(_("contenu"), default=dict, editable=False)
    content_revision = models.PositiveIntegerField(default=0, editable=False)
    content_edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    content_edited_at = models.DateTimeField(null=True, editable=False)
    urgent = models.BooleanField(_("procédure d’urgence"), default=False, editable=False)
    delivery_mode = models.CharField(
        _("mode de mise à disposition"), max_length=20, blank=True, editable=False
    )  # set by the convention
    submitted_at = models.DateTimeField(_("déposée le"), null=True, editable=False)
    completed_at = models.DateTimeField(_("complète le"), null=True, editable=False)
    ended_at = models.DateTimeField(_("terminée le"), null=True, editable=False)
    created_at = models.DateTimeField(_("créée le"), auto_now_add=True)
    updated_at = models.DateTimeField(_("modifiée le"), auto_now=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("demande d’accès")
        verbose_name_plural = _("demandes d’accès")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(type__in=[str(one) for one in CaseType]),
                name="request_type_known",
                violation_error_message=_("Ce type de dossier n’existe pas."),
            ),
            models.CheckConstraint(
                condition=Q(type__in=[str(one) for one in WITH_PARENT], parent__isnull=False)
                | (~Q(type__in=[str(one) for one in WITH_PARENT]) & Q(parent__isnull=True)),
                name="request_parent_by_type",
                violation_error_message=_(
                    "Une modification, un renouvellement, un recours ou un manquement se rapporte"
                    " à un autre dossier ; les autres types, à aucun."
                ),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="request_parent_not_itself",
                violation_error_message=_("Un dossier ne se rapporte pas à lui-même."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values),
                name="request_state_known",
                violation_error_message=_("Cet état n’existe pas."),
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        RequestState.DRAFT,
                        RequestState.AWAITING_SIGNATURE,
                        RequestState.SIGNATURE_CHECK,
                        RequestState.WITHDRAWN,
                    ]
                )
                | Q(number__isnull=False, submitted_at__isnull=False),
                name="request_submitted_has_number",
                violation_error_message=_("Une demande déposée a un numéro et une date de dépôt."),
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[RequestState.PROCESSING, RequestState.IN_FORCE])
                | Q(completed_at__isnull=False),
                name="request_processing_is_complete",
                violation_error_message=_("Une demande instruite a une date de complétude."),
            ),
        ]

    def __str__(self) -> str:
        # Never the title: an administrator's lists name requests, and read none without a reason.
        return self.number or str(_("brouillon %(id)s") % {"id": str(self.pk)[:8]})

    @property
    def procedure(self) -> Procedure:
        """The version of the procedure that it was filed under. Raises UnknownProcedure."""
        return registry.get(self.procedure_code, self.procedure_version)

    @property
    def form(self) -> Form:
        """The version of the form that its procedure names. Raises UnknownProcedure,
        UnknownForm."""
        return forms.of(self.procedure)

    @property
    def case(self) -> Case:
        """How files of its type are numbered, and whether they hang on another."""
        return CASES[CaseType(self.type)]

    def get_state_display(self) -> str:  # type: ignore[no-redef]
        """Django's own puts the words of every state together to say one: a list says thirty."""
        return str(RequestState(self.state).label)


class RequestMember(models.Model):
    """A person of the applicant's side, and whether they will have access to the data."""

    class Kind(models.TextChoices):
        INVESTIGATOR = "investigator", _("responsable scientifique")
        EDITOR = "editor", _("membre de l’équipe")
        NAMED = "named", _("personne habilitée")
        REPRESENTATIVE = "representative", _("représentant légal")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="request_memberships"
    )
    kind = models.CharField(_("qualité"), max_length=16, choices=Kind.choices)
    has_data_access = models.BooleanField(_("accédera aux données"), default=False)
    source_addresses = models.JSONField(
        default=list, blank=True, help_text="CIDR, from the convention"
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("personne du dossier")
        verbose_name_plural = _("personnes du dossier")
        ordering = ["added_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "user"],
                condition=Q(removed_at__isnull=True),
                name="request_member_once",
                violation_error_message=_("Cette personne est déjà dans le dossier."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.get_kind_display()}"


class RequestDataset(models.Model):
    """A dataset in the request's specification; derived from `content`, for rights and routing."""

    request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="datasets")
    dataset = models.ForeignKey("catalog.Dataset", models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "dataset"], name="request_dataset_once"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} – {self.dataset_id}"


class RequestVersion(models.Model):
    """A frozen version: its content, the fingerprint signed, and by whom; never changed."""

    class Status(models.TextChoices):
        AWAITING = "awaiting", _("à signer")
        CHECKING = "checking", _("signature à vérifier")
        SIGNED = "signed", _("signée")
        CANCELLED = "cancelled", _("annulée")

    # Frozen, and not signed yet as far as the counter knows.
    UNSIGNED = (Status.AWAITING, Status.CHECKING)

    class Signature(models.TextChoices):
        ONLINE = "online", _("signée en ligne")
        PAPER = "paper", _("version signée déposée")
        NONE = "none", _("sans nouvelle signature")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(AccessRequest, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    content = models.JSONField()
    sha256 = models.CharField(_("empreinte"), max_length=64)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.AWAITING)
    signature = models.CharField(max_length=8, choices=Signature.choices, blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField()
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_at = models.DateTimeField(null=True, blank=True)  # real time
    # On paper: who signed, with their capacity, and the officer who compared it.
    signatory = models.CharField(_("signataire"), max_length=300, blank=True)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True, blank=True)  # real time
    signed_file = models.ForeignKey(
        "requests_app.StoredFile", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version du dossier")
        verbose_name_plural = _("versions du dossier")
        ordering = ["request", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "number"], name="request_version_number_once"
            ),
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(status__in=["awaiting", "checking"]),
                name="request_version_one_awaiting",
                violation_error_message=_("Une autre version attend déjà d’être signée."),
            ),
            models.CheckConstraint(
                condition=~Q(status="signed") | Q(signed_at__isnull=False),
                name="request_version_signed_has_date",
            ),
            models.CheckConstraint(
                condition=~Q(status="checking", signed_file__isnull=True),
                name="request_version_checking_has_file",
                violation_error_message=_("Une signature à vérifier a son document signé."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} v{self.number}"
