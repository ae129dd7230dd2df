"""One study played through the pages, from the orientation to the convention."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from bs4 import Tag

from .acts import dossier, log_in, main_form, pdf, perform, request_id, send, verify
from .story import Story, expect
from .visitor import Page, StepFailed


HEADINGS = ("methodology", "personal_data", "relevance", "scientific_quality", "public_interest")
POINTS = ("Préciser la durée d’appariement.", "Réduire la liste des communes à la région.")
ANSWERS = {  # the five questions, in their order
    "fr-cnil-standard": ("no", "no", "no", "yes", "no"),
    "fr-mr-007": ("no", "no", "yes", "yes", "no"),
}


@dataclass
class Study:
    """A request and the people who carry it."""

    story: Story
    name: str
    team: str
    representative: str
    title: str
    procedure: str = "fr-cnil-standard"
    rows: list[dict[str, str]] = field(default_factory=list)
    id: str = ""
    number: str = ""

    # --- the applicant -------------------------------------------------------------------------

    def choose(self, who: str = "") -> Page:
        """Put the rows of the study in a selection."""
        visitor = self.story.visitor(who) if who else log_in(self.story, self.team)
        page = visitor.get("/ma-selection/")
        if page.soup.select('main button[name="clear"]'):  # what an earlier study left there
            page = visitor.submit(page, page.form(having="clear"), button=("clear", "1"))
        for row in self.rows:
            page = visitor.get(f"/bases/{row['dataset']}/" + _table_path(row))
            form = page.form(action="/ma-selection/ajouter/", having="dataset")
            page = visitor.submit(page, form, **{**row, "next": "/ma-selection/"})
        return page

    def orient(self) -> Page:
        """Answer the five questions; the page of the route."""
        visitor = log_in(self.story, self.team)
        page = visitor.get("/demander/")
        for answer in ANSWERS[self.procedure]:
            page = visitor.submit(page, main_form(page), answer=answer)
        return page

    def create(self) -> Page:
        """Make the draft, with the selection in it."""
        visitor = log_in(self.story, self.team)
        page = visitor.get("/demander/nouvelle/")
        values = {"title": self.title, "procedure": self.procedure}
        organisation = page.soup.select_one(
            'select[name="organisation"] option[value]:not([value=""])'
        )
        expect(organisation is not None, "aucun organisme à choisir", page)
        page = send(
            visitor,
            page,
            what="nouveau brouillon",
            organisation=organisation["value"],  # type: ignore[index]
            **values,
        )
        self.id = request_id(page)
        return page

    def step_page(self, slug: str) -> Page:
        return log_in(self.story, self.team).get(f"/dossiers/{self.id}/brouillon/{slug}/")

    def fill(self) -> None:
        """Every section of the file."""
        for slug, values in _sections(self).items():
            page = self.step_page(slug)
            names = {str(tag.get("name")) for tag in page.soup.select("main [name]")}
            known = {key: value for key, value in values.items() if key in names}
            send(log_in(self.story, self.team), page, what=f"étape {slug}", **known)
        page = self.step_page("identifiants")
        wanted = {
            str(
                tag["name"]
            ): "Nécessaire à l’analyse par territoire ; une maille plus large ne suffit pas."
            for tag in page.soup.select('textarea[name$="__justification"]')
        }
        if wanted:
            send(log_in(self.story, self.team), page, what="étape identifiants", **wanted)

    def name_persons(self, *others: str) -> None:
        """Give the team's own person access to the data, and invite the others by mail."""
        visitor = log_in(self.story, self.team)
        page = self.step_page("personnes")
        visitor.submit(page, page.form(action="/donnees/"), has_data_access="yes")
        for other in others:
            page = self.step_page("personnes")
            address = f"{other}@demo.example"
            form = page.form(having="email")
            sent = visitor.submit(page, form, email=address, kind="named")
            expect(not sent.errors, f"{other} n’est pas invité", sent)
            link = self.story.wait(
                f"l’invitation de {other} arrive",
                lambda to=address: self.story.mail_link(to, "/compte/invitation/"),
                seconds=30,
            )
            guest = log_in(self.story, other)
            opened = guest.get(link)
            send(guest, opened, what=f"{other} accepte l’invitation")

    def attach(self) -> int:
        """Attach a file to every required piece that lacks one; how many."""
        visitor = log_in(self.story, self.team)
        page = self.step_page("pieces")
        codes = [
            str(card["id"]).removeprefix("piece-")
            for card in page.soup.select("main [id^=piece-]")
            if "obligatoire" in card.get_text() or "à corriger" in card.get_text()
        ]
        for code in codes:
            page = self.step_page("pieces")
            form = page.form(action=f"/pieces/{code}/", having="file")
            visitor.submit(page, form, button=("upload", "1"), files={"file": pdf(code)})
        return len(codes)

    def ask_signature(self) -> Page:
        visitor = log_in(self.story, self.team)
        page = self.step_page("recapitulatif")
        asked = visitor.submit(page, page.form(action="/signature/demander/"))
        expect(not asked.errors, "la signature ne peut pas être demandée", asked)
        return asked

    def sign(self) -> Page:
        """The representative signs what was frozen; the number is given."""
        visitor = log_in(self.story, self.representative)
        page = verify(self.story, visitor, visitor.get(f"/dossiers/{self.id}/signature/"))
        form = page.form(having="sha256")
        done = visitor.submit(page, form, button=("online", "1"), confirm="on")
        expect(not done.errors, "la signature est refusée", done)
        shown = dossier(self.story, self.team, request=self.id)
        found = [word for word in shown.text.split() if word.startswith("GUI-")]
        expect(found, "pas de numéro après la signature", shown)
        self.number = found[0]
        return shown

    def send_back(self) -> Page:
        """Send a completed file back to the desk, signed again when what changed asks for it."""
        visitor = log_in(self.story, self.team)
        page = self.step_page("recapitulatif")
        if page.soup.select('main form[action$="/completer/"]'):
            sent = visitor.submit(page, page.form(action="/completer/"))
            expect(not sent.errors, "le dossier complété n’est pas renvoyé", sent)
            return sent
        self.ask_signature()
        return self.sign()

    def deposit(self) -> Page:
        """From nothing to a deposited file."""
        if self.rows:
            self.choose()
        self.orient()
        self.create()
        self.fill()
        self.name_persons()
        self.attach()
        self.ask_signature()
        return self.sign()

    # --- the counter ---------------------------------------------------------------------------

    def act(self, who: str, name: str, **values: Any) -> Page:
        return perform(self.story, who, name, request=self.id, **values)

    def page(self, who: str, *, tab: str = "", expect_status: int = 200) -> Page:
        return dossier(self.story, who, request=self.id, tab=tab, expect_status=expect_status)

    def review(self, *, mend_first: str = "") -> int:
        """Judge every piece in the desk's grid, the first one to mend if a comment is given."""
        visitor = log_in(self.story, "secretariat")
        grid = verify(self.story, visitor, visitor.get(f"/dossiers/{self.id}/completude/"))
        tags = grid.soup.select('input[type="radio"][name$="-review"]')
        radios = list(dict.fromkeys(str(tag["name"]) for tag in tags))
        expect(len(radios) > 2, "la grille n’a pas de pièces", grid)
        values: dict[str, Any] = dict.fromkeys(radios, "accepted")
        if mend_first:
            values[radios[0]] = "to_mend"
            values[radios[0].replace("-review", "-comment")] = mend_first
        saved = visitor.submit(grid, main_form(grid), **values)
        expect(not saved.errors, "la grille est refusée", saved)
        expect(not mend_first or saved.has(mend_first), "le message n’est pas montré", saved)
        return len(radios)

    def accept(self) -> None:
        self.act("secretariat", "accept_completeness")

    def today(self) -> date:
        """The legal day, as `manage.py clock show` tells it."""
        return date.fromisoformat(self.story.manage("clock", "show").split()[2])

    def opinion(self, sense: str) -> None:
        """Declarations, a rapporteur, a report, the opinion."""
        for who in ("presidente", "rapporteur"):
            self.act(who, "declare_interest", answer="none")
        visitor = log_in(self.story, "presidente")
        page = visitor.get(self.page("presidente").links(href="/assign_rapporteurs/")[0])
        rapporteur = option(page, "Démo-Rapporteur")
        self.act("presidente", "assign_rapporteurs", members=[rapporteur])
        self.act(
            "rapporteur", "file_report", sense=sense, points="\n".join(POINTS), **_said("Rapport")
        )
        hidden = self.page(self.team, tab="avis")
        expect("Rapport : methodology" not in hidden.text, "le demandeur voit le rapport", hidden)
        self.act(
            "presidente",
            "issue_opinion",
            sense=sense,
            points="\n".join(POINTS),
            present=[rapporteur],
            **_said("Avis"),
        )

    def go_on(self) -> None:
        """Answer the points of the opinion and go on to CNIL."""
        answers = {f"answer_{n}": f"Réponse {n}." for n, _text in enumerate(POINTS, start=1)}
        self.act(self.team, "answer_points", decision="go", **answers)

    def authorise(self) -> date:
        """Referral, receipt, authorisation with its real date, register."""
        self.act("secretariat", "record_referral")
        self.story.advance("3d")
        receipt = self.today() - timedelta(days=1)
        self.act(
            "juriste",
            "record_receipt",
            application_number="925057",
            effective_on=receipt.isoformat(),
            files={"document": pdf("recepisse")},
        )
        self.story.advance("20d")
        real = self.today() - timedelta(days=2)
        self.act(
            "juriste",
            "record_authorisation",
            number=f"DR-{real.year}-104",
            application_number="925057",
            effective_on=real.isoformat(),
            files={"document": pdf("autorisation")},
        )
        self.act("secretariat", "publish_register")
        return real

    def prepare_extract(self) -> int:
        """One operator has the extract prepared, another confirms it; how many files."""
        visitor = log_in(self.story, "operateur")
        path = f"/dossiers/{self.id}/extraction/"
        page = verify(self.story, visitor, visitor.get(path))
        visitor.submit(page, main_form(page))
        rows = self.story.wait(
            "l’extraction est préparée",
            lambda: _staged(visitor.get(path)),
            seconds=60,
        )
        prepared = visitor.get(path)
        expect(not prepared.soup.select("main .fr-alert--error"), "extraction refusée", prepared)
        self.act("operatrice", "confirm_extract")
        return len(rows)

    def sign_convention(self) -> Page:
        """Record the convention for a daughter system: every person connects from loopback."""
        visitor = log_in(self.story, "juriste")
        page = visitor.get(self.page("juriste").links(href="/record_convention/")[0])
        today = self.today()
        addresses = {
            str(tag["name"]): "127.0.0.1/32"
            for tag in page.soup.select('input[name^="addresses_"]')
        }
        return self.act(
            "juriste",
            "record_convention",
            delivery_mode="daughter_system",
            starts_on=today.isoformat(),
            ends_on=(today + timedelta(days=365)).isoformat(),
            homologated_on=(today - timedelta(days=30)).isoformat(),
            effective_on=today.isoformat(),
            files={"document": pdf("convention")},
            **addresses,
        )

    def until_convention(self) -> None:
        """From nothing to a file whose convention can be recorded."""
        self.deposit()
        self.review()
        self.accept()
        self.story.advance("11d")
        self.opinion("favourable")
        self.go_on()
        self.authorise()
        self.prepare_extract()

    def is_open(self) -> bool:
        """Whether the team's own page says that the access is open."""
        visitor = log_in(self.story, self.team)
        page = visitor.get("/mes-acces/")
        for card in page.soup.select("main article"):
            badges = [badge.get_text(strip=True).lower() for badge in card.select(".fr-badge")]
            if self.number in card.get_text() and "ouvert" in badges:
                return True
        return False

    def refused_to_go_on(self) -> str:
        """What the page answers to an applicant whose opinion does not open the procedure."""
        try:
            self.go_on()
        except StepFailed as failure:
            return str(failure)
        return ""


