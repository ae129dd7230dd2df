"""The applicant withdraws the request."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from requests_app.models import RequestState

from .base import ActForm, text_field


class WithdrawForm(ActForm):
    verb = "withdraw"
    intro = _("La demande s’arrête. Elle reste consultable.")
    reason = text_field(
        _("Motif"), rows=3, error_messages={"required": _("Indiquez le motif du retrait.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.access_request.state == RequestState.DRAFT:  # nobody is waiting for it
            self.fields["reason"].required = False
