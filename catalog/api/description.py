"""The API's OpenAPI description: files that `make openapi` writes beside this one.

Serving needs no generator: the library that writes them (drf-spectacular) is a tool of development.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


HERE = Path(__file__).parent


@cache
def description() -> dict[str, Any]:
    """The document, for a page that reads it; nobody writes in it."""
    document: dict[str, Any] = json.loads((HERE / "openapi.json").read_bytes())
    return document


class _File(BaseRenderer):
    """The file of one format, as it is."""

    def render(self, data: Any, media_type: Any = None, context: Any = None) -> bytes:
        if data is not None:  # a refusal
            return json.dumps(data, ensure_ascii=False).encode()
        return (HERE / f"openapi.{self.format}").read_bytes()


class Yaml(_File):
    media_type = "application/vnd.oai.openapi"
    format = "yaml"


class PlainYaml(Yaml):
    media_type = "application/yaml"


class Json(_File):
    media_type = "application/vnd.oai.openapi+json"
    format = "json"


class PlainJson(Json):
    media_type = "application/json"


class DescriptionView(APIView):
    """In JSON or YAML; `lang` and `version`, which tools send, change nothing."""

    schema = None
    renderer_classes = [Yaml, PlainYaml, Json, PlainJson]

    def get(self, request: Request) -> Response:
        kind = self.perform_content_negotiation(request, force=True)[0].format
        return Response(
            headers={"Content-Disposition": f'inline; filename="guichet.{kind}"'},
        )
