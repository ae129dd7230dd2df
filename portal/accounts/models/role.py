import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .organisation import Organisation


class Role(models.TextChoices):
    """What a person does at the counter. `is_staff` adds nothing to these."""

    # of the site
    SECRETARIAT = "secretariat", _("secrétariat")
    LEGAL_OFFICER = "legal_officer", _("juriste")
    OPERATOR = "operator", _("opérateur des accès")
    DPO = "dpo", _("délégué à la protection des données")
    AUDITOR = "auditor", _("auditeur")
    ADMINISTRATOR = "administrator", _("administrateur")
    # of a committee
    PRESIDENT = "president", _("président de comité")
    COMMITTEE_MEMBER = "committee_member", _("membre de comité")
    # of a data holder
    HOLDER_REPRESENTATIVE = "holder_representative", _("représentant du responsable de données")
    # of CNAM, holder of the main base
    MAIN_BASE_OFFICER = "main_base_officer", _("correspondant de la base principale")


SITE_ROLES = frozenset(
    {
        Role.SECRETARIAT,
        Role.LEGAL_OFFICER,
        Role.OPERATOR,
        Role.DPO,
        Role.AUDITOR,
        Role.ADMINISTRATOR,
    }
)


# Roles that open no page before the second factor: all of them, one added later included.
SECOND_FACTOR_ROLES = frozenset(Role)


class RoleAssignmentQuerySet(models.QuerySet["RoleAssignment"]):
    def active(self) -> "RoleAssignmentQuerySet":
        return self.filter(ended_at__isnull=True)


class RoleAssignment(models.Model):
    """A role held by a person, for the whole site or for one organisation, holder or committee."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="role_assignments",
        verbose_name=_("personne"),
    )
    role = models.CharField(_("rôle"), max_length=24, choices=Role.choices)
    scope = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="role_assignments",
        verbose_name=_("portée"),
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("attribué par"),
    )
    granted_at = models.DateTimeField(_("attribué le"), auto_now_add=True)
    ended_at = models.DateTimeField(_("terminé le"), null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("rôle attribué")
        verbose_name_plural = _("rôles attribués")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "scope"],
                condition=Q(ended_at__isnull=True, scope__isnull=False),
                name="role_assignment_once_scoped",
                violation_error_message=_("Cette personne a déjà ce rôle."),
            ),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(ended_at__isnull=True, scope__isnull=True),
                name="role_assignment_once_site",
                violation_error_message=_("Cette personne a déjà ce rôle."),
            ),
            models.CheckConstraint(
                condition=Q(role__in=sorted(SITE_ROLES), scope__isnull=True)
                | (~Q(role__in=sorted(SITE_ROLES)) & Q(scope__isnull=False)),
                name="role_assignment_scope",
                violation_error_message=_(
                    "Un rôle du site n’a pas de périmètre ; les autres en ont un."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.get_role_display()}" + (
            f" ({self.scope})" if self.scope_id else ""
        )
