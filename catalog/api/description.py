"""The OpenAPI document, made once per process."""

from functools import cache
from threading import Lock
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response


# drf-spectacular keeps the view it describes on an object that all threads share: two descriptions
# made at once take each other's view, and fail.
_describing = Lock()


@cache
def _made() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document


def description() -> dict[str, Any]:
    """The document that `tests/api/openapi.json` holds; nobody writes in it."""
    with _describing:
        return _made()


class DescriptionView(SpectacularAPIView):
    """In JSON or YAML; `lang` and `version`, which the library would read, change nothing."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        kind = self.perform_content_negotiation(request, force=True)[0].format
        return Response(
            data=description(),
            headers={"Content-Disposition": f'inline; filename="guichet.{kind}"'},
        )
