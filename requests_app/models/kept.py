"""A body's own procedure as it was when the first request took it: its folder may change."""

from collections.abc import Callable

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from requests_app.procedures import forms, keeping, registry
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


class KeptProcedure(models.Model):
    """The text that requests of this code and version follow to their end."""

    class What(models.TextChoices):
        PROCEDURE = "procedure", _("procédure")
        FORM = "form", _("formulaire")

    what = models.CharField(_("nature"), max_length=9, choices=What.choices)
    code = models.SlugField(_("code"), max_length=60)
    version = models.PositiveSmallIntegerField(_("version"))
    text = models.TextField(_("texte"))
    kept_at = models.DateTimeField(_("gardée le"), default=timezone.now)

    class Meta:
        verbose_name = _("procédure gardée")
        verbose_name_plural = _("procédures gardées")
        constraints = [
            models.UniqueConstraint(
                fields=["what", "code", "version"],
                name="procedure_kept_once",
                violation_error_message=_("Cette version de la procédure est déjà gardée."),
            ),
            models.CheckConstraint(
                condition=models.Q(what__in=["procedure", "form"]), name="procedure_kept_what"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


def keep(procedure: Procedure) -> Procedure:
    """In the transaction of the request that takes it; those shipped stay with the code.

    Returns the procedure that the request follows: the one that an earlier request took, when its
    file has been edited since.
    """
    followed = procedure
    if _keep(KeptProcedure.What.PROCEDURE, procedure, registry.is_own):
        followed = registry.get(procedure.code, procedure.version)
    _keep(KeptProcedure.What.FORM, forms.of(followed), forms.is_own)
    return followed


def _keep(what: str, one: Procedure | Form, own: Callable[[str, int], bool]) -> bool:
    """Whether it was kept already."""
    if not own(one.code, one.version):
        return False
    _row, made = KeptProcedure.objects.get_or_create(
        what=what,
        code=one.code,
        version=one.version,
        defaults={"text": one.model_dump_json()},
    )
    return not made


@keeping.kept_by
def text_of(what: str, code: str, version: int) -> str | None:
    """What requests took of this code and version."""
    rows = KeptProcedure.objects.filter(what=what, code=code, version=version)
    return rows.values_list("text", flat=True).first()


@keeping.listed_by
def listed(what: str) -> set[tuple[str, int]]:
    """Codes and versions that requests took."""
    return set(KeptProcedure.objects.filter(what=what).values_list("code", "version"))
