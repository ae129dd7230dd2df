"""What one person reads of one request, tab by tab: only the parts their rights open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.roles import scopes
from portal.audit.story import story

from . import permissions
from .models import AccessRequest, Act, Opinion, Permit, RequestMember, RequestVersion
from .procedures.content_labels import readable
from .procedures.schema import Procedure
from .provisioning import gates
from .workflow.acts.corrections import correctable_codes
from .workflow.labels import LABELS


CONTENT_PARTS = frozenset(
    {"card", "summary", "purpose", "content", "specification", "version_to_sign"}
)
_ACT_WORDS = {
    "number": _("numéro"),
    "application_number": _("numéro de demande"),
    "reference": _("référence"),
    "delivery_mode": _("mise à disposition"),
    "starts_on": _("début"),
    "ends_on": _("fin"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """One person, one request, the parts they see."""

    request: AccessRequest
    procedure: Procedure
    parts: frozenset[str]
    user: User
    corrects: bool = False  # among the abilities that the page has asked for already

    def file_url(self, file_id: Any) -> str:
        return reverse("requests_app:file", args=[self.request.pk, file_id])

    # --- the file ------------------------------------------------------------------------------

    def content(self, *, version: str) -> dict[str, Any]:
        """Sections in words: of a frozen version for readers, of the working copy for the team."""
        versions: list[RequestVersion] = []
        if self.parts & {"versions", "version_to_sign"}:
            versions = list(
                self.request.versions.exclude(status=RequestVersion.Status.CANCELLED)
                .select_related("signed_by")
                .order_by("number")
            )
        chosen = self._version(versions, version)
        content = self._visible_content(chosen.content if chosen else self.request.content)
        found: dict[str, Any] = {
            "versions": versions,
            "version": chosen,
            "content": readable(content),
            "rows": permissions.specification_rows(self.user, self.request),
        }
        if "persons" in self.parts or "card" in self.parts:
            found["persons"] = RequestMember.objects.filter(
                request=self.request, removed_at__isnull=True
            ).select_related("user")
        return found

    @staticmethod
    def _version(versions: Sequence[RequestVersion], asked: str) -> RequestVersion | None:
        for one in versions:
            if str(one.number) == asked:
                return one
        signed = [one for one in versions if one.status == RequestVersion.Status.SIGNED]
        return (signed or list(versions) or [None])[-1]

    def _visible_content(self, content: dict[str, Any]) -> dict[str, Any]:
        if self.parts & {"content", "version_to_sign"}:
            return content
        visible: dict[str, Any] = {}
        purpose = content.get("purpose", {})
        if "purpose" in self.parts:
            visible["purpose"] = purpose
        elif "summary" in self.parts:
            visible["purpose"] = {"summary": purpose.get("summary", "")}
        return visible

    def pieces(self) -> list[Any]:
        """Pieces in the procedure's order, with their label and the file's address."""
        labels = {piece.code: piece.label for piece in self.procedure.pieces}
        order = list(labels)
        pieces = sorted(
            self.request.pieces.select_related("file"),
            key=lambda piece: order.index(piece.code) if piece.code in labels else len(order),
        )
        for piece in pieces:
            piece.label = labels.get(piece.code, piece.code)  # type: ignore[attr-defined]
            piece.url = self.file_url(piece.file_id) if piece.file_id else ""  # type: ignore[attr-defined]
        return pieces

    # --- opinions and acts ---------------------------------------------------------------------

    def opinions_and_acts(self) -> dict[str, Any]:
        opinions = (
            []
            if "opinion" not in self.parts
            else list(
                permissions.opinions_visible_to(self.user)
                .filter(request=self.request)
                .select_related("version", "document")
            )
        )
        for opinion in opinions:
            self._describe(opinion)
        reports = (
            []
            if "reports" not in self.parts
            else list(
                permissions.reports_visible_to(self.user)
                .filter(stage__request=self.request)
                .select_related("author", "stage")
            )
        )
        for report in reports:
            report.facts = self._headings(report.stage.code, report.headings)  # type: ignore[attr-defined]
        acts = list(
            permissions.acts_visible_to(self.user)
            .filter(request=self.request)
            .select_related("stage__holder", "document", "entered_by")
            .distinct()
        )
        remarks = [
            {"holder": act.stage.holder, "text": act.text or _("aucune remarque reçue")}
            for act in acts
            if act.stage is not None and act.stage.kind == "holder"
        ]
        codes = self._correctable()
        return {
            "opinions": opinions,
            "reports": reports,
            "remarks": remarks,
            "recorded_acts": [self._act(act, codes=codes) for act in acts],
        }

    def _headings(self, stage_code: str, headings: dict[str, str]) -> list[tuple[str, str]]:
        spec = self.procedure.stage(stage_code)
        return [(one.label, headings[one.code]) for one in spec.headings if headings.get(one.code)]

    def _describe(self, opinion: Opinion) -> None:
        opinion.facts = self._headings("opinion", opinion.headings)  # type: ignore[attr-defined]
        opinion.url = self.file_url(opinion.document_id) if opinion.document_id else ""  # type: ignore[attr-defined]

    def _correctable(self) -> frozenset[str]:
        """Codes of the acts that this person may correct here: asked once, not for every act."""
        return correctable_codes() if self.corrects else frozenset()

    def _act(self, act: Act, *, codes: frozenset[str]) -> Act:
        words = [
            f"{label} : {act.data[key]}" for key, label in _ACT_WORDS.items() if act.data.get(key)
        ]
        act.label = act_label(act.code)  # type: ignore[attr-defined]
        act.details = ", ".join(words)  # type: ignore[attr-defined]
        act.url = self.file_url(act.document_id) if act.document_id else ""  # type: ignore[attr-defined]
        if act.code in codes:
            args = [self.request.pk, act.pk]
            act.correct_url = reverse("requests_app:correct_act", args=args)  # type: ignore[attr-defined]
        return act

    # --- access ---------------------------------------------------------------------------------

    def grants(self) -> dict[str, Any]:
        permit = Permit.objects.filter(request=self.request).order_by("-number").first()
        grants = list(
            permissions.grants_visible_to(self.user)
            .filter(permit__request=self.request)
            .select_related("person")
            .order_by("person__last_name")
        )
        for grant in grants:
            grant.missing_labels = [gates.label(code) for code in grant.missing]  # type: ignore[attr-defined]
        return {"permit": permit, "grants": grants}

    def story(self) -> Any:
        return story(self.request.pk, by=self.user)


def holder_grants(user: User) -> QuerySet[Any]:
    """Open grants on data of the holders a person represents: who, since, until, why."""
    from . import permits

    return (
        permits.accesses()
        .filter(
            permit__request__datasets__dataset__holder__organisation__in=scopes(
                user, Role.HOLDER_REPRESENTATIVE
            )
        )
        .select_related("person", "permit__request__organisation")
        .distinct()
    )


def act_label(code: str) -> str:
    """The act in words, as the log says it."""
    return str(LABELS[code][1]) if code in LABELS else code
