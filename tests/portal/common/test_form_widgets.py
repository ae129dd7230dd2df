"""A widget of ours is drawn as what it is: the library of forms chooses by the class's name."""

import pytest
from django import forms
from django.forms import Widget
from dsfr.forms import DsfrBaseForm

import portal.urls  # noqa: F401 - every form is imported by its page


KINDS = (
    forms.CheckboxInput,
    forms.CheckboxSelectMultiple,
    forms.RadioSelect,
)
OURS = ("portal.", "requests_app.", "catalog.")


def every(kind: type[Widget]) -> list[type[Widget]]:
    found = [one for one in kind.__subclasses__() if one.__module__.startswith(OURS)]
    return found + [deeper for one in kind.__subclasses__() for deeper in every(one)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_widget_of_ours_is_drawn_as_the_one_it_extends(kind: type[Widget]) -> None:
    def template(widget: type[Widget]) -> str:
        field = forms.ChoiceField(choices=[("a", "A")], widget=widget)
        made = type("Form", (DsfrBaseForm,), {"field": field})()
        return str(made["field"].template_name)

    wanted = template(kind)
    assert {one.__name__: template(one) for one in every(kind) if template(one) != wanted} == {}


def test_there_is_one_to_look_at() -> None:
    assert every(forms.RadioSelect)