def _staged(page: Page) -> list[Tag]:
    """The rows of the extract's table once each has its fingerprint."""
    rows = page.soup.select("main tbody tr")
    return rows if rows and all(row.select_one("code") for row in rows) else []


def option(page: Page, label: str) -> str:
    """Value of the first choice whose label contains a word."""
    for tag in page.soup.select("label[for]"):
        if label in tag.get_text():
            found = page.soup.find(id=str(tag["for"]))
            if found is not None and found.get("value"):  # type: ignore[union-attr]
                return str(found["value"])  # type: ignore[index]
    raise StepFailed(f"pas de choix « {label} » sur {page.url}")


def _table_path(row: dict[str, str]) -> str:
    return f"tables/{row['table']}/" if row.get("table") else ""


def _said(word: str) -> dict[str, str]:
    return {f"heading_{code}": f"{word} : {code}." for code in HEADINGS}


def _sections(study: Study) -> dict[str, dict[str, Any]]:
    organisation = "Université de démonstration"
    prohibited = ("decision", "promotion", "insurance")
    return {
        "parties": {
            "controller__name": organisation,
            "controller__address": "1 place de l’Exemple",
            "controller__missions": "Recherche et enseignement.",
            "person_in_charge__name": "Laboratoire de démonstration",
            "person_in_charge__address": "2 place de l’Exemple",
            "person_in_charge__experience": "Équipe d’épidémiologie.",
            "dpo__name": "Délégué de démonstration",
            "dpo__email": "dpo@demo.example",
        },
        "finalite": {
            "purposes": ["research"],
            "summary": f"{study.title} : résumé lisible par tous.",
            "objectives": "Mesurer un effet.",
            "public_interest": "Améliorer la prise en charge.",
        },
        "finalites-interdites": {f"{code}__undertaking": "on" for code in prohibited}
        | {f"{code}__reason": "L’étude est publique et ne s’y prête pas." for code in prohibited},
        "donnees": {
            "population": "Adultes soignés pour la maladie étudiée.",
            "criteria": "Un séjour au moins.",
            "inclusion_from": "2015-01-01",
            "inclusion_until": "2018-12-31",
            "history_years": "2",
            "follow_up_months": "24",
            "geography": "France entière",
            "expected_number": "12000",
            "matching_mode": "criteria",
            "delivery_mode": "daughter_system",
        },
        "cadre-juridique": {
            "legal_basis": "public_interest",
            "health_condition": "research",
            "retention_months": "60",
            "rights": "Information collective sur le site de l’organisme.",
            "security": "Poste dédié, chiffrement, journal.",
        },
        "duree": {"months": "12"},
    }
