"""The API's OpenAPI description, from its views: what `make openapi` writes and a test compares.

    python -m tests.catalog.api.describe

The portal serves the files; drf-spectacular, which makes them, is a tool of development only.
"""

import json
import os
from pathlib import Path
from typing import Any


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    django.setup()

from django.test import override_settings
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.settings import patched_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from drf_spectacular.validation import validate_schema

from catalog.api.description import HERE
from catalog.api.parameters import TrueOrFalse
from portal.settings.base import REST_FRAMEWORK


PROBLEM = {
    "type": "object",
    "description": "Problème décrit selon la RFC 9457.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "Libellé du code HTTP."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Ce qui s’est passé, pour une personne."},
        "errors": {
            "type": "object",
            "description": "Messages par paramètre refusé.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["type", "title", "status", "detail"],
}
REFUSALS = {
    "400": ("BadRequest", "Un paramètre est inconnu, ou sa valeur est refusée."),
    "401": ("Unauthorized", "Le jeton est inconnu, expiré ou retiré."),
    "404": ("NotFound", "Rien ne se trouve à cette adresse, ou la page demandée n’existe pas."),
    "406": ("NotAcceptable", "L’interface ne répond qu’en JSON."),
    "429": ("TooManyRequests", "Trop d’appels : l’en-tête Retry-After dit quand recommencer."),
}
RETRY_AFTER = {"Retry-After": {"description": "Secondes.", "schema": {"type": "integer"}}}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.accounts.tokens.TokenAuthentication"
    name = "jeton"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "gui_…"}


class ViewSchema(AutoSchema):
    """Reads what our views say of themselves: their tag, and the serializer of their parameters."""

    def get_tags(self) -> list[str]:
        return [self.view.tag]

    def get_override_parameters(self) -> list[Any]:
        query = getattr(self.view, "query_serializer_class", None)
        return [query] if query else []


def _add_problems(document: dict[str, Any]) -> None:
    """Each operation is refused in the same ways."""
    components = document["components"]
    components["schemas"]["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": text, "content": content}
        | ({"headers": RETRY_AFTER} if status == "429" else {})
        for status, (name, text) in REFUSALS.items()
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, (name, _text) in REFUSALS.items():
                reference = {"$ref": f"#/components/responses/{name}"}
                operation["responses"].setdefault(status, reference)


ABOUT = {
    "TITLE": "Guichet",
    "DESCRIPTION": "Catalogue des bases de données de santé, en lecture seule.",
    "VERSION": "1.0.0",
}
extend_schema_field(OpenApiTypes.BOOL)(TrueOrFalse)


def describe() -> dict[str, bytes]:
    """`{"json": …, "yaml": …}`. Raises SystemExit where a view cannot be described, jsonschema's
    ValidationError where the document is no OpenAPI."""
    ours = REST_FRAMEWORK | {"DEFAULT_SCHEMA_CLASS": ViewSchema}
    GENERATOR_STATS.reset()
    with override_settings(REST_FRAMEWORK=ours), patched_settings(ABOUT):
        document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    if GENERATOR_STATS:
        GENERATOR_STATS.emit_summary()  # type: ignore[no-untyped-call]
        raise SystemExit("the API is not wholly described")
    _add_problems(document)
    validate_schema(document)  # type: ignore[no-untyped-call]
    plain = json.loads(OpenApiJsonRenderer().render(document))  # type: ignore[no-untyped-call]
    return {
        "json": (json.dumps(plain, ensure_ascii=False, indent=4) + "\n").encode(),
        "yaml": OpenApiYamlRenderer().render(plain),  # type: ignore[no-untyped-call]
    }


def main() -> None:
    for kind, content in describe().items():
        Path(HERE / f"openapi.{kind}").write_bytes(content)


if __name__ == "__main__":
    main()
