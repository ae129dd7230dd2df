"""What a caller may ask: a parameter that is unknown, or wrong, is refused instead of ignored.

A filter that is silently left out answers a question nobody asked.
"""

from datetime import UTC
from typing import Any

import django_filters
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request


class StrictParameters:
    """For a view: `parameters` are the names it reads."""

    parameters: frozenset[str] = frozenset()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Whatever a view says of time, it says in UTC: `…Z` (pages show Paris)."""
        with timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def known_parameters(self) -> set[str]:
        return {*self.parameters, "format"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method not in {"GET", "HEAD"}:
            return  # answered 405, or what OPTIONS says
        if unknown := set(request.query_params) - self.known_parameters():
            raise serializers.ValidationError(
                {name: [_("Paramètre inconnu.")] for name in sorted(unknown)}
            )


def whole_number(request: Request, name: str, default: int, largest: int | None = None) -> int:
    """A parameter of at least 1. Raises ValidationError, which names it."""
    if name not in request.query_params:
        return default
    field = serializers.IntegerField(min_value=1, max_value=largest)
    text = request.query_params[name]
    if not text.isascii() or "_" in text:  # which `int()` reads: ١, 1_0
        text = "?"
    try:
        return int(field.run_validation(text))
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error


class TrueOrFalse(django_filters.TypedChoiceFilter):
    """`true` or `false`; django-filter's own BooleanFilter ignores any other word."""

    def __init__(self, **options: Any) -> None:
        choices = [("true", _("oui")), ("false", _("non"))]
        super().__init__(choices=choices, coerce=lambda text: text == "true", **options)
