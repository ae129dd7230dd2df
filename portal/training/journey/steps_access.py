"""Steps 9 to 14: the key, the storage, failures, revocation, the log."""

import json
import re
import time
from typing import Any

import requests

from .acts import log_in, main_form, verify
from .provider import applications, ask, forget_messages, listed, projects
from .storage import Access, read_access, status_of
from .story import Story, expect, step
from .study import Study
from .visitor import Page


OPEN_SECONDS = 90
UNDECLARED = "127.0.0.9"


def _my_access(story: Story, who: str) -> Page:
    visitor = log_in(story, who)
    return verify(story, visitor, visitor.get("/mes-acces/"))


def _reveal(story: Story, who: str) -> tuple[Page, Page]:
    """Follow « Afficher la clé », confirm, with a fresh second factor when asked: the page of the
    confirmation and the page of the key."""
    visitor = log_in(story, who)
    page = _my_access(story, who)
    asked = verify(story, visitor, visitor.get(page.links(href="/afficher/")[0]))
    shown = visitor.submit(asked, main_form(asked))
    return asked, verify(story, visitor, shown)


@step("9", "La clé s’affiche une fois et n’ouvre que ce qui est autorisé", needs_portal=True)
def use_the_key(story: Story) -> str:
    asked, shown = _reveal(story, "chercheuse")
    access = read_access(shown)
    story.seen["access"] = access
    expect("no-store" in shown.headers.get("cache-control", ""), "la page peut être mise en cache")
    visitor = log_in(story, "chercheuse")
    second = visitor.submit(asked, main_form(asked))
    expect("déjà été affichée" in second.text, "la seconde demande n’est pas refusée", second)
    again = _my_access(story, "chercheuse")
    for page in (second, again):
        expect(access.secret_key not in page.html, "le secret est montré deux fois")
    expect(not again.links(href="/afficher/"), "la clé peut être affichée une seconde fois", again)
    s3 = access.client()
    listing = s3.list_objects_v2(Bucket=access.input_bucket)
    keys = [entry["Key"] for entry in listing.get("Contents", [])]
    expect("manifest.json" in keys, f"pas de manifeste dans {keys}")
    manifest = json.loads(
        s3.get_object(Bucket=access.input_bucket, Key="manifest.json")["Body"].read()
    )
    first = manifest["files"][0]
    body = s3.get_object(Bucket=access.input_bucket, Key=first["file"])["Body"].read()
    header = body.decode().splitlines()[0].split(",")
    expect(header == first["variables"], f"l’en-tête {header} n’est pas ce qui est autorisé")
    refused = status_of(s3.put_object, Bucket=access.input_bucket, Key="intrus.txt", Body=b"x")
    written = status_of(s3.put_object, Bucket=access.work_bucket, Key="resultat.txt", Body=b"42")
    elsewhere = access.status_from(UNDECLARED, access.input_bucket)
    here = access.status_from("127.0.0.1", access.input_bucket)
    expect(refused == 403, f"écrire dans l’entrée répond {refused}")
    expect(written == 200, f"écrire dans la zone de travail répond {written}")
    expect(elsewhere == 403, f"depuis {UNDECLARED} : {elsewhere}")
    expect(here == 200, f"depuis 127.0.0.1 : {here}")
    story.seen["presigned"] = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": access.input_bucket, "Key": "manifest.json"},
        ExpiresIn=3600,
    )
    alive = requests.get(story.seen["presigned"], timeout=30).status_code
    expect(alive == 200, f"l’adresse signée répond {alive}")
    return (
        f"{len(keys)} objets lus ; écriture en entrée {refused}, en travail {written} ;"
        f" depuis {UNDECLARED} {elsewhere} ; seconde lecture de la clé refusée"
    )


@step(
    "10", "Messages perdus et travailleur tué : une étude, un projet, deux clés", needs_portal=True
)
def survive(story: Story) -> str:
    assert story.portal is not None  # noqa: S101 - the step needs the portal
    before, known = projects(story), applications(story)
    second = Study(
        story,
        name="second",
        team="medecin",
        representative="directeur",
        title="Seconde étude du parcours",
        rows=story.seen["second rows"],
    )
    second.until_convention()
    story.portal.kill("provisioning")
    second.sign_convention()
    lost = forget_messages(story)
    story.portal.restart("provisioning")
    story.wait(
        "l’ouverture commence",
        lambda: projects(story) - before,
        seconds=OPEN_SECONDS,
    )
    story.portal.kill("provisioning")
    lost += forget_messages(story)
    started = time.monotonic()
    story.portal.restart("provisioning")
    story.wait("l’accès est ouvert", second.is_open, seconds=OPEN_SECONDS)
    took = time.monotonic() - started
    made, persons = projects(story) - before, applications(story) - known
    expect(len(made) == 1, f"{len(made)} projets pour une étude")
    expect(len(persons) == 1, f"{len(persons)} applications pour une personne")
    keys = listed(story, "/iam/v1alpha1/api-keys", application_id=persons.pop())
    expect(len(keys) == 2, f"{len(keys)} clés pour une personne")
    _asked, shown = _reveal(story, "medecin")
    access = read_access(shown)
    first: Access = story.seen["access"]
    foreign = status_of(first.client().list_objects_v2, Bucket=access.input_bucket)
    expect(foreign == 403, f"la première étude lit la seconde : {foreign}")
    return (
        f"{lost} messages perdus, 1 projet, 1 application, 2 clés ; ouvert {took:.0f} s après la"
        f" seconde mort ; la clé d’une autre étude répond {foreign}"
    )


