"""What the OpenAPI document says beside the views: our tokens, and how a call is refused.

Imported by AppConfig.ready().
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.accounts.tokens.TokenAuthentication"
    name = "jeton"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "gui_…"}


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


def describe_problems(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: each operation is refused in the same ways."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": text, "content": content}
        | ({"headers": RETRY_AFTER} if status == "429" else {})
        for status, (name, text) in REFUSALS.items()
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            for status, (name, _text) in REFUSALS.items():
                reference = {"$ref": f"#/components/responses/{name}"}
                operation["responses"].setdefault(status, reference)
    return result
