"""A person to name."""

from collections.abc import Mapping

from django import forms

from requests_app.counter.forms.fields import address, line
from requests_app.procedures.questions.person import PLACES

from .base import Compound


class Person(Compound):
    places_open = False

    def places(self) -> Mapping[str, forms.Field]:
        return {
            place: address(label) if place == "email" else line(label)
            for place, label in PLACES.items()
        }


CONTROL = Person
