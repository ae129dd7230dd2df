"""Demonstration files at different points of their course.

Played through the doors that people use (services and `engine.apply()`), never written as rows:
what the demonstration shows is what the portal does.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from portal.accounts.models import User
from portal.common.calendar import legal_today
from portal.common.pdf import render_pdf
from requests_app import dossier
from requests_app.dossier import pieces
from requests_app.models import AccessRequest, Piece, RequestVersion, Stage
from requests_app.permits import team
from requests_app.procedures import registry
from requests_app.procedures.content import Row
from requests_app.procedures.kind import Trait
from requests_app.selection import specification
from requests_app.workflow import completeness_grid, engine


FILES = Path(__file__).parent / "files.toml"
PROCEDURE = "fr-cnil-standard"
ORIENTATION = {
    "involves_persons": False,
    "own_patients": False,
    "main_base_only": False,
    "public_mission": True,
    "statistics_only": False,
}
_NEEDS = {
    "criteria": "Un premier événement pendant la période d’inclusion ; mineurs exclus.",
    "inclusion_from": "2015-01-01",
    "inclusion_until": "2017-12-31",
    "history_years": 1,
    "follow_up_months": 12,
    "geography": "France entière",
    "expected_number": 12000,
    "matching_mode": "criteria",
}
POINTS = ["Préciser la durée de conservation des données.", "Justifier l’effectif attendu."]


def seed_files() -> int:
    """Make the files that are not there; how many. A file that exists is left where it is."""
    made = 0
    for row in tomllib.loads(FILES.read_text())["files"]:
        owner = _person(row["team"])
        if not AccessRequest.objects.filter(title=row["title"], created_by=owner).exists():
            _File(row, owner).play()
            made += 1
    return made


def _person(username: str) -> User:
    return User.objects.get(username=username)


@cache
def _pdf(label: str) -> bytes:
    """A piece as PDF; drawn once, the same for every file."""
    intro = "Pièce de démonstration : ce document n’a pas d’autre contenu."
    return render_pdf("pdf/receipt.typ", {"title": label, "demo": True, "intro": intro})


@dataclass
class _File:
    """One file of `files.toml` and the acts that bring it to its stage."""

    row: dict[str, Any]
    owner: User
    request: AccessRequest = field(init=False)

    def play(self) -> None:
        self._write()
        if self.row["until"] == "draft":
            return
        for step in ("signature", "completeness", "opinion", "answer", "convention"):
            getattr(self, f"_until_{step}")()
            if step == self.row["until"]:
                return

    def _do(self, stage: str, verb: str, *, by: str, **payload: Any) -> None:
        target = self.request.stages.get(code=stage) if stage else self.request
        engine.apply(target, verb, by=_person(by), **payload)
        self.request.refresh_from_db()

    # --- the applicant -------------------------------------------------------------------------

    def _write(self) -> None:
        membership = self.owner.memberships.select_related("organisation").get()
        rows = [Row.model_validate(row) for row in self.row["rows"]]
        self.request = dossier.create(
            title=self.row["title"],
            organisation=membership.organisation,
            procedure=registry.current(PROCEDURE)[0],
            orientation=ORIENTATION,
            rows=rows,
            by=self.owner,
        )
        for section, data in self._sections(rows).items():
            dossier.save_section(
                self.request,
                section,
                data,
                by=self.owner,
                revision=self.request.content_revision,
            )
        if self.row["until"] == "draft":
            return
        member = self.request.members.get(user=self.owner)
        team.set_data_access(self.request, member, has_data_access=True, by=self.owner)
        known = dossier.facts(self.request)
        for piece in self.request.procedure.pieces:
            if piece.needed(known):
                upload = SimpleUploadedFile(f"{piece.code}.pdf", _pdf(str(piece.label)))
                pieces.attach(self.request, piece.code, upload, by=self.owner)

    def _sections(self, rows: list[Row]) -> dict[str, dict[str, Any]]:
        row = self.row
        sections: dict[str, dict[str, Any]] = {
            "purpose": {
                "purposes": ["research"],
                "summary": row["summary"],
                "objectives": row["summary"],
                "public_interest": row["public_interest"],
            },
            "specification": dossier.section_of(self.request, "specification")
            | {"population": row["population"], "delivery_mode": "daughter_system"}
            | _NEEDS,
        }
        if row["until"] == "draft":
            return sections
        parties = dossier.section_of(self.request, "parties")
        reason = "L’étude est publique et ses résultats ne portent sur aucune personne identifiée."
        why = "Nécessaire à l’analyse ; une information moins précise ne suffit pas."
        return sections | {
            "parties": parties
            | {
                "controller": parties["controller"]
                | {"missions": "Recherche, soins et enseignement."},
                "person_in_charge": {
                    "name": parties["controller"]["name"],
                    "address": parties["controller"]["address"],
                    "experience": "Équipe de recherche de l’organisme.",
                },
                "dpo": {"name": "Délégué de démonstration", "email": "dpo@demo.example"},
            },
            "prohibited": {
                question.code: {"undertaking": True, "reason": reason}
                for question in self.request.form.section("prohibited").answers
            },
            "identifiers": {
                kind: {"justification": why} for kind in specification.identifiers(rows)
            },
            "legal": {
                "legal_basis": "public_interest",
                "health_condition": "research",
                "retention_months": 60,
                "rights": "Information collective sur le site de l’organisme.",
                "security": "Espace du portail, double authentification, journal.",
            },
            "duration": {"months": 24},
        }

    def _until_signature(self) -> None:
        self._do("", "ask_signature", by=self.row["team"])

    # --- the counter ---------------------------------------------------------------------------

    def _until_completeness(self) -> None:
        version = self.request.versions.get(status=RequestVersion.Status.AWAITING)
        self._do("", "sign", by=self.row["signs"], version=version, sha256=version.sha256)

    def _until_opinion(self) -> None:
        verdicts = dict.fromkeys(
            Piece.objects.filter(request=self.request).values_list("pk", flat=True),
            (Piece.Review.ACCEPTED, ""),
        )
        completeness_grid.review_pieces(self.request, verdicts, by=_person("secretariat"))
        self._do("completeness", "accept_completeness", by="secretariat")

    def _until_answer(self) -> None:
        for stage in Stage.objects.having(Trait.CONSULTS_HOLDERS).filter(request=self.request):
            code = stage.holder.code.removeprefix("demo-") if stage.holder else ""
            engine.apply(stage, "file_no_remark", by=_person(f"resp-{code}"))
        headings = self.request.procedure.stage("opinion").rubrics
        for who in ("presidente", "rapporteur"):
            self._do("opinion", "declare_interest", by=who, answer="none")
        rapporteur = _person("rapporteur")
        self._do("opinion", "assign_rapporteurs", by="presidente", members=[rapporteur])
        said = {
            "headings": {
                code: f"{label} : rien ne s’y oppose." for code, label in headings.items()
            },
            "points": POINTS,
            "sense": "favourable_with_recommendations",
        }
        self._do("opinion", "file_report", by="rapporteur", **said)
        self._do("opinion", "issue_opinion", by="presidente", present=[rapporteur], **said)

    def _until_convention(self) -> None:
        answers = {number: "C’est précisé." for number, _text in enumerate(POINTS, start=1)}
        self._do("answer", "answer_points", by=self.row["team"], decision="go", answers=answers)
        self._do("referral", "record_referral", by="secretariat")
        application = {"application_number": "000001"}
        self._do("authorisation", "record_receipt", by="juriste", **application)
        number = f"DR-{legal_today().year}-001"
        self._do("authorisation", "record_authorisation", by="juriste", number=number)
        self._do("register", "publish_register", by="secretariat")
