"""What was answered before to a signature on paper, for whoever compares it or signs."""

from django.utils.translation import gettext as _

from portal.common.templatetags.portal import moment
from requests_app.models import AccessRequest
from requests_app.rights import standing


def answered_before(request: AccessRequest) -> list[str]:
    """One line a refusal or contest: who, when, of which version, why."""
    contested = _("Version %(number)s contestée par %(who)s le %(date)s : %(why)s")
    refused = _("Version %(number)s refusée par %(who)s le %(date)s : %(why)s")
    return [
        (contested if act.code == "contest_signature" else refused)
        % {
            "number": act.data["version"],
            "who": act.entered_by,
            "date": moment(act.entered_at),
            "why": act.text,
        }
        for act in standing.sent_back(request)
    ]
