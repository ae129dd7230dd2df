"""Requests whose procedure is no longer in its folder, or not as they took it: they follow the copy
kept with them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from requests_app.models import FINAL_STATES, AccessRequest, KeptProcedure
from requests_app.procedures import forms, registry
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


SHOWN = 20  # files named in one message
# What a file may still say of a version that requests took: until when it is offered.
ENDED_BY_ITS_FILE = {"valid_until"}


@register(Tags.database)
def check_pinned(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """With `check --database default` and `migrate`: codes and versions that files follow and that
    no folder holds, with the files concerned; what is kept and cannot be read; files that were
    edited once taken. Pages stay open on the copy kept."""
    if not databases or "default" not in databases:
        return []
    with connections["default"].cursor() as cursor:
        tables = connections["default"].introspection.table_names(cursor)
    if "requests_app_accessrequest" not in tables:  # before the first migration
        return []
    try:
        on_file, asked = registry.everything(), forms.everything()
    except (registry.ProcedureError, registry.FormError):  # told by their own check
        return []
    found = [*_gone(on_file)]
    if "requests_app_keptprocedure" in tables:
        what = KeptProcedure.What
        found += _as_kept(what.PROCEDURE, "", on_file, registry.get)
        found += _as_kept(what.FORM, "forms/", asked, forms.get)
    return found


def _gone(on_file: list[Procedure]) -> Iterable[CheckMessage]:
    known = {(one.code, one.version) for one in on_file}
    rows = AccessRequest.objects.exclude(state__in=FINAL_STATES)
    gone: dict[tuple[str, int], list[str]] = {}
    for code, version, number, pk in rows.order_by("created_at").values_list(
        "procedure_code", "procedure_version", "number", "pk"
    ):
        if (code, version) not in known:
            gone.setdefault((code, version), []).append(number or f"brouillon {str(pk)[:8]}")
    for (code, version), files in sorted(gone.items()):
        yield Error(
            f"{code}-{version}.toml is gone and {len(files)} running file(s) follow it:"
            f" {', '.join(files[:SHOWN])}{'…' if len(files) > SHOWN else ''}",
            hint="put it back in the folder that GUICHET_PROCEDURES names, with a valid_until:"
            " new requests then take another; the files go on with the copy kept with them",
            id="procedures.E003",
        )


def _as_kept(
    what: str,
    folder: str,
    on_file: Iterable[Procedure | Form],
    get: Callable[[str, int], Procedure | Form],
) -> Iterable[CheckMessage]:
    """What is kept, read, and put beside the file of its name."""
    known = {(one.code, one.version): one for one in on_file}
    kept = KeptProcedure.objects.filter(what=what).order_by("code", "version")
    for code, version in kept.values_list("code", "version"):
        name = f"{folder}{code}-{version}.toml"
        try:
            followed = get(code, version)
        except (registry.UnreadableProcedure, forms.UnreadableForm) as error:
            yield Error(
                f"{name}: what requests took is kept, and this release cannot read it: {error}",
                hint="go back to the release that read it; the pages of these files are closed"
                " meanwhile, the others are not concerned",
                id="procedures.E005",
            )
            continue
        found = known.get((code, version))
        if found is not None and (differing := _differing(found, followed)):
            yield Warning(
                f"{name} differs from what requests took ({', '.join(differing)}): new requests"
                " and running files follow what is kept, not the file",
                hint="write the next version for what is new, and put this file back as it was",
                id="procedures.W006",
            )


def _differing(found: Procedure | Form, followed: Procedure | Form) -> list[str]:
    """Names at the top of the file."""
    now, then = (
        one.model_dump(mode="json", exclude=ENDED_BY_ITS_FILE) for one in (found, followed)
    )
    return [name for name in now if now[name] != then.get(name)]
