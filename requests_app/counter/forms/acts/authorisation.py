"""The authority's receipt, extension and answer."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.common.fields import LineField

from .authority import AuthorityNumberField, name_authority
from .base import ActForm, text_field


class RecordReceiptForm(ActForm):
    verb = "record_receipt"
    has_date = True
    has_document = True
    application_number = LineField(label=_("Numéro de demande %(short)s"), max_length=30)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_authority(self.fields, self.procedure.authority)


class RecordExtensionForm(ActForm):
    verb = "record_extension"
    has_date = True
    has_document = True
    document_required = True


class RecordAuthorisationForm(ActForm):
    verb = "record_authorisation"
    has_date = True
    has_document = True
    document_required = True
    number = AuthorityNumberField(label=_("Numéro de l’autorisation"), max_length=30)
    application_number = LineField(
        label=_("Numéro de demande %(short)s"),
        max_length=30,
        help_text=_("Celui de l’accusé de réception."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_authority(self.fields, self.procedure.authority)
        if self.stage is not None:
            receipt = self.stage.acts.in_force().filter(code=RecordReceiptForm.verb)
            known = receipt.values_list("data", flat=True).first() or {}
            self.fields["application_number"].initial = known.get("application_number", "")


class RecordRefusalForm(ActForm):
    verb = "record_refusal"
    has_date = True
    has_document = True
    number = LineField(label=_("Numéro du refus"), max_length=30, required=False)
    reason = text_field(_("Motifs donnés par %(name)s"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_authority(self.fields, self.procedure.authority)
