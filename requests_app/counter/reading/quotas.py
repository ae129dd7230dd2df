"""Quotas left at the provider in words, as the provisioning worker last read them."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from requests_app.provisioning.providers import configured
from requests_app.provisioning.quotas import Reading, last_reading


def _label(name: str) -> str:
    return str(next((label for word, label in configured.shape().limits if word in name), name))


@dataclass(frozen=True, slots=True)
class Summary:
    """What the last reading says: a sentence per quota, when, and why it failed if it did."""

    lines: list[str]
    read_at: datetime | None
    problem: str


def summary(*, persons: int = 1) -> Summary:
    """What is left at the provider, and whether it is enough for one more study."""
    reading = last_reading()
    if reading is None:
        return Summary([_("Les quotas du fournisseur n’ont pas encore été lus.")], None, "")
    return Summary(_sentences(reading, persons), reading.read_at, reading.problem)


def lines(*, persons: int = 1) -> list[str]:
    """One sentence per quota that a study needs, then why the reading failed if it did."""
    found = summary(persons=persons)
    return [*found.lines, *([found.problem] if found.problem else [])]


def _sentences(reading: Reading, persons: int) -> list[str]:
    lacking = {quota.name for quota in reading.lacking(persons=persons)}
    found, known = [], configured.shape().limits
    for quota in sorted(reading.quotas, key=lambda one: one.name):
        if quota.left is None or not any(word in quota.name for word, _label_ in known):
            continue
        sentence = _("%(name)s : %(left)d restants sur %(limit)d") % {
            "name": _label(quota.name),
            "left": quota.left,
            "limit": quota.limit,
        }
        short = _(" – insuffisant pour une nouvelle étude, demandez une augmentation")
        found.append(sentence + (short if quota.name in lacking else ""))
    return found
