"""Every Django form of the portal renders in DSFR markup: `{{ form }}`, or field by field."""

from typing import TypeVar

from django.forms.fields import Field
from django.forms.forms import BaseForm
from django.forms.renderers import TemplatesSetting


F = TypeVar("F", bound=Field)


class PortalRenderer(TemplatesSetting):
    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
    formset_template_name = "components/formset.html"


def field_of(form: BaseForm, name: str, kind: type[F]) -> F:
    """A field of a form, by its own type. Raises TypeError when it is of another."""
    found = form.fields[name]
    if not isinstance(found, kind):
        raise TypeError(f"{name} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def mark_conditional(form: BaseForm, *names: str) -> None:
    """Fields that another answer makes compulsory: their help says when, not "facultatif"."""
    for name in names:
        vars(form.fields[name])["conditional"] = True  # read by components/field.html
