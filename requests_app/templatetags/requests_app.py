"""Tags of the applicant's pages: buttons of a chosen row, and what catalogue pages show."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from requests_app.selection.described import DescribedRow, mend_value


register = template.Library()


@register.simple_tag
def row_remove(*, one: DescribedRow) -> str:
    """Value of the button that removes a row."""
    return mend_value("remove", one.key)


@register.inclusion_tag("requests_app/row_button.html", takes_context=True)
def row_button(
    context: template.Context, *, value: str, label: str, action: str = "", css: str = ""
) -> dict[str, Any]:
    """A button that changes the rows: in its own form at `action`, or in the form around it."""
    return {
        "value": value,
        "label": label,
        "action": action,
        "css": css,
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def row_edit(*, one: DescribedRow, kind: str = "") -> SafeString:
    """Link to the page of a row's years and variables; in a draft a button that saves first."""
    what = f"{one.row.dataset} {one.row.table}".strip()
    label = _("Choisir les années et les variables") if one.row.table else _("Choisir les années")
    css = "fr-btn fr-btn--sm fr-btn--secondary"
    if kind == "draft":
        return format_html(
            '<button class="{}" type="submit" name="edit" value="{}">{}'
            '<span class="fr-sr-only"> : {}</span></button>',
            css,
            mend_value("edit", one.key),
            label,
            what,
        )
    names = ("basket_row", one.key) if one.row.table else ("basket_row_whole", one.key[:1])
    return format_html(
        '<a class="{}" href="{}">{}<span class="fr-sr-only"> : {}</span></a>',
        css,
        reverse(f"requests_app:{names[0]}", args=names[1]),
        label,
        what,
    )


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    """The value of a key known only at display, or nothing."""
    return mapping.get(key, "")
