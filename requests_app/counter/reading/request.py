"""What one person reads of one request, tab by tab: only the parts their rights open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import Membership, Role, User
from portal.accounts.roles import scopes
from portal.audit.story import story
from requests_app.committee import opinion_document
from requests_app.dossier import marks
from requests_app.models import (
    AccessRequest,
    Act,
    InterestDeclaration,
    Opinion,
    Permit,
    Report,
    RequestMember,
    RequestVersion,
    StoredFile,
)
from requests_app.permits import access
from requests_app.procedures import kinds
from requests_app.procedures.content import SHORT_DELIVERY
from requests_app.procedures.kind import Trait
from requests_app.procedures.schema import Procedure
from requests_app.provisioning import gates
from requests_app.rights import permissions
from requests_app.rights.seen import version_seen
from requests_app.rights.visibility import hidden_requests
from requests_app.workflow.acts.corrections import correctable_codes
from requests_app.workflow.catalogue import VERBS
from requests_app.workflow.kinds.answer import points_of
from requests_app.workflow.labels import logged

from . import shown
from .act_words import act_details


CONTENT_PARTS = frozenset(
    {"card", "summary", "purpose", "content", "specification", "version_to_sign"}
)
_EXCHANGES = frozenset(name for name, verb in VERBS.items() if verb.exchanged)


def _edits(act: Act) -> bool:
    """An act by which the applicant answers while the file is open to change."""
    return act.stage is not None and kinds.has(act.stage.kind, Trait.EDITS_FILE)


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
        """Sections in words: of a frozen version for readers, of the working copy for the team.

        Whoever does not choose among the versions reads the last signed one: what the team is
        changing is nobody else's yet.
        """
        versions: list[RequestVersion] = list(
            self.request.versions.exclude(status=RequestVersion.Status.CANCELLED)
            .select_related("signed_by", "checked_by", "signed_file")
            .order_by("number")
        )
        chosen = self._version(versions, version if self._chooses else "")
        content = chosen.content if chosen else self.request.content
        found: dict[str, Any] = {
            "versions": versions if self._chooses else [],
            "version": chosen if self._chooses else None,
            "opens": chosen is not None and version_seen(self.user, chosen, self.parts),
            "whole": self._whole,
            "content": self.request.form.readable(self._visible_content(content)),
        }
        if chosen is not None and chosen.status == RequestVersion.Status.SIGNED:
            found["marks"] = marks.may_mark(self.user, self.request, self.parts)
        if self.parts & {"card", "specification"}:
            bases = self.request.datasets.select_related("dataset__holder__organisation")
            found["bases"] = [one.dataset for one in bases]
            titles = {base.code: base.title_fr for base in found["bases"]}
            rows = permissions.specification_rows(
                self.user, self.request, content=content, parts=self.parts
            )
            found["rows"] = [
                row | {"title": titles.get(row["dataset"], row["dataset"])} for row in rows
            ]
        if self.parts & {"persons", "card"}:
            found["persons"] = self._persons()
        return found

    @property
    def _whole(self) -> bool:
        return permissions.reads_whole(self.request, self.parts)

    @property
    def _chooses(self) -> bool:
        return bool(self.parts & {"versions", "version_to_sign"})

    def _persons(self) -> list[shown.ShownPerson]:
        """Who is in the file, with the organisations they belong to."""
        belongs = Membership.objects.confirmed().select_related("organisation")
        members = (
            RequestMember.objects.current()
            .filter(request=self.request)
            .select_related("user")
            .prefetch_related(Prefetch("user__memberships", belongs))
            .order_by("kind", "user__last_name")
        )
        return [
            shown.ShownPerson(
                name=str(one.user),
                organisations=[str(held.organisation) for held in one.user.memberships.all()],
                kind=one.get_kind_display(),
                has_data_access=one.has_data_access,
            )
            for one in members
        ]

    def _file(self, file: StoredFile | None) -> shown.ShownFile | None:
        return shown.ShownFile(file.name, file.size, self.file_url(file.pk)) if file else None

    @staticmethod
    def _version(versions: Sequence[RequestVersion], asked: str) -> RequestVersion | None:
        for one in versions:
            if str(one.number) == asked:
                return one
        signed = [one for one in versions if one.status == RequestVersion.Status.SIGNED]
        return next(reversed(signed or versions), None)

    def _visible_content(self, content: dict[str, Any]) -> dict[str, Any]:
        if "version_to_sign" in self.parts:
            return content
        return self.request.form.read_by(content, self.parts)

    def pieces(self) -> list[shown.ShownPiece]:
        """Pieces in the procedure's order."""
        labels = {piece.code: str(piece.label) for piece in self.procedure.pieces}
        order = list(labels)
        pieces = sorted(
            self.request.pieces.select_related("file"),
            key=lambda piece: order.index(piece.code) if piece.code in labels else len(order),
        )
        return [
            shown.ShownPiece(
                label=labels.get(piece.code, piece.code),
                review=piece.get_review_display(),
                file=self._file(piece.file),
                waiver_reason=piece.waiver_reason,
                review_comment=piece.review_comment,
            )
            for piece in pieces
        ]

    # --- opinions and acts ---------------------------------------------------------------------

    def opinions_and_acts(self) -> dict[str, Any]:
        opinions = (
            []
            if "opinion" not in self.parts
            else list(
                permissions.opinions_visible_to(self.user)
                .filter(request=self.request)
                .select_related("version", "document", "stage")
                .prefetch_related("present", "withdrew")
            )
        )
        reports = (
            []
            if "reports" not in self.parts
            else list(
                permissions.reports_visible_to(self.user)
                .filter(stage__request=self.request)
                .select_related("author", "stage")
            )
        )
        stood_down = set(
            InterestDeclaration.objects.filter(
                request=self.request, answer=InterestDeclaration.Answer.WITHDRAWN
            ).values_list("member", flat=True)
            if reports
            else []
        )
        acts = list(
            permissions.acts_visible_to(self.user)
            .filter(request=self.request)
            .select_related("stage__holder", "document", "entered_by", "version")
            .distinct()
        )
        remarks = [
            {"holder": act.stage.holder, "text": act.text or self._silence(act)}
            for act in acts
            if act.stage is not None and kinds.has(act.stage.kind, Trait.CONSULTS_HOLDERS)
        ]
        codes = self._correctable()
        corrected = {act.corrects_id for act in acts}
        return {
            "opinions": [self._opinion(opinion) for opinion in opinions],
            "reports": [self._report(one, one.author_id in stood_down) for one in reports],
            "remarks": remarks,
            "recorded_acts": [
                self._act(act, codes=codes, replaced=act.pk in corrected) for act in acts
            ],
        }

    def exchanges(self) -> list[shown.ShownAct]:
        """What the counter and the applicant wrote to each other, in the order of entry."""
        acts = (
            permissions.acts_visible_to(self.user)
            .filter(request=self.request, code__in=_EXCHANGES)
            .select_related("stage__holder", "document", "entered_by", "version")
            .distinct()
            .order_by("entered_at")
        )
        return [self._act(act, words=self._answers() if _edits(act) else None) for act in acts]

    def _answers(self) -> list[str]:
        """Answers to the points, for whoever reads the opinion."""
        if "opinion" not in self.parts:
            return []
        visible = permissions.opinions_visible_to(self.user)
        seen = set(visible.filter(request=self.request).values_list("pk", flat=True))
        return [
            _("Point %(number)s : %(text)s") % {"number": point.words, "text": point.answer}
            for point in points_of(self.request)
            if point.opinion.pk in seen and point.answer
        ]

    def _silence(self, act: Act) -> str:
        """A holder who says that there is nothing to say, or says nothing in time."""
        if act.stage is None or act.code != "expire":
            return _("Aucune remarque.")
        return str(self.procedure.stage(act.stage.code).outcome(act.stage.outcome).label)

    def _sense(self, stage_code: str, code: str) -> str:
        return str(self.procedure.stage(stage_code).outcome(code).short) if code else ""

    def _headings(self, stage_code: str, headings: dict[str, str]) -> list[tuple[str, str]]:
        spec = self.procedure.stage(stage_code)
        return [
            (str(label), headings[code])
            for code, label in spec.rubrics.items()
            if headings.get(code)
        ]

    def _opinion(self, opinion: Opinion) -> shown.ShownOpinion:
        opinion.request = self.request  # read already: its words are of this procedure
        answers = {one.get("number"): one.get("text", "") for one in opinion.answers}
        return shown.ShownOpinion(
            number=opinion.number,
            sense=opinion.sense,
            issued_at=opinion.issued_at,
            version=opinion.version.number,
            deemed=opinion.deemed,
            present=[str(person) for person in opinion.present.all()],
            apart=opinion_document.standing_apart(opinion),
            facts=self._headings(opinion.stage.code, opinion.headings),
            answered=[
                point | {"answer": answers.get(point.get("number"), "")} for point in opinion.points
            ],
            url=self.file_url(opinion.document_id) if opinion.document_id else "",
            document_late=bool(opinion.document_tries),
            document_words=opinion_document.document_words(opinion),
        )

    def _report(self, report: Report, stood_down: bool) -> shown.ShownReport:
        sense = (_("Sens proposé"), self._sense(report.stage.code, report.proposed_sense))
        return shown.ShownReport(
            pk=report.pk,
            author=str(report.author),
            stood_down=stood_down,
            facts=[sense, *self._headings(report.stage.code, report.headings)],
            points=report.points,
        )

    def _correctable(self) -> frozenset[str]:
        """Codes of the acts that this person may correct here: asked once, not for every act."""
        return correctable_codes() if self.corrects else frozenset()

    def _act(
        self,
        act: Act,
        *,
        codes: frozenset[str] = frozenset(),
        replaced: bool = False,
        words: list[str] | None = None,
    ) -> shown.ShownAct:
        correct_url = ""
        document = act.document if self._whole or act.code != "deposit_paper" else None
        if act.code in codes and not replaced:
            correct_url = reverse("requests_app:correct_act", args=[self.request.pk, act.pk])
        return shown.ShownAct(
            label=self._expired(act) or logged(act.code, self.procedure.authority),
            effective_at=act.effective_at,
            entered_at=act.entered_at,
            entered_by=str(act.entered_by or ""),
            details=", ".join(act_details(act, self.procedure)),
            words=self._said(act) if words is None else words,
            file=self._file(document),
            version=act.version.number if act.version else None,
            from_applicant=act.code in VERBS and VERBS[act.code].exchanged == "applicant",
            corrects=act.corrects_id is not None,
            correction_reason=act.correction_reason,
            replaced=replaced,
            correct_url=correct_url,
        )

    def _expired(self, act: Act) -> str:
        """What the end of a clock did, in words; empty for another act."""
        if act.code != "expire" or act.stage is None:
            return ""
        effect = act.data.get("effect")
        if effect in {"remind", "remind_applicant"}:
            own = effect == "remind" and act.stage.role != "applicant"
            return _("Relance") if own else _("Relance du demandeur")
        if effect == "outcome" and act.stage.outcome:
            outcome = self.procedure.stage(act.stage.code).outcome(act.stage.outcome)
            return _("Fin du délai : %(outcome)s") % {"outcome": outcome.label}
        if effect == "task":
            return _("Fin du délai : vérification demandée")
        return _("Fin du délai : le guichet est alerté")

    def _said(self, act: Act) -> list[str]:
        """The act's own words; remarks stand above, the desk's analysis is the desk's."""
        if act.stage is not None and kinds.has(act.stage.kind, Trait.CONSULTS_HOLDERS):
            return []
        if act.code == "close_task" and "notes" not in self.parts:
            return []
        labels = {piece.code: str(piece.label) for piece in self.procedure.pieces}
        asked = [
            f"{labels.get(one['code'], one['code'])} : {one['comment']}"
            for one in act.data.get("pieces", [])
            if one.get("comment") and one["comment"] not in act.text
        ]
        points = [f"{one['number']}. {one['text']}" for one in act.data.get("points", [])]
        return [*([act.text] if act.text else []), *asked, *points]

    # --- access ---------------------------------------------------------------------------------

    def grants(self) -> dict[str, Any]:
        """The period, each person's access and what it waits for; the operator's page by right."""
        permit = Permit.objects.filter(request=self.request).order_by("-number").first()
        grants = list(
            permissions.grants_visible_to(self.user)
            .filter(permit__request=self.request)
            .select_related("person")
            .order_by("person__last_name", "person__first_name", "-created_at")
            .distinct()
        )
        return {
            "permit": permit,
            "delivery": SHORT_DELIVERY.get(permit.delivery_mode, "") if permit else "",
            "grants": [
                shown.ShownGrant(
                    person=str(grant.person),
                    state=grant.get_state_display(),
                    tone=shown.TONES.get(grant.state, "info"),
                    opened_at=grant.opened_at,
                    expires_at=grant.expires_at,
                    missing=gates.labels(grant.missing),
                    reason=grant.reason,
                    mine=grant.person_id == self.user.pk,
                )
                for grant in grants
            ],
        }

    def story(self) -> Any:
        return story(self.request.pk, by=self.user)


def holder_grants(user: User) -> QuerySet[Any]:
    """Open grants on data of the holders a person represents: who, since, until, why.

    The main base's officer reads those of the main base (A33b).
    """
    found = access.for_holders(
        scopes(user, Role.HOLDER_REPRESENTATIVE), main_base=scopes(user, Role.MAIN_BASE_OFFICER)
    )
    if (hidden := hidden_requests(user)) is not None:  # a committee member who withdrew (A14)
        found = found.exclude(permit__request__in=hidden)
    return found.select_related("person", "permit__request__organisation", "permit__act")
