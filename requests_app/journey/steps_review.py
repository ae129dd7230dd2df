"""Steps 4 to 8 of the journey: completeness, holders, committee, CNIL, convention."""

from datetime import date, timedelta
from typing import Any

from .acts import dossier, log_in, pdf, perform, verify
from .story import Story, expect, step
from .visitor import Page


HEADINGS = ("methodology", "personal_data", "relevance", "scientific_quality", "public_interest")
POINTS = ("Préciser la durée d’appariement.", "Réduire la liste des communes à la région.")


def _headings(word: str) -> dict[str, str]:
    return {f"heading_{code}": f"{word} : {code}." for code in HEADINGS}


def _paris_today(story: Story) -> date:
    """The legal day shown by the training banner's clock."""
    return date.fromisoformat(story.manage("clock", "today").strip())


@step("4a", "Le secrétariat demande une pièce", needs_portal=True)
def ask_for_a_piece(story: Story) -> str:
    visitor = log_in(story, "secretariat")
    grid = verify(story, visitor, visitor.get(f"/dossiers/{story.seen['request']}/completude/"))
    radios = {str(tag["name"]) for tag in grid.soup.select('input[type="radio"][name$="-review"]')}
    expect(len(radios) > 2, "la grille n’a pas de pièces", grid)
    names = sorted(radios)
    values: dict[str, Any] = dict.fromkeys(names, "accepted")
    first = str(grid.soup.select_one('input[type="radio"][name$="-review"]')["name"])  # type: ignore[index]
    values[first] = "to_mend"
    values[first.replace("-review", "-comment")] = "Le plan d’analyse manque."
    form = grid.form(having=first)
    saved = visitor.submit(grid, form, **values)
    expect(saved.has("Le plan d’analyse manque."), "le message n’est pas montré", saved)
    perform(story, "secretariat", "request_completion")
    page = dossier(story, "chercheuse")
    expect(page.has("à compléter"), "le dossier n’est pas à compléter", page)
    return f"{len(names)} pièces jugées, une à corriger, un seul message"


@step("5a", "Un responsable remarque, l’autre se tait dix jours", needs_portal=True)
def holders(story: Story) -> str:
    remarking, silent = story.seen["holders"]
    perform(story, remarking, "file_remark", text="Les dates de décès sont peu fiables avant 2012.")
    page = dossier(story, silent)
    expect(page.has("Faire vos remarques"), "le second responsable n’est pas sollicité", page)
    story.advance("11d")
    story.wait(
        "le silence est consigné",
        lambda: "Aucune remarque reçue" in dossier(story, "secretariat").text,
    )
    return f"remarque de {remarking} ; silence de {silent} : « aucune remarque reçue »"


@step("6", "Le comité : un membre lié ne voit rien, l’avis est rendu", needs_portal=True)
def committee(story: Story) -> str:
    dossier(story, "membre-lie", expect_status=404)
    log_in(story, "membre-lie").get(
        f"/dossiers/{story.seen['request']}/actes/withdraw/", expect=404
    )
    for who in ("presidente", "rapporteur"):
        perform(story, who, "declare_interest", answer="none")
    story.seen["rapporteur id"] = _choice(story, "presidente", "assign_rapporteurs", "Rapporteur")
    perform(story, "presidente", "assign_rapporteurs", members=[story.seen["rapporteur id"]])
    perform(
        story,
        "rapporteur",
        "file_report",
        sense="favourable_with_recommendations",
        points="\n".join(POINTS),
        **_headings("Rapport"),
    )
    hidden = dossier(story, "chercheuse", tab="avis")
    expect("Rapport : methodology" not in hidden.text, "le demandeur voit le rapport", hidden)
    perform(
        story,
        "presidente",
        "issue_opinion",
        sense="favourable_with_recommendations",
        points="\n".join(POINTS),
        present=[story.seen["rapporteur id"]],
        **_headings("Avis"),
    )
    page = dossier(story, "chercheuse", tab="avis")
    expect(page.has("favorable avec recommandations"), "l’avis n’est pas visible", page)
    return "404 pour le membre lié ; avis « favorable avec recommandations » rendu sur le rapport"


