"""One question of the orientation, and the start of a draft."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Membership, Organisation, User
from portal.common.fields import NameField
from portal.common.forms import field_of
from requests_app.dossier.orientation import Question
from requests_app.procedures.schema import Procedure


class AnswerForm(forms.Form):
    answer = forms.TypedChoiceField(
        choices=[("yes", _("Oui")), ("no", _("Non"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Répondez par oui ou par non.")},
    )

    def __init__(self, *args: Any, question: Question, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["answer"].label = str(question.text)
        self.fields["answer"].help_text = str(question.help or "")


def organisations_for(user: User) -> QuerySet[Organisation]:
    """Bodies for which a person may start a draft: memberships confirmed or waiting for it."""
    open_ones = Membership.objects.filter(user=user, ended_at__isnull=True)
    return Organisation.objects.filter(
        pk__in=open_ones.values("organisation"), suspended_at__isnull=True
    )


class StartForm(forms.Form):
    """Title, body and procedure of a new draft."""

    title = NameField(
        label=_("Titre de l’étude"),
        max_length=250,
        help_text=_("Vous pourrez le changer jusqu’à la signature."),
        error_messages={"required": _("Donnez un titre à votre étude.")},
    )
    organisation = forms.ModelChoiceField(
        label=_("Responsable de traitement"),
        queryset=Organisation.objects.none(),
        help_text=_(
            "L’organisme pour lequel vous faites la demande ; son représentant la signera."
        ),
        error_messages={"required": _("Choisissez l’organisme.")},
    )
    procedure = forms.ChoiceField(label=_("Procédure"), widget=forms.RadioSelect)
    import_basket = forms.BooleanField(
        label=_("Reprendre ma sélection dans l’expression de besoins"), required=False, initial=True
    )

    def __init__(
        self, *args: Any, user: User, procedures: list[Procedure], rows: int, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        organisations = organisations_for(user)
        field_of(self, "organisation", forms.ModelChoiceField).queryset = organisations
        if len(organisations) == 1:
            self.fields["organisation"].initial = organisations[0]
        self.procedures = {procedure.code: procedure for procedure in procedures}
        field_of(self, "procedure", forms.ChoiceField).choices = [
            (procedure.code, str(procedure.title)) for procedure in procedures
        ]
        self.fields["procedure"].initial = procedures[0].code
        if not rows:
            del self.fields["import_basket"]

    @property
    def procedure_chosen(self) -> Procedure:
        return self.procedures[self.cleaned_data["procedure"]]
