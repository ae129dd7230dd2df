"""Steps 4 to 8 of the journey: completeness, holders, committee, CNIL, convention."""

from urllib.parse import urlsplit

from .acts import log_in
from .provider import applications, projects
from .story import Story, expect, step
from .study import Study


@step(
    "4",
    "Une pièce est demandée : le délai s’arrête et reprend ; dossier complet",
    needs_portal=True,
)
def completeness(story: Story) -> str:
    study: Study = story.seen["study"]
    judged = study.review(mend_first="Le plan d’analyse manque.")
    study.act("secretariat", "request_completion")
    paused = study.page("chercheuse")
    expect(paused.has("à compléter"), "le dossier n’est pas à compléter", paused)
    story.advance("30d")  # four weeks with the applicant: the clock stands still
    still = study.page("chercheuse")
    expect(still.has("à compléter"), "le délai a couru pendant la pause", still)
    study.attach()
    study.send_back()
    resumed = study.page("secretariat")
    expect(
        resumed.has("Contrôler que le dossier est complet"), "le contrôle n’a pas repris", resumed
    )
    late = resumed.soup.select_one("main .portal-due--late")
    expect(late is None, "le délai n’a pas été suspendu", resumed)
    study.review()
    study.accept()
    done = study.page("chercheuse")
    expect(done.has("en cours d’instruction"), "le dossier n’est pas instruit", done)
    return f"{judged} pièces jugées ; 30 jours de pause sans échéance ; dossier complet"


@step("5", "Deux responsables : une remarque, un silence de plus de dix jours", needs_portal=True)
def holders(story: Story) -> str:
    study: Study = story.seen["study"]
    remarking, silent = story.seen["holders"]
    study.act(remarking, "file_remark", text="Les dates de décès sont peu fiables avant 2012.")
    asked = study.page(silent)
    expect(asked.has("Faire vos remarques"), "le second responsable n’est pas sollicité", asked)
    story.advance("11d")
    story.wait(
        "le silence est consigné",
        lambda: "aucune remarque reçue" in study.page("secretariat").text.lower(),
        seconds=30,
    )
    running = study.page("secretariat")
    expect(running.has("Rendre l’avis"), "le délai du comité ne court pas", running)
    hidden = study.page("chercheuse", tab="avis")
    expect("peu fiables" not in hidden.text, "la remarque est visible avant l’avis", hidden)
    return f"{remarking} a remarqué, {silent} s’est tu : « aucune remarque reçue »"


@step("6", "Le comité : 404 pour un membre lié ; rapport ; avis rendu", needs_portal=True)
def committee(story: Story) -> str:
    study: Study = story.seen["study"]
    study.opinion("favourable_with_recommendations")
    seen = study.page("chercheuse", tab="avis")
    expect(seen.has("favorable avec recommandations"), "l’avis n’est pas visible", seen)
    expect("peu fiables" in seen.text, "la remarque n’est pas visible après l’avis", seen)
    # Every address of the file that those who may read it are shown, PDFs and pieces included.
    visitor = log_in(story, "membre-lie")
    tabs = [
        study.page(who, tab=tab)
        for who in ("chercheuse", "auditeur", "presidente", "secretariat")
        for tab in ("", "dossier", "pieces", "avis", "acces", "journal")
    ]
    root = f"/dossiers/{study.id}/"
    paths = {urlsplit(link).path for page in tabs for link in page.links(href=root)} | {root}
    expect(any(path.endswith(".pdf") for path in paths), "aucun PDF parmi les adresses du dossier")
    for path in sorted(paths):
        visitor.get(path, expect=404)
    for path in ("/dossiers/", "/a-traiter/", "/dossiers/export.csv", "/a-traiter/export.csv"):
        listed = visitor.get(path)
        expect(
            study.number not in listed.html and study.title not in listed.html,
            f"le membre lié voit le dossier dans {path}",
        )
    mails = [" ".join(mail) for mail in story.mails("membre-lie@demo.example")]
    told = [text for text in mails if study.number in text]
    expect(
        len(told) <= 1 and all("écarté d’office" in text for text in told),
        "le membre lié en reçoit plus que l’avis de son écart",
    )
    expect(
        not [text for text in mails if study.title in text or f"{study.id}" in text],
        "un courriel au membre lié dit plus que le numéro du dossier",
    )
    return (
        f"404 sur {len(paths)} adresses pour le membre lié, rien dans ses listes, le numéro seul"
        " par courriel ; avis « favorable avec recommandations »"
    )


@step(
    "7",
    "Réponse aux points, CNIL à sa date réelle : aucun droit n’existe encore",
    needs_portal=True,
)
def authorisation(story: Story) -> str:
    study: Study = story.seen["study"]
    before = projects(story) | applications(story)
    study.go_on()
    real = study.authorise()
    register = story.visitor("public").get("/repertoire/")
    expect(register.has(study.title), "le projet n’est pas au répertoire public", register)
    access = study.page("chercheuse", tab="acces")
    expect("Période d’accès" not in access.text, "un droit existe avant la convention", access)
    made = (projects(story) | applications(story)) - before
    expect(not made, f"créé chez le fournisseur avant la convention : {made}")
    return (
        f"autorisation du {real.isoformat()}, répertoire public à jour, aucun accès, rien de créé"
        " chez le fournisseur"
    )


@step(
    "8", "Extraction confirmée, convention signée ; sans formation, pas de clé", needs_portal=True
)
def convention(story: Story) -> str:
    study: Study = story.seen["study"]
    files = study.prepare_extract()
    known = applications(story)
    study.sign_convention()
    story.wait("l’accès de la chercheuse est ouvert", study.is_open, seconds=120)
    untrained = log_in(story, "doctorant").get("/mes-acces/")
    expect("ormation" in untrained.text, "le doctorant ne lit pas ce qui lui manque", untrained)
    expect(not untrained.links(href="/afficher/"), "le doctorant a une clé", untrained)
    made = len(applications(story) - known)
    expect(made == 1, f"{made} identités créées chez le fournisseur pour une personne prête")
    holder = log_in(story, story.seen["holders"][0]).get("/qui-utilise-mes-donnees/")
    expect(holder.has(study.number), "le responsable ne voit pas qui utilise ses données", holder)
    return f"{files} fichiers ; accès ouvert ; le doctorant lit qu’il lui manque la formation"
