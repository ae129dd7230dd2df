"""Interests in a file that a committee is given."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import RoleAssignment, User
from portal.common.forms import field_of
from requests_app.models import InterestDeclaration, Stage

from .base import ActForm, text_field


class DeclareInterestForm(ActForm):
    verb = "declare_interest"
    answer = forms.ChoiceField(
        label=_("Avez-vous un lien d’intérêts avec ce dossier ?"),
        choices=[
            (InterestDeclaration.Answer.NONE, _("Non, je n’ai aucun lien d’intérêts")),
            (
                InterestDeclaration.Answer.WITHDRAWN,
                _("Oui, je me déporte : le dossier ne me sera plus montré"),
            ),
        ],
        widget=forms.RadioSelect,
    )
    reason = text_field(_("Précisions"), required=False, rows=3)

    def told_once_hidden(self) -> str:
        """A member who stands down sees nothing of the file (A14)."""
        told = gettext("Vous vous êtes déporté du dossier %(number)s : il ne vous est plus montré.")
        return told % {"number": self.access_request.number}


class MemberChoice(forms.ModelMultipleChoiceField):
    """Of `committee_members`: who would be refused for want of a declaration is said beforehand."""

    def label_from_instance(self, obj: User) -> str:
        if getattr(obj, "has_declared", True):
            return str(obj)
        return gettext("%(name)s – n’a pas encore déclaré ses liens d’intérêts") % {"name": obj}


def committee_members(stage: Stage) -> QuerySet[User]:
    """Active members of the stage's committee who did not withdraw from the request, each with
    `has_declared`."""
    declared = InterestDeclaration.objects.filter(request_id=stage.request_id)
    withdrawn = declared.filter(answer=InterestDeclaration.Answer.WITHDRAWN).values("member")
    held = RoleAssignment.objects.active().filter(
        scope_id=stage.committee_id, role__in=["committee_member", "president"]
    )
    members = User.objects.filter(pk__in=held.values("user"), is_active=True)
    return members.exclude(pk__in=withdrawn).annotate(
        has_declared=Exists(declared.filter(member=OuterRef("pk")))
    )


class WithdrawMemberForm(ActForm):
    verb = "withdraw_member"
    member = forms.ModelChoiceField(label=_("Membre"), queryset=User.objects.none())
    reason = text_field(_("Motif"), rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.stage is not None  # noqa: S101 - this act exists only in a committee's stage
        field_of(self, "member", forms.ModelChoiceField).queryset = committee_members(self.stage)
