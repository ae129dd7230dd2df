"""Steps 1 to 3 of the journey: search, selection, draft and signature."""

from .acts import log_in
from .story import Story, expect, step
from .study import Study


QUERY = "commune de résidence du bénéficiaire"
TITLE = "Trajectoires de soins et territoires"


@step("1", "La recherche trouve la variable, une fois, signalée comme identifiant potentiel")
def search(story: Story) -> str:
    visitor = story.visitor("public")
    page = visitor.get(f"/recherche/?q={QUERY}&onglet=variables")
    names = page.soup.select("main .catalog-hit__meta .catalog-code")
    hits = [tag for tag in names if tag.get_text(strip=True) == "BEN_RES_COM"]
    expect(len(hits) == 1, f"BEN_RES_COM apparaît {len(hits)} fois", page)
    variable = visitor.get(page.link(href="/variables/BEN_RES_COM/"))
    expect("identifiant potentiel" in variable.text.lower(), "non signalée", variable)
    tables = set(variable.links(href="/tables/"))
    expect(tables, "les tables qui la portent ne sont pas listées", variable)
    return f"BEN_RES_COM une fois, dans {len(tables)} table(s), identifiant potentiel"


@step("2", "La sélection se fait avant la connexion, prévient d’une année sans la variable")
def select(story: Story) -> str:
    study = Study(
        story,
        name="first",
        team="chercheuse",
        representative="representante",
        title=TITLE,
        rows=story.seen["rows"],
    )
    story.seen["study"] = study
    page = study.choose("chercheuse")
    warnings = page.soup.select("main .fr-alert, main .portal-finding, main .fr-message")
    words = page.text.lower()
    expect("n’existe pas" in words or "n’existent pas" in words, "pas d’avertissement", page)
    visitor = log_in(story, "chercheuse")
    merged = visitor.get("/ma-selection/")
    for row in study.rows:
        expect(row.get("table", row["dataset"]) in merged.html, f"{row} est perdue", merged)
    return f"{len(study.rows)} lignes gardées à la connexion, {len(warnings)} avertissement(s)"


@step(
    "3",
    "Le brouillon dit tout ce qui manque ; il est complété, figé, signé",
    needs_portal=True,  # an invitation is read in the mails, codes of a second factor are made
)
def draft(story: Story) -> str:
    study: Study = story.seen["study"]
    route = study.orient()
    expect("CNIL" in route.text, "l’orientation ne mène pas à la CNIL", route)
    study.create()
    overview = log_in(story, "chercheuse").get(f"/dossiers/{study.id}/brouillon/")
    missing = len(overview.soup.select("main li a[href*='#']"))
    expect(missing > 10, f"{missing} manques listés", overview)
    asked = study.step_page("identifiants")
    expect(asked.soup.select('textarea[name$="__justification"]'), "aucune justification", asked)
    study.fill()
    study.name_persons("doctorant")
    pieces = study.attach()
    study.ask_signature()
    shown = study.sign()
    expect(study.number in shown.text, "pas de numéro", shown)
    return f"{missing} manques listés avec leurs liens ; {pieces} pièces ; signé : {study.number}"
