"""Places on catalogue pages that upper rooms fill: registered here, never imported.

A panel is `callable(request, subject) -> html`, the html being safe already (render a template). It
may be asked for several subjects of one page: it keeps on the request what it would query twice.

Names: `home_figures` (no subject), `result_actions`, `dataset_actions`, `table_actions`,
`variable_actions` (buttons beside a hit or a title), `variables_choice` (the form, of id
`choix-variables`, that sends the ticked variables of a table), `dataset_procedure` (procedure,
length, due date).
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe


Panel = Callable[[HttpRequest, Any], str]
NAMES = frozenset(
    {
        "home_figures",
        "result_actions",
        "dataset_actions",
        "dataset_procedure",
        "table_actions",
        "variable_actions",
        "variables_choice",
    }
)
_panels: dict[str, list[Panel]] = {name: [] for name in NAMES}


def register_panel(name: str, panel: Panel) -> None:
    """Add a panel at a place. Raises KeyError for a place that no page has. Once per callable."""
    if panel not in _panels[name]:
        _panels[name].append(panel)


def render_panels(name: str, request: HttpRequest, subject: Any) -> SafeString:
    """What the panels of a place say of the subject, in order of registration."""
    parts = [conditional_escape(panel(request, subject)) for panel in _panels[name]]
    return mark_safe("".join(parts))  # noqa: S308  (each part is escaped or marked by its room)
