"""What the steps of the journey share: the portal, its visitors, and what was learnt on the way."""

import email
import email.policy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portal.training.processes import Portal

from .visitor import Page, StepFailed, Visitor


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the journey: a name, a function that returns its proof, and what it needs."""

    number: str
    title: str
    play: Callable[["Story"], str]
    needs_portal: bool = False  # clock, process, mail or code: not playable on a given address


STEPS: list[Step] = []


def step(number: str, title: str, *, needs_portal: bool = False) -> Any:
    """Register a step, in the order of definition."""

    def register(play: Callable[["Story"], str]) -> Callable[["Story"], str]:
        STEPS.append(Step(number, title, play, needs_portal))
        return play

    return register


@dataclass
class Story:
    """The state of a journey under way."""

    url: str
    portal: Portal | None
    password: str
    real_dictionary: bool
    seen: dict[str, Any] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def visitor(self, name: str) -> Visitor:
        if name not in self.visitors:
            self.visitors[name] = Visitor(self.url, name)
        return self.visitors[name]

    def manage(self, *arguments: str, name: str = "worker") -> str:
        """Run a command of the portal; only `clock`, `demo_code` and verifications are used."""
        if self.portal is None:
            raise StepFailed("cette étape demande un portail de la démonstration elle-même")
        return self.portal.manage(*arguments, name=name)

    def advance(self, period: str) -> str:
        return self.manage("clock", "advance", period)

    def code(self, name: str) -> str:
        """A second-factor code not used before: each is good once, so wait for the next."""
        deadline = time.monotonic() + 65
        while (found := self.manage("demo_code", name).strip()) == self.codes.get(name):
            if time.monotonic() > deadline:
                raise StepFailed(f"pas de nouveau code pour {name}")
            time.sleep(1)
        self.codes[name] = found
        return found

    def mails(self, to: str) -> list[tuple[str, str]]:
        """Subject and text of each mail to an address, oldest first (the demo keeps them as
        files)."""
        if self.portal is None:
            raise StepFailed("cette étape lit un courriel du portail de la démonstration")
        found = []
        for file in sorted((self.portal.root / "mail").glob("*.eml")):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if to in str(message["to"]):
                body = message.get_body(("plain",))
                found.append((str(message["subject"]), body.get_content() if body else ""))
        return found

    def mail_link(self, to: str, path: str) -> str:
        """The last link of that kind in a mail to an address."""
        words = [word for _subject, text in self.mails(to) for word in text.split()]
        return next((word for word in reversed(words) if path in word), "")

    def wait(self, what: str, test: Callable[[], Any], *, seconds: float = 90) -> Any:
        """The first true answer of a test repeated until a deadline (real seconds)."""
        deadline = time.monotonic() + seconds
        while True:
            if found := test():
                return found
            if time.monotonic() > deadline:
                raise StepFailed(f"{what} : rien après {seconds:.0f} s")
            time.sleep(0.5)


def expect(condition: Any, message: str, page: Page | None = None) -> None:
    """Fail the step when a condition does not hold, saying what the page showed."""
    if not condition:
        seen = f" Vu sur {page.url} : {page.errors or page.text[:400]}" if page else ""
        raise StepFailed(message + seen)
