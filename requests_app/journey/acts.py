"""Acts on a request as its actors perform them: log in, open the file, fill in the form."""

import re
from typing import Any

from .story import Story, expect
from .visitor import Page, StepFailed, Visitor


# The smallest file that is a PDF: one empty page.
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def pdf(title: str) -> tuple[str, bytes, str]:
    """A small PDF to upload: name, content, type."""
    return f"{title}.pdf", _PDF, "application/pdf"


def log_in(story: Story, name: str) -> Visitor:
    """A visitor logged in with their second factor, or the one already there."""
    visitor = story.visitor(name)
    if story.seen.get(f"logged in {name}"):
        return visitor
    page = visitor.get("/compte/connexion/")
    page = visitor.submit(
        page, page.form(having="password"), username=name, password=story.password
    )
    expect(
        "password" not in page.html or "Déconnexion" in page.text,
        f"{name} ne se connecte pas",
        page,
    )
    page = verify(story, visitor, page)
    story.seen[f"logged in {name}"] = True
    return visitor


def verify(story: Story, visitor: Visitor, page: Page) -> Page:
    """Answer a request for the second factor if the page is one; else the page itself."""
    for _try in range(2):
        if "token" not in {tag.get("name") for tag in page.soup.select("input")}:
            return page
        page = visitor.submit(page, page.form(having="token"), token=story.code(visitor.name))
    raise StepFailed(f"{visitor.name} : le second facteur est refusé. {page.errors}")


def dossier(story: Story, who: str, *, tab: str = "", expect_status: int = 200) -> Page:
    """The page of the journey's request, read by a person."""
    visitor = log_in(story, who)
    path = f"/dossiers/{story.seen['request']}/" + (f"?onglet={tab}" if tab else "")
    return visitor.get(path, expect=expect_status)


def perform(
    story: Story,
    who: str,
    act: str,
    *,
    files: dict[str, tuple[str, bytes, str]] | None = None,
    expect_status: int = 200,
    **values: Any,
) -> Page:
    """Perform an act through its own page. Raises StepFailed with the form's errors."""
    visitor = log_in(story, who)
    page = dossier(story, who)
    found = page.links(href=f"/{act}/")
    if not found:
        raise StepFailed(f"{who} n’a pas de bouton « {act} ». {page.text[:400]}")
    form_page = verify(story, visitor, visitor.get(found[0]))
    form = form_page.form(index=_main_form(form_page))
    answer = visitor.submit(form_page, form, files=files, expect=expect_status, **values)
    if expect_status == 200 and answer.errors:
        raise StepFailed(f"{who}, {act} : {answer.errors}")
    return answer


def _main_form(page: Page) -> int:
    """Index of the POST form inside the page's main part (the header has one to log out)."""
    forms = [f for f in page.soup.select("form") if str(f.get("method", "")).lower() == "post"]
    inside = [index for index, form in enumerate(forms) if form.find_parent("main") is not None]
    if not inside:
        raise StepFailed(f"pas de formulaire sur {page.url}")
    return inside[0]


def request_id(page: Page) -> str:
    """The id in a request's address."""
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", page.url)
    if found is None:
        raise StepFailed(f"pas d’identifiant de dossier dans {page.url}")
    return found.group()
