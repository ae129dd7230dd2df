"""From what a person may do to the address where they do it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.models import EDITABLE_STATES, AccessRequest
from requests_app.workflow.abilities import Ability


# Verbs that have a page of their own beside the generic one (`views.act`).
OWN_PAGES = {
    "ask_signature": "requests_app:draft_summary",
    "send_completion": "requests_app:draft_summary",
    "cancel_signature": "requests_app:cancel_signature",
    "sign": "requests_app:sign",
    "deposit_paper": "requests_app:sign",
}
NO_BUTTON = frozenset({"correct_act"})  # linked from the act itself
# Ways back or out: always possible, never what is awaited.
QUIET = frozenset({"withdraw", "cancel_signature", "contest_signature"})


@dataclass(frozen=True, slots=True)
class ActLink:
    name: str
    label: str
    url: str
    primary: bool = False


def act_links(
    request: AccessRequest,
    abilities: Sequence[Ability],
    *,
    edits: bool = False,
) -> list[ActLink]:
    """One link per act, the one that is due first; the grid stands before completeness verdicts.

    `edits`: the file is this person's to change now.
    """
    found = _links(request, abilities)
    if edits:
        url = reverse("requests_app:draft", args=[request.pk])
        if request.state in EDITABLE_STATES:
            found.insert(0, ActLink("edit", str(_("Compléter le dossier")), url))
        else:
            found.insert(1, ActLink("edit", str(_("Corriger le dossier")), url))
    found.sort(key=lambda one: one.name in QUIET)
    if found and found[0].name not in QUIET:
        found[0] = replace(found[0], primary=True)
    return found


def _links(request: AccessRequest, abilities: Sequence[Ability]) -> list[ActLink]:
    found: list[ActLink] = []
    for one in abilities:
        if one.name in NO_BUTTON:
            continue
        before = ACT_FORMS[one.name].before if one.name in ACT_FORMS else None
        if before is not None and one.stage is not None:
            page, label = before
            # work that comes before the act: the grid, the extract's preparation
            url = reverse(f"requests_app:{page}", args=[request.pk])
            found.append(ActLink(page, str(label), url))
        if one.name in OWN_PAGES:
            url = reverse(OWN_PAGES[one.name], args=[request.pk])
        elif one.task is not None:
            url = reverse("requests_app:close_task", args=[request.pk, one.task.pk])
        elif one.stage is not None:
            url = reverse("requests_app:stage_act", args=[request.pk, one.stage.pk, one.name])
        else:
            url = reverse("requests_app:request_act", args=[request.pk, one.name])
        link = ActLink(one.name, str(one.label), url)
        if link.url not in {other.url for other in found}:
            found.append(link)
    return found
