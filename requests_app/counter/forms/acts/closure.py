"""The file is closed."""

from django.utils.translation import gettext_lazy as _

from .base import ActForm, text_field


class CloseForm(ActForm):
    verb = "close"
    note = text_field(_("Observations"), required=False, rows=3)