@step("11", "Le fournisseur tombe et revient : l’accès marche toujours", needs_portal=True)
def provider_restarts(story: Story) -> str:
    assert story.portal is not None  # noqa: S101 - the step needs the portal
    access: Access = story.seen["access"]
    time.sleep(3)  # the sandbox keeps objects at most 2 s after a change
    story.portal.kill("sandbox")
    story.portal.restart("sandbox")
    read = status_of(access.client().get_object, Bucket=access.input_bucket, Key="manifest.json")
    kept = status_of(access.client().get_object, Bucket=access.work_bucket, Key="resultat.txt")
    expect((read, kept) == (200, 200), f"après le redémarrage : {read}, {kept}")
    return "extrait et résultat relus après SIGKILL"


@step("12", "L’opérateur retire l’accès : refus prouvés, durée affichée", needs_portal=True)
def revoke(story: Story) -> str:
    visitor = log_in(story, "operateur")
    number = story.seen["study"].number
    page = verify(story, visitor, visitor.get("/exploitation/"))
    page = visitor.get(page.link(text=number))
    form_page = verify(story, visitor, visitor.get(page.links(href="/revoke_study/")[0]))
    form = next(form for form in form_page.soup.select("main form"))
    visitor.submit(form_page, form, reason="Fin anticipée demandée par le responsable.")
    seen = story.wait(
        "le retrait est prouvé", lambda: _revoked(story, visitor, number), seconds=120
    )
    access: Access = story.seen["access"]
    answers = {
        "lecture": status_of(access.client().list_objects_v2, Bucket=access.input_bucket),
        "écriture": status_of(
            access.client().put_object, Bucket=access.work_bucket, Key="apres.txt", Body=b"x"
        ),
        "adresse signée": requests.get(story.seen["presigned"], timeout=30).status_code,
    }
    expect(set(answers.values()) == {403}, f"après le retrait : {answers}")
    key = ask(story, f"/iam/v1alpha1/api-keys/{access.access_key}").status_code
    expect(key == 404, f"la clé existe encore chez le fournisseur : {key}")
    told = {
        name: story.wait(
            f"{name} est prévenu du retrait",
            lambda to=address: [
                subject
                for subject, _text in story.mails(to)
                if number in subject and "retiré" in subject
            ],
            seconds=30,
        )
        for name in ("chercheuse", story.seen["holders"][0])
        for address in [f"{name}@demo.example"]
    }
    return (
        "lecture, écriture et adresse signée répondent 403, la clé 404 ;"
        f" {len(told)} personnes prévenues ; retrait prouvé en {seen}"
    )


def _revoked(story: Story, visitor: Any, number: str) -> str:
    """The time to revoke shown for the study's opened grant, once it is closed."""
    page = visitor.get("/exploitation/?etat=closed")
    for row in page.soup.select("tbody tr"):
        text = re.sub(r"\s+", " ", row.get_text(" "))
        found = re.search(r"([0-9]+[,.][0-9]) s", text)
        if number in text and found:
            return f"{found.group(1)} s"
    return ""


@step("13", "MR-007 : un avis tacite n’ouvre rien", needs_portal=True)
def tacit_stays_closed(story: Story) -> str:
    study = Study(
        story,
        name="mr007",
        team="chercheuse",
        representative="representante",
        title="Étude de la base principale sans avis exprès",
        procedure="fr-mr-007",
        rows=story.seen["mr007 rows"],
    )
    study.deposit()
    study.review()
    study.accept()
    story.advance("40d")
    page = story.wait(
        "l’avis est tacite",
        lambda: _with(study.page("chercheuse", tab="avis"), "tacite favorable"),
    )
    expect("Période d’accès" not in page.text, "un accès existe", page)
    before = projects(story)
    refusal = study.refused_to_go_on()
    expect("avis tacite" in refusal, f"la suite n’est pas refusée pour cette raison : {refusal}")
    legal = study.page("juriste")
    expect(not legal.links(href="/record_convention/"), "une convention peut être signée", legal)
    expect(projects(story) == before, "un projet a été créé chez le fournisseur")
    return "la suite est refusée, avec sa raison ; ni convention, ni projet chez le fournisseur"


def _with(page: Page, words: str) -> Page | None:
    return page if words in page.text.lower() else None


@step("14", "Le journal se vérifie et se relit, sans un nom dans la chaîne", needs_portal=True)
def log_reads_back(story: Story) -> str:
    verdict = story.manage("audit_verify").strip().splitlines()[-1]
    read = _whole_log(story)
    for words in ("Dossier complet", "Avis rendu", "Convention enregistrée", "Accès retiré"):
        expect(words.lower() in read.lower(), f"le journal ne dit pas « {words} »")
    assert story.portal is not None  # noqa: S101 - the step needs the portal
    target = story.portal.root / "audit.jsonl"
    story.manage("audit_export", "--output", str(target))
    chain = target.read_text()
    names = ("Démo-", "Alix", "chercheuse", "@demo.example")
    expect(not [name for name in names if name in chain], "un nom est dans la chaîne")
    return f"{verdict} ; {len(chain.splitlines())} lignes exportées, aucun nom"


def _whole_log(story: Story) -> str:
    """Every page of the first study's log, as the auditor reads it."""
    visitor = log_in(story, "auditeur")
    page = story.seen["study"].page("auditeur", tab="journal")
    texts = [page.text]
    for number in range(2, 50):
        following = page.links(href=f"page={number}")
        if not following:
            break
        page = visitor.get(following[0])
        texts.append(page.text)
    return " ".join(texts)
