"""The commitment to a reference methodology."""

from .base import ActForm


class RecordConformityForm(ActForm):
    verb = "record_conformity"
    has_date = True
    has_document = True
    document_required = True
