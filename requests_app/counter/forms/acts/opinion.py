"""Acts of the committee: rapporteurs, reports, the opinion."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common.fields import uuid_or_none
from portal.common.forms import field_of
from requests_app.committee import loads
from requests_app.models import Report, Stage
from requests_app.procedures.words import period_in_words
from requests_app.rights import permissions
from requests_app.rights.visibility import Person

from .base import ActForm, text_field
from .interests import MemberChoice, committee_members


class _RapporteurChoice(MemberChoice):
    """Each member with the files they were given this month (A14)."""

    loads: ClassVar[dict[UUID, int]] = {}

    def label_from_instance(self, obj: User) -> str:
        count, label = self.loads.get(obj.pk, 0), super().label_from_instance(obj)
        if not count:
            return label
        load = ngettext("%(n)d dossier ce mois-ci", "%(n)d dossiers ce mois-ci", count)
        return f"{label} ({load % {'n': count}})"


class AssignRapporteursForm(ActForm):
    verb = "assign_rapporteurs"
    members = _RapporteurChoice(
        label=_("Rapporteurs"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Un ou deux. Au-delà de quatre dossiers par mois, un avertissement s’affiche."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        members = field_of(self, "members", _RapporteurChoice)
        members.loads = loads.rapporteur_loads(self.stage)
        members.queryset = committee_members(self.stage)
        members.initial = list(
            self.stage.rapporteurs.filter(ended_at__isnull=True).values_list("member", flat=True)
        )

    def clean_members(self) -> list[User]:
        members = list(self.cleaned_data["members"])
        if len(members) > 2:
            raise ValidationError(_("Désignez deux rapporteurs au plus."))
        return members

    def warnings(self) -> list[str]:
        return loads.loaded_rapporteurs(self.stage) if self.stage is not None else []


def sense_field(label: Any) -> forms.ChoiceField:
    """Nothing is chosen beforehand: a sense is a person's word."""
    return forms.ChoiceField(label=label, widget=forms.RadioSelect)


class SenseForm(ActForm):
    """A sense among those that the procedure lets a person choose."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        self.spec = self.procedure.stage(self.stage.code)
        express = [(one.code, str(one.short)) for one in self.spec.outcomes if not one.tacit]
        self.fields["sense"].choices = express  # type: ignore[attr-defined]


class HeadingsForm(SenseForm):
    """The headings of the procedure (A11), and numbered points: one per line."""

    points = text_field(
        _("Points numérotés"),
        required=False,
        help_text=_("Un point par ligne. Le demandeur répondra à chacun."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rubrics = self.spec.rubrics
        names = []
        for code, label in self.rubrics.items():
            names.append(f"heading_{code}")
            self.fields[names[-1]] = text_field(str(label), rows=4)
        self.order_fields(["sense", *names, "points"])

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        headings = {code: values.pop(f"heading_{code}") for code in self.rubrics}
        points = [line.strip() for line in values["points"].splitlines() if line.strip()]
        return values | {"headings": headings, "points": points}


class ReportForm(HeadingsForm):
    verb = "file_report"
    with_the_file = True
    sense = sense_field(_("Sens proposé"))


class ExtendOpinionForm(ActForm):
    verb = "extend_opinion"
    reason = text_field(_("Motif"), rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        clock = self.procedure.stage(self.stage.code).clock
        if clock is not None and clock.extension is not None:
            self.intro = gettext("Le délai est prolongé de %(period)s, une seule fois.") % {
                "period": period_in_words(clock.extension.by)
            }


class IssueOpinionForm(HeadingsForm):
    verb = "issue_opinion"
    with_the_file = True
    beside = frozenset({"reports", "remarks", "sitting"})
    sense = sense_field(_("Sens de l’avis"))
    present = MemberChoice(
        label=_("Membres présents"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Les membres déportés ou écartés d’office n’apparaissent pas ici ; l’avis les nomme."
            " Siège qui a déclaré ses liens d’intérêts."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        field_of(self, "present", forms.ModelChoiceField).queryset = committee_members(self.stage)

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        return values | {"present": list(values["present"])}

    @classmethod
    def start_from(cls, stage: Stage, *, user: Person, query: Mapping[str, str]) -> dict[str, Any]:
        """The report that the president names."""
        asked = uuid_or_none(query.get("rapport", ""))
        seen = permissions.reports_visible_to(user).filter(pk=asked, stage=stage) if asked else None
        report = seen.first() if seen is not None else None
        return _from_report(report) if report is not None else {}


def _from_report(report: Report) -> dict[str, Any]:
    points = [str(point["text"]) for point in report.points]
    return {f"heading_{code}": text for code, text in report.headings.items()} | {
        "points": "\n".join(points)
    }


class LateOpinionForm(SenseForm):
    """After a tacit outcome the committee's words are kept as a remark; nothing moves (T1)."""

    verb = "file_late_opinion"
    with_the_file = True
    intro = _("Le délai est passé : cet avis est conservé comme une remarque, sans autre effet.")
    sense = sense_field(_("Sens"))
    text = text_field(_("Avis motivé"))
    points = text_field(_("Points numérotés"), required=False, help_text=_("Un point par ligne."))

    def payload(self) -> dict[str, Any]:
        lines = self.cleaned_data["points"].splitlines()
        return super().payload() | {"points": [line.strip() for line in lines if line.strip()]}
