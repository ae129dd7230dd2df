"""Requests whose procedure is no longer in its folder: they follow the copy kept with them."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from requests_app.models import FINAL_STATES, AccessRequest
from requests_app.procedures import registry


SHOWN = 20  # files named in one message


@register(Tags.database)
def check_pinned(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """With `check --database default` and `migrate`: codes and versions that files follow and that
    no folder holds, with the files concerned. Their pages stay open on the copy kept."""
    if not databases or "default" not in databases:
        return []
    with connections["default"].cursor() as cursor:
        tables = connections["default"].introspection.table_names(cursor)
    if "requests_app_accessrequest" not in tables:  # before the first migration
        return []
    known = {(one.code, one.version) for one in registry.everything()}
    rows = AccessRequest.objects.exclude(state__in=FINAL_STATES)
    gone: dict[tuple[str, int], list[str]] = {}
    for code, version, number, pk in rows.order_by("created_at").values_list(
        "procedure_code", "procedure_version", "number", "pk"
    ):
        if (code, version) not in known:
            gone.setdefault((code, version), []).append(number or f"brouillon {str(pk)[:8]}")
    return [
        Error(
            f"{code}-{version}.toml is gone and {len(files)} running file(s) follow it:"
            f" {', '.join(files[:SHOWN])}{'…' if len(files) > SHOWN else ''}",
            hint="put it back in the folder that GUICHET_PROCEDURES names, with a valid_until:"
            " new requests then take another; the files go on with the copy kept with them",
            id="procedures.E003",
        )
        for (code, version), files in sorted(gone.items())
    ]
