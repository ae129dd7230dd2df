"""The API's documentation as a page of ours, written from its OpenAPI description.

Swagger UI nests controls and has them too small (ADR 0007): what a person needs is a page to read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .description import description


_CHOICE = re.compile(r"^\* `(?P<value>[^`]*)` - (?P<label>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Item:
    """A parameter, or a property of an object."""

    name: str
    kind: str
    text: str
    required: bool = False
    choices: list[tuple[str, str]] = field(default_factory=list)
    refers: list[str] = field(default_factory=list)  # objects described below


@dataclass(frozen=True, slots=True)
class Operation:
    """One address of the API."""

    anchor: str
    method: str
    path: str
    text: str
    parameters: list[Item]
    answers: list[str]  # objects


def _objects(schema: dict[str, Any]) -> Iterator[str]:
    """Names of the objects that a schema refers to, directly or in a list."""
    if reference := schema.get("$ref"):
        yield str(reference).rpartition("/")[2]
    for part in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, dict):
            yield from _objects(part)
    for part in (*schema.get("allOf", []), *schema.get("oneOf", [])):
        yield from _objects(part)


def _kind(schema: dict[str, Any]) -> str:
    """The type in French words."""
    formats = {
        "date-time": _("instant, en UTC (2027-03-01T09:30:00Z)"),
        "date": _("jour (2027-03-01)"),
        "uuid": _("identifiant (UUID)"),
        "uri": _("adresse"),
        "email": _("adresse électronique"),
    }
    if words := formats.get(schema.get("format", "")):
        return words
    if schema.get("type") == "array":
        return _("liste : %(kind)s") % {"kind": _kind(schema.get("items", {}))}
    kinds = {
        "string": _("texte"),
        "integer": _("nombre entier"),
        "number": _("nombre"),
        "boolean": _("vrai ou faux (true, false)"),
    }
    return kinds.get(schema.get("type", ""), _("objet"))


def _item(
    name: str, schema: dict[str, Any], schemas: dict[str, Any], *, text: str, required: bool
) -> Item:
    choices = [(m["value"], m["label"]) for m in _CHOICE.finditer(text)]
    refers = []
    for other in _objects(schema):
        target = schemas.get(other, {})
        if "enum" in target or target.get("type") == "string":
            found = [
                (m["value"], m["label"]) for m in _CHOICE.finditer(target.get("description", ""))
            ]
            choices += found or [(str(value), "") for value in target.get("enum", [])]
            schema = {"type": "string"}
        else:
            refers.append(other)
    plain = schema.get("items", schema)
    if not choices:
        choices = [(str(value), "") for value in plain.get("enum", [])]
    bounds = [
        words % {"n": plain[key]}
        for key, words in (
            ("minimum", _("au moins %(n)s")),
            ("maximum", _("au plus %(n)s")),
            ("maxLength", _("%(n)s caractères au plus")),
        )
        if key in plain
    ]
    kind = ", ".join([_kind(schema), *bounds, *([_("ou null")] if schema.get("nullable") else [])])
    told = _CHOICE.sub("", text).strip() or str(schema.get("title", ""))
    # What may be empty is one choice more, told as such.
    choices = list(dict.fromkeys((value or _("(vide)"), label) for value, label in choices))
    return Item(name, kind, told, required, choices, refers)


def _operations(document: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by tag, in the order of the description."""
    schemas = document["components"]["schemas"]
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [
                _item(
                    one["name"],
                    one["schema"],
                    schemas,
                    text=one.get("description", ""),
                    required=bool(one.get("required")),
                )
                for one in operation.get("parameters", [])
            ]
            answers = [
                name
                for content in operation["responses"]["200"].get("content", {}).values()
                for name in _objects(content["schema"])
            ]
            text = operation.get("description", "")
            one = Operation(
                operation["operationId"], method.upper(), path, text, parameters, answers
            )
            found.setdefault(operation["tags"][0], []).append(one)
    return found


def _described(document: dict[str, Any]) -> dict[str, list[Item]]:
    """Objects with their properties; lists of choices are told where they are used."""
    schemas = document["components"]["schemas"]
    return {
        name: [
            _item(key, value, schemas, text=value.get("description", ""), required=False)
            for key, value in schema.get("properties", {}).items()
        ]
        for name, schema in sorted(schemas.items())
        if schema.get("type") == "object"
    }


@login_not_required
@require_safe
def documentation(request: HttpRequest) -> HttpResponse:
    document = description()
    responses = document["components"]["responses"]
    context = {
        "about": document["info"],
        "groups": _operations(document),
        "objects": _described(document),
        "refusals": {
            status: responses[reference["$ref"].rpartition("/")[2]]["description"]
            for status, reference in sorted(
                next(iter(document["paths"].values()))["get"]["responses"].items()
            )
            if "$ref" in reference
        },
        "address": request.build_absolute_uri("/api/v1/datasets/"),
    }
    return render(request, "catalog/api.html", context)
