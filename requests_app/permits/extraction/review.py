"""What was prepared beside what was approved, for the second person who confirms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from requests_app.models import AccessRequest, ExtractDeposit, Workspace
from requests_app.permits import creating
from requests_app.provisioning.extract.approved import ApprovedTable, ScopeError, approved_tables


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One approved table and the file prepared for it, if any.

    `years_checked` is False when one file holds every year: the machine cannot tell them apart.
    """

    table: ApprovedTable
    deposit: ExtractDeposit | None
    years_checked: bool

    @property
    def years(self) -> str:
        """Years of the approved table in words: a period when none of it is left out."""
        years = self.table.years
        if years is None:
            return _("sans année")
        if not years:
            return _("aucune année où la table existe")
        whole = years == tuple(range(years[0], years[-1] + 1))
        if whole and len(years) > 1:
            return _("%(first)d à %(last)d") % {"first": years[0], "last": years[-1]}
        return ", ".join(str(year) for year in years)

    @property
    def to_check(self) -> str:
        """What is left for a person to look at, empty when nothing is."""
        if self.deposit is None:
            return _("Aucun fichier n’est préparé.")
        if self.deposit.refused_reason:
            return self.deposit.refused_reason
        if not self.years_checked:
            return _("Un seul fichier pour toutes les années : vérifiez-les vous-même.")
        return ""

    @property
    def line(self) -> str:
        """The same in one sentence, beside the confirmation."""
        header = self.table.header
        count = ngettext("%(n)d variable", "%(n)d variables", len(header)) % {"n": len(header)}
        rows = self.deposit.rows if self.deposit is not None else 0
        said = _("%(file)s : %(count)s (%(names)s), %(years)s ; %(rows)s lignes") % {
            "file": self.table.file_name,
            "count": count,
            "names": ", ".join(header),
            "years": self.years,
            "rows": rows,
        }
        return f"{said}. {self.to_check}" if self.to_check else f"{said}."


def review(request: AccessRequest, workspace: Workspace | None) -> list[Reviewed]:
    """Every approved table; none when the catalogue lost one, which `prepare` says in words."""
    entries: dict[str, Mapping[str, Any]] = {}
    deposits: dict[str, ExtractDeposit] = {}
    if workspace is not None:
        entries = {one["file"]: one for one in workspace.extract.manifest.get("files", [])}
        deposits = {
            one.file_name: one for one in workspace.deposits.select_related("staged_by").all()
        }
    try:
        tables = approved_tables(creating.approved_scope(request))
    except ScopeError:
        return []
    return [
        Reviewed(
            table,
            deposits.get(table.file_name),
            bool(entries.get(table.file_name, {}).get("years_checked", True)),
        )
        for table in tables
    ]
