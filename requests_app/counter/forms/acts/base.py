"""The base of act forms: what was done, when, with which document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common.calendar import PARIS, legal_today
from portal.common.days import DayField
from requests_app.models import AccessRequest, Act, Stage, Task
from requests_app.rights.visibility import Person
from requests_app.workflow.acts.corrections import correctable_codes


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a callout, with the address of what it names."""

    text: str
    url: str = ""


Callouts = list[tuple[str, list[Line]]]


class ActForm(forms.Form):
    """Base: with a date where the act may precede its entry, and with its document.

    `with_the_file`: written with the file before one's eyes; `beside`: what else is read there
    (`reports`, `remarks`, `opinions`, `sitting`); `before`: name and words of a page of work that
    comes before the act.
    """

    verb: ClassVar[str] = ""
    with_the_file: ClassVar[bool] = False
    beside: ClassVar[frozenset[str]] = frozenset()
    before: ClassVar[tuple[str, str | Promise] | None] = None
    has_date: ClassVar[bool] = False
    has_document: ClassVar[bool] = False
    document_required: ClassVar[bool] = False
    intro: Any = ""
    ADDRESSES: ClassVar[str] = "addresses_"  # a field for each person, where the act opens rights

    def __init__(
        self,
        *args: Any,
        request: AccessRequest,
        stage: Stage | None,
        user: User,
        task: Task | None = None,
        corrected: Act | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.task, self.corrected = task, corrected
        self.access_request = request
        self.stage = stage
        self.user = user
        self.procedure = request.procedure
        if self.has_date:
            self.fields["effective_on"] = DayField(
                earliest=self._opened_on(),
                latest=legal_today,
                label=_("Date de l’acte"),
                initial=legal_today,
                help_text=_("La date portée par l’acte lui-même, pas celle de la saisie."),
            )
        if self.has_document:
            self.fields["document"] = forms.FileField(
                label=_("Document"),
                required=self.document_required,
                help_text=_("Un PDF de 25 Mo au plus."),
            )

    @classmethod
    def start_from(cls, stage: Stage, *, user: Person, query: Mapping[str, str]) -> dict[str, Any]:
        """What the fields of an act in a stage start from."""
        return {}

    def warnings(self) -> list[str]:
        """What the person should know before the act."""
        return []

    def callouts(self) -> Callouts:
        """Figures and documents that the act is made from."""
        return []

    def told_once_hidden(self) -> str:
        """What the person is told when the act closes the file to them."""
        return gettext(
            "C’est enregistré. Rien de plus n’est attendu de vous : ce dossier ne vous est"
            " plus montré."
        )

    def _opened_on(self) -> date:
        """No act of a file is older than the file; the engine knows which one it follows."""
        return min(self.access_request.created_at.astimezone(PARIS).date(), legal_today())

    def ask_confirmation(self, name: str) -> None:
        """Of an act that is not taken back: one more box, unless the page asks nothing else.

        It says of this very act what can still be put right.
        """
        if all(field.widget.is_hidden for field in self.fields.values()):
            return
        correctable = name == "correct_act" or name in correctable_codes()
        self.fields["confirm"] = forms.BooleanField(
            label=_(
                "J’ai relu. Cet acte est définitif : seuls sa date, ses numéros, son texte et son"
                " document se corrigent, par un nouvel acte motivé."
            )
            if correctable
            else _("J’ai relu. Cet acte est définitif : il ne se corrige pas dans le portail."),
            error_messages={"required": _("Cochez cette case pour confirmer l’acte.")},
        )

    @property
    def effective_at(self) -> date | datetime | None:
        """The day typed, when the act has one; the engine finds the instant."""
        return self.cleaned_data.get("effective_on")

    def payload(self) -> dict[str, Any]:
        """Keyword arguments of the verb, without `by` and `effective_at`."""
        return {
            key: value
            for key, value in self.cleaned_data.items()
            if key not in {"effective_on", "document", "confirm"}
            and not key.startswith(self.ADDRESSES)
        }

    def addresses(self) -> dict[str, dict[str, list[str]]]:
        """What the act says besides, where it opens rights: from where each person comes."""
        said = {
            name.removeprefix(self.ADDRESSES): value
            for name, value in self.cleaned_data.items()
            if name.startswith(self.ADDRESSES)
        }
        return {"addresses": said} if said else {}


def text_field(
    label: Any, *, required: bool = True, rows: int = 5, **kwargs: Any
) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, widget=forms.Textarea(attrs={"rows": rows}), **kwargs
    )
