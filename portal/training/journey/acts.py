"""Acts on a request as its actors perform them: log in, open the file, fill in the form."""

import re
import uuid
from typing import Any

from bs4 import Tag

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
    """A small PDF to upload, never twice the same: name, content, type."""
    return f"{title}.pdf", _PDF + f"% {uuid.uuid4()}\n".encode(), "application/pdf"


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
        if "/second-facteur/verifier/" not in page.url:
            return page
        page = visitor.submit(page, main_form(page), code=story.code(visitor.name))
    raise StepFailed(f"{visitor.name} : le second facteur est refusé. {page.errors}")


def dossier(
    story: Story, who: str, *, request: str = "", tab: str = "", expect_status: int = 200
) -> Page:
    """The page of a request (the journey's first, unless another is named), read by a person."""
    visitor = log_in(story, who)
    path = f"/dossiers/{request or story.seen['request']}/" + (f"?onglet={tab}" if tab else "")
    page = visitor.get(path, expect=expect_status)
    return verify(story, visitor, page) if expect_status == 200 else page


def perform(
    story: Story,
    who: str,
    act: str,
    *,
    request: str = "",
    files: dict[str, tuple[str, bytes, str]] | None = None,
    **values: Any,
) -> Page:
    """Perform an act through its own page. Raises StepFailed with the form's errors."""
    visitor = log_in(story, who)
    page = dossier(story, who, request=request)
    found = page.links(href=f"/{act}/")
    if not found:
        raise StepFailed(f"{who} n’a pas de bouton « {act} ». {page.text[:400]}")
    form_page = verify(story, visitor, visitor.get(found[0]))
    return send(visitor, form_page, files=files, what=f"{who}, {act}", **values)


def send(
    visitor: Visitor,
    page: Page,
    *,
    what: str,
    files: dict[str, tuple[str, bytes, str]] | None = None,
    **values: Any,
) -> Page:
    """Send the page's main form; raises StepFailed with what the page says is wrong."""
    form = main_form(page)
    if form.select_one('input[name="confirm"]'):  # an act that is not taken back
        values.setdefault("confirm", "on")
    try:
        answer = visitor.submit(page, form, files=files, **values)
    except StepFailed as failure:
        raise StepFailed(f"{what} : {failure}") from failure
    if answer.errors:
        raise StepFailed(f"{what} : {answer.errors}")
    return answer


def main_form(page: Page) -> Tag:
    """The first POST form of the page's main part (the header has one to log out)."""
    for form in page.soup.select("main form"):
        if str(form.get("method", "")).lower() == "post":
            return form
    raise StepFailed(f"pas de formulaire sur {page.url} : {page.text[:300]}")


def request_id(page: Page) -> str:
    """The id in a request's address."""
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", page.url)
    if found is None:
        raise StepFailed(f"pas d’identifiant de dossier dans {page.url}")
    return found.group()
