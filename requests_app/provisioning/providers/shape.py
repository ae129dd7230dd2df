"""What the portal knows of a provider without calling it: kinds of rows, form of fences, limits.

Loaded by every process, the web too: no SDK here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """Kinds of `CloudResource` that a provider makes: a study's place, a person's identity, and the
    parts of the study's rights, which all are there or the rights are not. `members`: the one that
    holds the members; empty, the place does."""

    study: str
    person: str
    rights: tuple[str, ...] = ()
    members: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """`form`: how this provider's fences are written; another one has all of them written again.

    `words`: texts for the provider's own kinds of rows; `limits`: for words in its names of quotas,
    in the order they are looked for. `tool`: its name in rclone's settings. `max_parts`: of one
    upload. `key_settings`: names of the settings that hold the portal's own key.
    """

    name: str
    rows: Rows
    form: str
    tool: str
    max_parts: int
    key_settings: tuple[str, ...]
    words: Mapping[str, object]
    limits: tuple[tuple[str, object], ...]
