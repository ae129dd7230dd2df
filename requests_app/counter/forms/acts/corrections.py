"""An act is corrected by a new one."""

import copy
from datetime import date, datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.common.calendar import PARIS
from portal.common.fields import LineField
from portal.common.templatetags.portal import long_date
from requests_app.counter.reading.act_words import act_details
from requests_app.models import AccessRequest, Act
from requests_app.workflow.labels import logged

from .authority import name_authority
from .base import ActForm, Callouts, Line, text_field


_NUMBERS = ("number", "application_number", "reference")


def typed_in(code: str) -> dict[str, forms.Field]:
    """The fields of the form in which an act of this code was typed, with their rules."""
    for form in ActForm.__subclasses__():
        if form.verb == code:
            return form.base_fields
    return {}


class CorrectActForm(ActForm):
    """A correction is a new act with its reason; both stay visible and due dates are recomputed.

    Date, numbers, words and document can be put right; what is left as it is stays.
    """

    verb = "correct_act"
    has_date = True
    has_document = True
    intro = _(
        "La correction est un nouvel acte : l’ancien reste visible, les échéances sont recalculées."
    )
    reason = text_field(_("Motif de la correction"), rows=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.corrected is None:
            raise LookupError("a correction is made on the page of its act")
        act = self.act = self.corrected
        self.fields["effective_on"].initial = act.effective_at.astimezone(PARIS).date()
        self.fields["document"].help_text = _("Laissez vide pour garder le document de l’acte.")
        typed = typed_in(act.code)
        self.numbers = [name for name in _NUMBERS if name in act.data]
        for name in self.numbers:
            known = typed.get(name) or LineField(label=_("Référence"), max_length=100)
            self.fields[name] = copy.deepcopy(known)
            self.fields[name].initial = act.data[name]
        if act.text:
            self.fields["text"] = text_field(_("Texte de l’acte"), initial=act.text)
        name_authority(self.fields, self.procedure.authority)
        self.order_fields(["reason", "effective_on", *self.numbers, "text", "document"])

    @property
    def effective_at(self) -> date | datetime | None:
        """The act's own instant when its day is kept, so that it stays after those of that day."""
        day = super().effective_at
        same = day == self.act.effective_at.astimezone(PARIS).date()
        return self.act.effective_at if same else day

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        numbers = {name: values.pop(name) for name in self.numbers}
        changed = {name: new for name, new in numbers.items() if new != self.act.data[name]}
        return values | {"act": self.act, "data": changed}

    def callouts(self) -> Callouts:
        return [(gettext("Acte à corriger"), _of_act(self.act, self.access_request))]


def _of_act(act: Act, access_request: AccessRequest) -> list[Line]:
    label = logged(act.code, access_request.procedure.authority)
    said = [Line(f"{label}, {long_date(act.effective_at)}")]
    said += [Line(words) for words in act_details(act, access_request.procedure)]
    if act.document is not None:
        url = reverse("requests_app:file", args=[access_request.pk, act.document_id])
        said.append(Line(act.document.name, url))
    return said
