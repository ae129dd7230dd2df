"""Acts of the committee: interests, rapporteurs, reports, the opinion."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import RoleAssignment, User
from requests_app.models import InterestDeclaration, OpinionSense, Stage

from .base import ActForm, text_field


class DeclareInterestForm(ActForm):
    answer = forms.ChoiceField(
        label=_("Avez-vous un lien d’intérêts avec ce dossier ?"),
        choices=[
            (InterestDeclaration.Answer.NONE, _("Non, je n’ai aucun lien d’intérêts")),
            (InterestDeclaration.Answer.WITHDRAWN, _("Oui, je me déporte")),
        ],
        widget=forms.RadioSelect,
    )
    reason = text_field(_("Précisions"), required=False, rows=3)


class _MemberChoice(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: User) -> str:
        return str(obj)


def committee_members(stage: Stage) -> QuerySet[User]:
    """Active members of the stage's committee who did not withdraw from the request."""
    withdrawn = InterestDeclaration.objects.filter(
        request_id=stage.request_id, answer=InterestDeclaration.Answer.WITHDRAWN
    ).values("member")
    held = RoleAssignment.objects.active().filter(
        scope_id=stage.committee_id, role__in=["committee_member", "president"]
    )
    return User.objects.filter(pk__in=held.values("user"), is_active=True).exclude(pk__in=withdrawn)


class WithdrawMemberForm(ActForm):
    irreversible = True
    member = forms.ModelChoiceField(label=_("Membre"), queryset=User.objects.none())
    reason = text_field(_("Motif"), rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        self.fields["member"].queryset = committee_members(self.stage)  # type: ignore[attr-defined]


class AssignRapporteursForm(ActForm):
    members = _MemberChoice(
        label=_("Rapporteurs"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Un ou deux. Au-delà de quatre dossiers par mois, un avertissement s’affiche."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        self.fields["members"].queryset = committee_members(self.stage)  # type: ignore[attr-defined]

    def clean_members(self) -> list[User]:
        members = list(self.cleaned_data["members"])
        if len(members) > 2:
            raise ValidationError(_("Désignez deux rapporteurs au plus."))
        return members


EXPRESS_SENSES = [
    (sense.value, sense.label) for sense in OpinionSense if sense != OpinionSense.TACIT
]


class HeadingsForm(ActForm):
    """The headings of the procedure (A11), and numbered points: one per line."""

    points = text_field(
        _("Points numérotés"),
        required=False,
        help_text=_("Un point par ligne. Le demandeur répondra à chacun."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        self.headings = self.procedure.stage(self.stage.code).headings
        names = []
        for heading in self.headings:
            names.append(f"heading_{heading.code}")
            self.fields[names[-1]] = text_field(heading.label, rows=4)
        self.order_fields(["sense", *names, "points"])

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        headings = {one.code: values.pop(f"heading_{one.code}") for one in self.headings}
        points = [line.strip() for line in values["points"].splitlines() if line.strip()]
        return values | {"headings": headings, "points": points}


class ReportForm(HeadingsForm):
    sense = forms.ChoiceField(label=_("Sens proposé"), choices=EXPRESS_SENSES)


class ExtendOpinionForm(ActForm):
    irreversible = True
    intro = _("Le délai est prolongé d’un mois, une seule fois.")
    reason = text_field(_("Motif"), rows=3)


class IssueOpinionForm(HeadingsForm):
    irreversible = True
    sense = forms.ChoiceField(label=_("Sens de l’avis"), choices=EXPRESS_SENSES)
    present = _MemberChoice(
        label=_("Membres présents"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Les membres déportés n’apparaissent pas ici ; ils figurent d’office dans l’avis."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        self.fields["present"].queryset = committee_members(self.stage)  # type: ignore[attr-defined]

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        return values | {"present": list(values["present"])}


class LateOpinionForm(ActForm):
    """After a tacit outcome the committee's words are kept as a remark; nothing moves (T1)."""

    irreversible = True
    intro = _("Le délai est passé : cet avis est conservé comme une remarque, sans autre effet.")
    sense = forms.ChoiceField(label=_("Sens"), choices=EXPRESS_SENSES)
    text = text_field(_("Avis motivé"))
    points = text_field(_("Points numérotés"), required=False, help_text=_("Un point par ligne."))

    def payload(self) -> dict[str, Any]:
        lines = self.cleaned_data["points"].splitlines()
        return super().payload() | {"points": [line.strip() for line in lines if line.strip()]}
