"""A person at a browser: pages, links and forms over HTTP, as the journey plays them."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlparse

import requests
from bs4 import BeautifulSoup, Tag


TIMEOUT_SECONDS = 60


class StepFailed(AssertionError):
    """A step of the journey did not hold; the message says what was seen instead."""


@dataclass
class Page:
    """One answer of the portal."""

    url: str
    status: int
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @cached_property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.html, "html.parser")

    @cached_property
    def text(self) -> str:
        """Visible text, white space folded (non-breaking spaces too)."""
        return re.sub(r"\s+", " ", self.soup.get_text(" ")).strip()

    @property
    def errors(self) -> str:
        """What the page says went wrong, for a failure's message."""
        found = self.soup.select(".fr-error-text, .fr-alert--error, .errorlist")
        return re.sub(r"\s+", " ", " | ".join(tag.get_text(" ") for tag in found)).strip()

    def has(self, *words: str) -> bool:
        return all(word in self.text for word in words)

    def link(self, *, text: str = "", href: str = "") -> str:
        """Address of the first link whose text or address contains what is asked."""
        for anchor in self.soup.select("a[href]"):
            folded = re.sub(r"\s+", " ", anchor.get_text(" ")).strip()
            if (not text or text in folded) and (not href or href in str(anchor["href"])):
                return urljoin(self.url, str(anchor["href"]))
        raise StepFailed(f"pas de lien « {text or href} » sur {self.url}")

    def links(self, *, href: str) -> list[str]:
        found = [urljoin(self.url, str(a["href"])) for a in self.soup.select("a[href]")]
        return [address for address in dict.fromkeys(found) if href in address]

    def form(self, *, action: str = "", having: str = "", index: int = 0) -> Tag:
        """The n-th POST form: its action contains a word, it holds a field or a button's text."""
        candidates = [
            form
            for form in self.soup.select("form")
            if str(form.get("method", "get")).lower() == "post"
            and action in str(form.get("action", ""))
            and (
                not having or form.select_one(f'[name="{having}"]') or having in form.get_text(" ")
            )
        ]
        if len(candidates) <= index:
            raise StepFailed(f"pas de formulaire « {action or having} » sur {self.url}")
        return candidates[index]


def form_values(form: Tag) -> list[tuple[str, str]]:
    """What a browser would send of an untouched form, buttons left out."""
    values: list[tuple[str, str]] = []
    for tag in form.select("input[name], textarea[name], select[name]"):
        name = str(tag["name"])
        if tag.has_attr("disabled"):
            continue
        if tag.name == "textarea":
            values.append((name, tag.get_text()))
        elif tag.name == "select":
            options = tag.select("option[selected]") or (
                [] if tag.has_attr("multiple") else tag.select("option")[:1]
            )
            values += [(name, str(option.get("value", option.get_text()))) for option in options]
        else:
            kind = str(tag.get("type", "text")).lower()
            if kind in {"checkbox", "radio"} and not tag.has_attr("checked"):
                continue
            if kind not in {"submit", "button", "image", "file", "reset"}:
                values.append((name, str(tag.get("value", "on" if kind == "checkbox" else ""))))
    return values


class Visitor:
    """A browser of one person; follows redirects, sends the page's own CSRF token."""

    def __init__(self, base_url: str, name: str) -> None:
        self.base_url = base_url
        self.name = name
        self.session = requests.Session()

    def get(self, path: str, *, expect: int = 200) -> Page:
        response = self.session.get(urljoin(self.base_url, path), timeout=TIMEOUT_SECONDS)
        return self._page(response, expect)

    def submit(
        self,
        page: Page,
        form: Tag,
        *,
        expect: int = 200,
        button: tuple[str, str] | None = None,
        files: dict[str, tuple[str, bytes, str]] | None = None,
        **values: Any,
    ) -> Page:
        """Fill in a page's form and send it; a list gives several values, None leaves one out."""
        filled = [(name, value) for name, value in form_values(form) if name not in values]
        for name, value in values.items():
            if value is None:
                continue
            filled += [(name, str(v)) for v in (value if isinstance(value, list) else [value])]
        if button:
            filled.append(button)
        address = urljoin(page.url, str(form.get("action") or page.url))
        if urlparse(address).netloc != urlparse(self.base_url).netloc:
            raise StepFailed(f"un formulaire de {page.url} part ailleurs : {address}")
        response = self.session.post(
            address,
            data=filled,
            files=files,
            headers={"Referer": page.url},
            timeout=TIMEOUT_SECONDS,
        )
        return self._page(response, expect)

    def _page(self, response: requests.Response, expect: int) -> Page:
        kind = response.headers.get("content-type", "")
        page = Page(
            url=response.url,
            status=response.status_code,
            html=response.text if "text" in kind or "json" in kind else "",
            headers={key.lower(): value for key, value in response.headers.items()},
            content=response.content,
        )
        if page.status != expect:
            raise StepFailed(
                f"{self.name} : {page.url} répond {page.status} au lieu de {expect}."
                f" {page.errors or page.text[:300]}"
            )
        return page