def _choice(story: Story, who: str, act: str, label: str) -> str:
    """Value of the checkbox whose label contains a word, on an act's page."""
    visitor = log_in(story, who)
    page = visitor.get(dossier(story, who).links(href=f"/{act}/")[0])
    return option(page, label)


def option(page: Page, label: str) -> str:
    """Value of the first choice whose label contains a word."""
    for tag in page.soup.select("label[for]"):
        if label in tag.get_text():
            field = page.soup.find(id=str(tag["for"]))
            if field is not None and field.get("value"):  # type: ignore[union-attr]
                return str(field["value"])  # type: ignore[index]
    expect(False, f"pas de choix « {label} »", page)
    return ""


@step("7", "Réponse aux points, CNIL : aucun droit n’existe encore", needs_portal=True)
def authorisation(story: Story) -> str:
    perform(
        story,
        "chercheuse",
        "answer_points",
        decision="go",
        answer_1="L’appariement dure deux ans.",
        answer_2="La liste est réduite.",
    )
    perform(story, "secretariat", "record_referral")
    story.advance("3d")
    today = _paris_today(story)
    perform(
        story,
        "juriste",
        "record_receipt",
        application_number="925057",
        effective_on=(today - timedelta(days=1)).isoformat(),
        files={"document": pdf("recepisse")},
    )
    story.advance("20d")
    real = _paris_today(story) - timedelta(days=2)
    perform(
        story,
        "juriste",
        "record_authorisation",
        number=f"DR-{real.year}-104",
        application_number="925057",
        effective_on=real.isoformat(),
        files={"document": pdf("autorisation")},
    )
    perform(story, "secretariat", "publish_register")
    register = story.visitor("public").get("/repertoire/")
    expect(register.has(story.seen["title"]), "le projet n’est pas au répertoire", register)
    access = dossier(story, "chercheuse", tab="acces")
    expect(access.has("Aucun accès n’est ouvert"), "un droit existe avant la convention", access)
    return f"acte du {real.isoformat()} enregistré ; répertoire public à jour ; aucun accès"


@step("8a", "L’extraction est préparée puis confirmée par une deuxième personne", needs_portal=True)
def extract(story: Story) -> str:
    visitor = log_in(story, "operateur")
    page = verify(story, visitor, visitor.get(f"/dossiers/{story.seen['request']}/extraction/"))
    page = visitor.submit(page, page.form(having="Préparer"))
    files = story.wait(
        "l’extraction est préparée",
        lambda: visitor.get(f"/dossiers/{story.seen['request']}/extraction/").soup.select(
            "tbody tr"
        ),
    )
    perform(story, "operatrice", "confirm_extract")
    return f"{len(files)} fichiers, préparés par l’opérateur, confirmés par l’opératrice"


@step("8b", "La convention crée les droits ; sans formation, pas de clé", needs_portal=True)
def convention(story: Story) -> str:
    today = _paris_today(story)
    visitor = log_in(story, "juriste")
    page = visitor.get(dossier(story, "juriste").links(href="/record_convention/")[0])
    addresses = {
        str(tag["name"]): "127.0.0.1/32" for tag in page.soup.select('input[name^="addresses_"]')
    }
    expect(len(addresses) == 2, "deux personnes habilitées étaient attendues", page)
    perform(
        story,
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
    story.wait(
        "l’accès de la chercheuse est ouvert",
        lambda: "ouvert" in _access_of(story, "chercheuse"),
        seconds=120,
    )
    untrained = _access_of(story, "doctorant")
    expect(
        "formation" in untrained.lower(), f"le doctorant ne lit pas pourquoi : {untrained[:300]}"
    )
    return "accès ouvert par le travailleur ; le doctorant lit qu’il lui manque la formation"


def _access_of(story: Story, who: str) -> str:
    visitor = log_in(story, who)
    return visitor.get("/mes-acces/").text
